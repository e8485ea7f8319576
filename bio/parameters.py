"""The manners of scikit-learn's estimators for a class that does not import scikit-learn.

`python -m benchmarks.gene_memory` prints what importing it takes: 76 MB and 0.7 seconds, where finding the genes of
E. coli takes 202 MB.
"""

from __future__ import annotations

import inspect
from typing import Any, Self


class Parameters:
    """get_params, set_params and a repr, from the signature of __init__; clone and the tags of estimators work.

    As in scikit-learn, __init__ keeps each argument under its own name and does nothing else.
    """

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        own = list(inspect.signature(cls.__init__).parameters.values())[1:]
        return {parameter.name: parameter.default for parameter in own}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name; there are no nested ones."""
        return {name: getattr(self, name) for name in sorted(self._defaults())}

    def set_params(self, **params: Any) -> Self:
        """Change parameters; ValueError for a name that is none."""
        for name, value in params.items():
            if name not in self._defaults():
                known = ", ".join(sorted(self._defaults()))
                raise ValueError(f"invalid parameter {name!r} for {type(self).__name__}; its parameters are {known}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name, default in self._defaults().items()
            if repr(getattr(self, name)) != repr(default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def _check_fitted(self, attribute: str) -> None:
        """scikit-learn's NotFittedError unless `fit` has set the attribute."""
        if not hasattr(self, attribute):
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit or find first")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        # Records with names and letters, no tables of numbers.
        return Tags(
            estimator_type=None, target_tags=TargetTags(required=False), input_tags=InputTags(two_d_array=False)
        )

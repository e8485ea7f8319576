"""How the cost of each question grows, drawn to docs/kernels_cost.svg.

python -m benchmarks.suite.costs
"""

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.report import best
from benchmarks.suite.contenders import contender
from benchmarks.suite.instances import Chain, left_right, random_symbols

PICTURE = Path(__file__).parents[2] / "docs" / "kernels_cost.svg"
WORKS = {"iterate": "EM iteration", "posteriors": "posteriors", "score": "log-likelihood", "decode": "best path"}
Panel = tuple[str, Callable[[int], Chain], Iterable[int]]
PANELS: list[Panel] = [
    ("steps (4 states)", partial(random_symbols, 4), [10**k for k in range(2, 7)]),
    ("states (20,000 steps)", lambda n: random_symbols(n, 20_000), [2, 4, 8, 16, 32, 64, 128]),
    ("edges (3 a state, 2,000 steps)", lambda n: left_right(n // 3, 2_000), [30, 100, 300, 1000, 3000]),
    ("sequences (20 steps, 4 states)", lambda n: random_symbols(4, 20 * n, n), [10**k for k in range(1, 6)]),
]


def seconds(chain: Chain, work: str) -> float:
    own = contender("hmmseq", chain)
    call = getattr(own, work)
    call()
    return best(call)


def draw(picture: Path = PICTURE) -> None:
    """Panels of seconds over size, both on logarithmic axes."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "hmmseq", "font.size": 8}
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(PANELS), figsize=(12, 3), sharey=True, layout="constrained")
    for axis, (title, make, sizes) in zip(axes, PANELS):
        chains = {size: make(size) for size in sizes}
        for work, label in WORKS.items():
            axis.loglog(
                list(chains), [seconds(chain, work) for chain in chains.values()], "o-", ms=3, lw=1, label=label
            )
        axis.set_xlabel(title)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("seconds")
    axes[0].legend(frameon=False)
    figure.savefig(picture, metadata={"Date": None})
    pyplot.close(figure)


if __name__ == "__main__":
    draw()

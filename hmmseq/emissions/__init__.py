"""What states emit. Each distribution is one file with the methods of `Emission`."""

from hmmseq.emissions.base import Emission
from hmmseq.emissions.categorical import Categorical
from hmmseq.emissions.gaussian import Gaussian

__all__ = ["Categorical", "Emission", "Gaussian"]

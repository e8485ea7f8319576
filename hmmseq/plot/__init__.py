"""Pictures of series, models and fits, drawn with matplotlib (pip install 'hmmseq[plot]'), which is imported when first used.

plot.states, plot.posteriors          a series and the states under it; the probability of each state at each step
plot.transitions, plot.diagram        the transition matrix as a table in colours; as circles and arrows
plot.convergence                      how each restart of a fit rose
plot.durations, plot.emissions        how long states last and what they emit, beside the data
plot.quantiles, plot.autocorrelation  whether residuals are normal and independent, as those of a true model are
plot.reliability                      whether probabilities come true as often as they say

Every function draws on `ax`, or on a new figure without it, and returns the axes. Colours are told apart by all kinds of
colour vision, and state k has the same one everywhere. Examples: docs/pictures.md.
"""

from hmmseq.plot.matrices import diagram, transitions
from hmmseq.plot.observed import durations, emissions
from hmmseq.plot.progress import convergence
from hmmseq.plot.residuals import autocorrelation, quantiles, reliability
from hmmseq.plot.series import posteriors, states
from hmmseq.plot.style import PALETTE, state_colours

__all__ = [
    "PALETTE",
    "autocorrelation",
    "convergence",
    "diagram",
    "durations",
    "emissions",
    "posteriors",
    "quantiles",
    "reliability",
    "state_colours",
    "states",
    "transitions",
]

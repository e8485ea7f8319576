"""Laws of learning, counted over many random fits.

python -m benchmarks.statistics monotone [--fits 500] [--first 0]
"""

import argparse
import sys
import warnings
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))  # random fits are those of the tests

import numpy as np

from random_fits import EMISSIONS, largest_fall, random_fit

MOST = 1e-8  # of itself: so much may what EM monitors fall


def monotone(n_fits: int, first: int, n_iter: int) -> int:
    """How many of so many fits fell by more than rounding; each of those is printed."""
    worst, fallen = 0.0, 0
    for number in range(first, first + n_fits):
        fit = random_fit(np.random.default_rng(number), number, n_iter)
        try:
            found = max(map(largest_fall, fit.run().histories_))
        except Exception as error:
            found = np.inf
            print(f"fit {number}: {fit.what}: {type(error).__name__}: {error}")
        worst = max(worst, found)
        if found > MOST:
            fallen += 1
            print(f"fit {number}: {fit.what}: fell by {found:.2g}", flush=True)
    print(
        f"{n_fits} fits of {len(EMISSIONS)} emissions: {fallen} fell by more than {MOST:g}; the largest fall is {worst:.2g}"
    )
    return fallen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    laws = parser.add_subparsers(dest="law", required=True)
    falls = laws.add_parser("monotone", help="what EM monitors never falls")
    falls.add_argument("--fits", type=int, default=500)
    falls.add_argument("--first", type=int, default=0, help="number, and seed, of the first fit")
    falls.add_argument("--iterations", type=int, default=8)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # of states that lose their visits, of constant features
    sys.exit(monotone(arguments.fits, arguments.first, arguments.iterations) > 0)


if __name__ == "__main__":
    main()

"""Laws of learning, counted over many random fits.

python -m benchmarks.statistics monotone [--fits 500] [--first 0] [--output benchmarks/results]
python -m benchmarks.statistics recovery [--fits 200] [--family Poisson] [--output benchmarks/results]
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))  # random fits are those of the tests

import numpy as np

from benchmarks.report import write
from random_fits import EMISSIONS, largest_fall, random_fit
from recovery import THREE_ERRORS, TRUTHS, recovered

ENOUGH = 0.95  # of the fits
MOST = 1e-8  # of itself: so much may what EM monitors fall


def monotone(n_fits: int, first: int, n_iter: int, output: Path | None) -> int:
    """How many of so many fits fell by more than rounding; each of those is printed."""
    falls: dict[str, list[float]] = {" ".join(str(emission).split()): [] for emission, _ in EMISSIONS}
    for number in range(first, first + n_fits):
        fit = random_fit(np.random.default_rng(number), number, n_iter)
        try:
            found = max(map(largest_fall, fit.run().histories_))
        except Exception as error:
            found = np.inf
            print(f"fit {number}: {fit.what}: {type(error).__name__}: {error}")
        falls[list(falls)[number % len(falls)]].append(found)
        if found > MOST:
            print(f"fit {number}: {fit.what}: fell by {found:.2g}", flush=True)
    rows = [
        {"emission": name, "fits": len(found), "fallen": sum(fall > MOST for fall in found), "largest": max(found)}
        for name, found in falls.items() if found
    ]  # fmt: skip
    fallen = sum(row["fallen"] for row in rows)
    total = (
        f"{n_fits} fits of {len(rows)} emissions: {fallen} fell by more than {MOST:g} of itself; the largest fall is "
        f"{max(row['largest'] for row in rows):.2g}"
    )
    print(total)
    lines = [total, "", "| emission | fits | fallen | largest fall |", "|---|---:|---:|---:|"]
    lines += [f"| {row['emission']} | {row['fits']} | {row['fallen']} | {row['largest']:.2g} |" for row in rows]
    write(output, "monotone", rows, lines)
    return fallen


def recovery(n_fits: int, family: str, output: Path | None) -> int:
    """For each family, how many of so many fits have every parameter within three standard errors of the truth."""
    lines = [
        "| family | free parameters | fits with all within 3 errors | of normal, independent ones | seconds a fit |",
        "|---|---:|---:|---:|---:|",
    ]
    print("\n".join(lines))
    missed, rows = 0, []
    for truth in [truth for truth in TRUTHS if str(truth).startswith(family)]:
        begun = time.perf_counter()
        found = [recovered(truth, np.random.default_rng(seed)) for seed in range(n_fits)]
        seconds = (time.perf_counter() - begun) / n_fits
        within, free = float(np.mean([one.within for one in found])), found[0].n_parameters
        missed += within < ENOUGH
        name = " ".join(str(truth).split())
        rows.append({"family": name, "free_parameters": free, "within": within, "normal": THREE_ERRORS**free})
        lines.append(f"| {name} | {free} | {within:.1%} | {THREE_ERRORS**free:.1%} | {seconds:.2f} |")
        print(lines[-1], flush=True)
    print(f"{missed} families have less than {ENOUGH:.0%} of {n_fits} fits within three standard errors")
    write(output, "recovery", rows, lines)
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    laws = parser.add_subparsers(dest="law", required=True)
    falls = laws.add_parser("monotone", help="what EM monitors never falls")
    falls.add_argument("--fits", type=int, default=500)
    falls.add_argument("--first", type=int, default=0, help="number, and seed, of the first fit")
    falls.add_argument("--iterations", type=int, default=8)
    found = laws.add_parser("recovery", help="parameters lie within three standard errors of the truth")
    found.add_argument("--fits", type=int, default=200)
    found.add_argument("--family", default="", help="only families whose name begins so")
    for law in (falls, found):
        law.add_argument("--output", type=Path, help="folder for a table and its figures as JSON")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # of states that lose their visits, of constant features
    if arguments.law == "monotone":
        sys.exit(monotone(arguments.fits, arguments.first, arguments.iterations, arguments.output) > 0)
    sys.exit(recovery(arguments.fits, arguments.family, arguments.output) > 0)


if __name__ == "__main__":
    main()

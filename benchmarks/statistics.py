"""Laws of learning, counted over many random fits.

python -m benchmarks.statistics monotone [--fits 500] [--first 0] [--output benchmarks/results]
python -m benchmarks.statistics recovery [--fits 200] [--family Poisson] [--output benchmarks/results]
python -m benchmarks.statistics coverage [--fits 200] [--family Poisson] [--output benchmarks/results]
"""

import argparse
import json
import sys
import warnings
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))  # random fits are those of the tests

import numpy as np
from scipy.stats import binomtest

from benchmarks.report import write
from random_fits import EMISSIONS, largest_fall, random_fit
from recovery import ONE_ERROR, THREE_ERRORS, TRUTHS, TWO_ERRORS, recovered

ENOUGH, MORE = 0.95, 5  # of the fits; so many times as many where the first ones are fewer
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
    print("\n".join(HEADER))
    rows = []
    for truth in [truth for truth in TRUTHS if str(truth).startswith(family)]:
        rows.append(recovery_row(truth, n_fits))
        print(line(rows[-1]), flush=True)
    missed = sum(row["within"] < ENOUGH for row in rows)
    print(f"{missed} of {len(rows)} families have less than {ENOUGH:.0%} of their fits within three standard errors")
    if output is not None:
        rows = renewed(output / "recovery.json", rows)
    write(output, "recovery", rows, [*HEADER, *map(line, rows)])
    return missed


HEADER = [
    "| family | free parameters | fits | with all within 3 errors | 95 % interval | of normal, independent ones | chance "
    "| of the first fits |",
    "|---|---:|---:|---:|---:|---:|---:|---:|",
]


def recovery_row(truth: Any, n_fits: int) -> dict:
    """A share of 200 fits has itself an error of 1.5 %: where it is below what is asked for, five times as many decide."""
    found = [recovered(truth, np.random.default_rng(seed)) for seed in range(n_fits)]
    first = float(np.mean([one.within for one in found]))
    if first < ENOUGH:
        found += [recovered(truth, np.random.default_rng(seed)) for seed in range(n_fits, MORE * n_fits)]
    free = found[0].n_parameters
    return {
        "family": " ".join(str(truth).split()), "free_parameters": free, "fits": len(found),
        "within": float(np.mean([one.within for one in found])), "normal": THREE_ERRORS**free,
        "first": {"fits": n_fits, "within": first},
    }  # fmt: skip


def line(row: dict) -> str:
    """With the interval of the share that so many fits leave (Clopper and Pearson, Biometrika 26, 1934), and the chance of a
    share that is as unlikely, or more, if errors are normal and independent.
    """
    first, n = row["first"], row["fits"]
    test = binomtest(round(row["within"] * n), n, row["normal"])
    low, high = test.proportion_ci(0.95)
    return (
        f"| {row['family']} | {row['free_parameters']} | {n} | {row['within']:.1%} | {low:.1%} ... {high:.1%} "
        f"| {row['normal']:.1%} | {test.pvalue:.2g} | {first['within']:.1%} of {first['fits']} |"
    )


def coverage(n_fits: int, family: str, output: Path | None) -> int:
    """Parameter by parameter, how often the truth is within 1, 2 and 3 errors; how many differ more than chance allows."""
    rows = []
    for truth in [truth for truth in TRUTHS if str(truth).startswith(family)]:
        found = [recovered(truth, np.random.default_rng(seed)) for seed in range(n_fits)]
        away, inside = np.stack([one.away for one in found]), np.stack([one.inside for one in found])
        for k, name in enumerate(found[0].names):
            rows.append({"family": " ".join(str(truth).split())} | _covered(name, away[:, k], inside[:, :, k]))
    lines = [*BY_PARAMETER, *map(_covered_line, rows)]
    differ = sum(row["chance"] < RARE / len(rows) for row in rows)
    lines += [
        "",
        f"{differ} of {len(rows)} parameters differ from normal ones more than chance allows ({RARE:.0%} for all)",
    ]
    print("\n".join(lines))
    write(output, "coverage", rows, lines)
    return differ


def _covered(name: str, away: np.ndarray, inside: np.ndarray) -> dict:
    known = np.isfinite(away)  # estimates at their limit have no errors
    counts = inside[known].sum(axis=0).tolist()
    chances = [binomtest(k, int(known.sum()), p).pvalue for k, p in zip(counts, NOMINAL, strict=True)]
    return {
        "parameter": name, "fits": int(known.sum()), "bias": float(away[known].mean()),
        "within": [k / int(known.sum()) for k in counts], "chance": float(min(1.0, len(chances) * min(chances))),
    }  # fmt: skip


def _covered_line(row: dict) -> str:
    shares = " | ".join(f"{share:.1%}" for share in row["within"])
    return f"| {row['family']} | {row['parameter']} | {row['fits']} | {row['bias']:+.2f} | {shares} | {row['chance']:.2g} |"


NOMINAL = [ONE_ERROR, TWO_ERRORS, THREE_ERRORS]
RARE = 0.05  # chance that any parameter of all is called different where none is
BY_PARAMETER = [
    "| family | parameter | fits | mean distance, in errors | within 1 error | 2 errors | 3 errors | chance |",
    "|---|---|---:|---:|---:|---:|---:|---:|",
    f"| normal | | | 0 | {ONE_ERROR:.1%} | {TWO_ERRORS:.1%} | {THREE_ERRORS:.1%} | |",
]


def renewed(path: Path, rows: list[dict]) -> list[dict]:
    """What is known of all families, with those that were counted now in their places."""
    counted = {row["family"]: row for row in rows}
    known = json.loads(path.read_text()) if path.exists() else []
    return [counted.pop(row["family"], row) for row in known] + list(counted.values())


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
    errors = laws.add_parser("coverage", help="the same, parameter by parameter")
    errors.add_argument("--fits", type=int, default=200)
    errors.add_argument("--family", default="", help="only families whose name begins so")
    for law in (falls, found, errors):
        law.add_argument("--output", type=Path, help="folder for a table and its figures as JSON")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # of states that lose their visits, of constant features
    if arguments.law == "monotone":
        sys.exit(monotone(arguments.fits, arguments.first, arguments.iterations, arguments.output) > 0)
    if arguments.law == "coverage":
        sys.exit(coverage(arguments.fits, arguments.family, arguments.output) > 0)
    sys.exit(recovery(arguments.fits, arguments.family, arguments.output) > 0)


if __name__ == "__main__":
    main()

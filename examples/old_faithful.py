"""Old Faithful: eruptions are short or long, and a short one is followed by a long one.

`faithful.csv` (272 pairs, R's data set) is taken as no series: each eruption is a sequence of one step, and the model a
mixture, whose estimates are those of R's mixtools (Benaglia et al., J. Stat. Soft. 32(6), 2009). `geyser.csv` is a series, of
August 1985 (Azzalini and Bowman, Appl. Stat. 39, 357, 1990), where a chain of eruptions shows what a mixture cannot.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import series

from hmmseq import GaussianHMM

PUBLISHED = {"share": 0.3609, "means": (54.6149, 80.0911), "sd": (5.8712, 5.8677), "log-likelihood": -1034.002}


def main(folder: Path) -> tuple[float, np.ndarray]:
    waiting = series.table("faithful.csv")["waiting"]
    mixture = GaussianHMM(2, n_iter=1000, tol=1e-9, random_state=0).fit([[[minutes]] for minutes in waiting])
    order = np.argsort(mixture.means_[:, 0])
    height = mixture.score([[[minutes]] for minutes in waiting]) * len(waiting)
    print("Waiting times as a mixture            mixtools             here")
    print(f"share of short ones          {PUBLISHED['share']:17.4f} {mixture.startprob_[order[0]]:16.4f}")
    print(f"means               {PUBLISHED['means']!s:>26} {mixture.means_[order, 0].round(4)!s:>16}")
    print(f"standard deviations {PUBLISHED['sd']!s:>26} {np.sqrt(mixture.covars_[order, 0]).round(4)!s:>16}")
    print(f"log-likelihood               {PUBLISHED['log-likelihood']:17.3f} {height:16.3f}\n")

    geyser = series.table("geyser.csv")
    minutes = geyser["duration"][:, None]
    model = GaussianHMM(2, n_iter=500, tol=1e-6, random_state=0).fit(minutes)
    short, long = np.argsort(model.means_[:, 0])
    states = model.predict(minutes)
    again = np.sum((states[:-1] == short) & (states[1:] == short))
    print(f"As a chain: of {np.sum(states[:-1] == short)} short eruptions {again} are followed by a short one.")
    print(f"A long one is next with probability {model.transmat_[short, long]:.3f} after a short one, ", end="")
    print(f"{model.transmat_[long, long]:.3f} after a long one")
    draw(minutes, states == long, folder)
    return height, model.transmat_[np.ix_([short, long], [short, long])]


def draw(rows: np.ndarray, long: np.ndarray, folder: Path) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for kind, name in enumerate(("short", "long")):
        own = long == kind
        axes[0].plot(np.flatnonzero(own), rows[own, 0], ".", color=series.COLOURS[kind], label=name)
        before, after = rows[:-1][own[:-1], 0], rows[1:][own[:-1], 0]
        axes[1].plot(before, after, ".", color=series.COLOURS[kind])
    axes[0].set(xlabel="eruption", ylabel="minutes", title="States of the best path")
    axes[0].legend()
    axes[1].set(xlabel="minutes", ylabel="minutes of the next", title="Short is followed by long")
    series.keep(figure, "old_faithful.png", folder)
    plt.close(figure)


if __name__ == "__main__":
    main(series.folder())

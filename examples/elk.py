"""Four elk: how far they go in a day, and how they turn.

The example of R's moveHMM (Michelot, Langrock and Patterson, Methods Ecol. Evol. 7, 1308, 2016) with tracks of Morales et
al., Ecology 85, 2436, 2004. Steps are gamma, angles von Mises, of two states: moving about and travelling. moveHMM's tutorial
lets transitions depend on the distance to water and gives steps of length zero a probability; here transitions are constant
and those steps are missing, so estimates are near and the likelihood is another one.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import series

from hmmseq import HMM
from hmmseq.emissions import Gamma, Product, VonMises

PUBLISHED = {  # of moveHMM's tutorial
    "mean step, km": (0.3518, 3.2158),
    "its sd": (0.3734, 4.2301),
    "mean angle": (-3.0037, 0.0748),
    "concentration": (0.6108, 0.1996),
}


def main(folder: Path) -> dict[str, np.ndarray]:
    data = series.table("elk_tracks.csv")
    places = np.column_stack([data["Easting"], data["Northing"]]) / 1000
    tracks = [places[data["ID"] == name] for name in dict.fromkeys(data["ID"].tolist())]
    X = [steps_and_angles(track) for track in tracks]
    model = HMM(Product([Gamma(), VonMises()]), 2, n_init=4, n_iter=300, tol=1e-6, random_state=0).fit(X)
    steps, angles = model.emission_.parts_
    order = np.argsort(steps.means_[:, 0])
    found = {
        "mean step, km": steps.means_[order, 0],
        "its sd": (steps.means_ / np.sqrt(steps.shapes_))[order, 0],
        "mean angle": angles.locs_[order, 0],
        "concentration": angles.kappas_[order, 0],
    }
    print(f"{'':16s}{'moveHMM':>20s}{'here':>20s}")
    for name, theirs in PUBLISHED.items():
        print(f"{name:16s}{np.array(theirs).round(3)!s:>20s}{found[name].round(3)!s:>20s}")
    draw(tracks, [order.argsort()[path] for path in model.predict(X)], folder)
    return found


def steps_and_angles(track: np.ndarray) -> np.ndarray:
    """(n - 1, 2): length of each step, and the angle turned before it; NaN where there is none."""
    leap = np.diff(track, axis=0)
    length, heading = np.hypot(*leap.T), np.arctan2(leap[:, 1], leap[:, 0])
    turn = np.concatenate([[np.nan], (np.diff(heading) + np.pi) % (2 * np.pi) - np.pi])
    still = length == 0  # no heading, here or for the turn that follows
    turn[still | np.concatenate([[False], still[:-1]])] = np.nan
    return np.column_stack([np.where(still, np.nan, length), turn])


def draw(tracks: list[np.ndarray], states: list[np.ndarray], folder: Path) -> None:
    figure, ax = plt.subplots(figsize=(6, 5), layout="constrained")
    for track, own in zip(tracks, states, strict=True):
        for k, colour in enumerate(series.COLOURS[:2]):
            ends = np.flatnonzero(own == k)
            pieces = np.stack([track[ends], track[ends + 1], np.full((len(ends), 2), np.nan)], axis=1).reshape(-1, 2)
            ax.plot(*pieces.T, color=colour, lw=0.9)
    ax.set(xlabel="km east", ylabel="km north", title="Moving about (blue) and travelling (orange)", aspect="equal")
    series.keep(figure, "elk.png", folder)
    plt.close(figure)


if __name__ == "__main__":
    main(series.folder())

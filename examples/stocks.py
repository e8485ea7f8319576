"""Calm and turbulent days of the S&P 500, 1999 to 2013: how many regimes, and with what tails?

Rydén, Teräsvirta and Åsbrink, J. Appl. Econometrics 13, 217, 1998, let daily returns switch between normal distributions.
Their series is another one, so there is no figure to put beside ours; what is printed is which of these models the Bayesian
information criterion prefers.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import series

from hmmseq import HMM
from hmmseq.emissions import Gaussian, StudentT

DAYS = 252  # of trade, a year


def main(folder: Path) -> dict[tuple[str, int], float]:
    data = series.table("sp500_daily_before_2014-01-01.csv.gz")
    returns = 100 * np.diff(np.log(data["Adj Close"]))[:, None]
    models, found = {}, {}
    print("tails     regimes  log-likelihood        BIC")
    for name, emission in (("normal", Gaussian()), ("Student", StudentT())):
        for n in (1, 2, 3):
            model = HMM(emission, n, n_init=3, n_iter=300, tol=1e-2, random_state=0).fit(returns)
            models[name, n], found[name, n] = model, model.bic(returns)
            print(f"{name:8s} {n:8d} {model.score(returns) * len(returns):15.1f} {found[name, n]:10.1f}")
    two = models["normal", 2]
    for k in np.argsort(two.covars_[:, 0]):
        volatility, days = np.sqrt(DAYS * two.covars_[k, 0]), 1 / (1 - two.transmat_[k, k])
        print(f"normal, regime of {volatility:4.1f} % a year: {days:4.0f} days at a time")
    draw(data["Date"][1:], returns[:, 0], two, folder)
    return found


def draw(dates: np.ndarray, returns: np.ndarray, model: HMM, folder: Path) -> None:
    turbulent = model.predict_proba(returns[:, None])[:, model.covars_[:, 0].argmax()]
    figure, ax = plt.subplots(figsize=(9, 3.5), layout="constrained")
    days = dates.astype("datetime64[D]")
    ax.fill_between(days, -12 * turbulent, 12 * turbulent, color=series.COLOURS[1], alpha=0.25, lw=0)
    ax.plot(days, returns, lw=0.5, color=series.COLOURS[0])
    ax.set(ylim=(-12, 12), ylabel="return, % a day", title="Probability of the turbulent regime (shaded)")
    series.keep(figure, "stocks.png", folder)
    plt.close(figure)


if __name__ == "__main__":
    main(series.folder())

"""Run the examples of docs/pictures.md and keep their figures: python docs/draw_pictures.py"""

import doctest
from pathlib import Path

from matplotlib import pyplot

PAGE = Path(__file__).with_name("pictures.md")

failed, _ = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS)
if failed:
    raise SystemExit("the page prints something else than it says; nothing was drawn")
for number in pyplot.get_fignums():
    pyplot.figure(number).savefig(PAGE.with_name(f"pictures_{number}.png"), dpi=75)

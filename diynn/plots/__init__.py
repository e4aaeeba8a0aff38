"""Figures of what a net learns; matplotlib is imported when a figure is drawn, not before.

Every function takes arrays of any library, draws into ``ax`` or into a figure of its own, and returns the
axes. Save them with ``ax.figure.savefig("name.png")``. In a notebook, at a prompt and wherever pyplot is in
use, a new figure is managed by pyplot and shown as its figures are; in any other script it is not, and is
freed when nothing refers to it.

Colours are distinguishable for colour-blind readers, and their information is repeated by a marker, a line
style or a scale from dark to light. Everything else follows matplotlib's style, such as
``plt.style.use("dark_background")``.
"""

from diynn.plots.curves import learning_curve
from diynn.plots.effects import main_effects
from diynn.plots.matrices import confusion_matrix
from diynn.plots.mosaics import images, weights
from diynn.plots.plane import decision_frontier, scatter

__all__ = [
    "confusion_matrix",
    "decision_frontier",
    "images",
    "learning_curve",
    "main_effects",
    "scatter",
    "weights",
]

"""How pictures of the report look: the same bytes for the same figures, light or dark as the reader's browser is.

Colours are those of Okabe and Ito, told apart by whoever sees fewer of them; nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.simulate.report import ReportError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import RcKeyType

BLUE, RED, GREEN, ORANGE = "#0072b2", "#d55e00", "#009e73", "#e69f00"
INK, FAINT, PAPER = "#1f2328", "#d0d7de", "#ffffff"
_DARK = {INK: "#e6edf3", FAINT: "#3d444d", PAPER: "#0d1117", BLUE: "#56b4e9", RED: "#ff8a3d", GREEN: "#2fd3a2"}
_INSTALL = "pip install 'bidui[charts]'"
_LOOK: dict[RcKeyType, Any] = {
    "svg.hashsalt": "bidui",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.facecolor": PAPER,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "figure.facecolor": PAPER,
    "legend.frameon": False,
}


@contextmanager
def drawn(path: Path, title: str, size: tuple[float, float], columns: int = 1) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure with so many fields side by side, to be drawn on; written when the block is over.

    Raises `ReportError` where matplotlib is not installed, or nothing can be written.
    """
    try:
        import matplotlib as mpl  # noqa: PLC0415 - an extra: who draws nothing needs none of it
        from matplotlib.figure import Figure  # noqa: PLC0415 - likewise
    except ImportError:
        raise ReportError(f"pictures need matplotlib, which is not installed: {_INSTALL}") from None
    with mpl.rc_context(_LOOK):
        figure = Figure(figsize=size, layout="constrained")
        yield figure, [figure.add_subplot(1, columns, place + 1) for place in range(columns)]
        drawing = StringIO()
        figure.savefig(drawing, format="svg", metadata={"Date": None, "Creator": None, "Title": title})
    try:
        path.write_text(_in_both_lights(drawing.getvalue()), encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{path} cannot be written ({error.strerror})") from None


def _in_both_lights(svg: str) -> str:
    """With the colours of a dark page where the reader's are dark."""
    rules = "".join(
        f'[style*="fill: {light}"]{{fill:{dark}!important}}[style*="stroke: {light}"]{{stroke:{dark}!important}}'
        for light, dark in _DARK.items()
    )
    style = f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>"
    return svg.replace(" <defs>", f" {style}\n <defs>", 1)

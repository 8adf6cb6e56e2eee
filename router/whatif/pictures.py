"""Numbers over time as pictures: small SVGs for a page, the same bytes for the same numbers.

Words stand in the page beside them, in the reader's own fonts; in the pictures are digits alone.
Importing this takes a second (matplotlib): only who draws does.
"""

import io
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

SIZE_INCHES = (4.4, 2.0)
COLOURS = {"#000001": "--old", "#000002": "--new", "#000003": "--ink", "#000004": "--line"}
"""Stand-ins for the page's own colours, which follow its light and dark."""
OLD, NEW, INK, LINE = COLOURS

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "switchboard",
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.edgecolor": LINE,
}
_DATES = ["%Y", "%m-%d", "%m-%d", "%H:%M", "%H:%M", "%H:%M"]


def over_time(
    ends: Sequence[datetime], old: Sequence[int], new: Sequence[int], zone: str, name: str
) -> str:
    """Two series as steps, one sample a bucket that ends at `ends`. `name` sets its ids apart."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=SIZE_INCHES, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        at: Any = ends  # matplotlib takes instants, its types do not say so
        axes.fill_between(at, old, step="pre", color=OLD, alpha=0.25, linewidth=0)
        axes.step(at, old, where="pre", color=OLD, linewidth=1.2)
        axes.step(at, new, where="pre", color=NEW, linewidth=1.6)
        locator = AutoDateLocator(minticks=3, maxticks=6, tz=ZoneInfo(zone))  # type: ignore[no-untyped-call] # as it is
        formatter = ConciseDateFormatter(  # type: ignore[no-untyped-call] # as above
            locator, tz=ZoneInfo(zone), formats=_DATES, zero_formats=_DATES, show_offset=False
        )
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(formatter)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        axes.set_ylim(bottom=0, top=max(1, *old, *new) * 1.1)
        axes.margins(x=0)
        axes.grid(axis="y", color=LINE, linewidth=0.5, alpha=0.5)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(length=2)
        return _inline(figure, name)


def _inline(figure: Figure, name: str) -> str:
    """The figure as an element of a page: no prologue, ids of its own, the page's colours."""
    out = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(url\(|href=")#', rf"\g<1>#{name}-", svg)
    for stand_in, variable in COLOURS.items():
        svg = svg.replace(stand_in, f"var({variable})")
    svg = svg.replace("'DejaVu Sans'", "system-ui, sans-serif")
    return re.sub(
        r'width="[\d.]+pt" height="[\d.]+pt" ', 'aria-hidden="true" ', svg, count=1
    ).strip()

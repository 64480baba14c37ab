"""Axes, titles, legend and footer: what every chart has around its data.

Owns:    the place of the plot, logarithmic axes of nanoseconds, percentile axes, labels with units.
Refuses: data (charts.py), strokes (canvas.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ops.latency.canvas import FAINT, GREY, INK, Canvas, Point

NINES = ((0.0, "0"), (0.5, "50"), (0.9, "90"), (0.99, "99"), (0.999, "99.9"), (0.9999, "99.99"),
         (0.99999, "99.999"), (0.999999, "99.9999"))  # fmt: skip
CHARACTER = 0.56  # mean width of a character, in font sizes


def duration(ns: float) -> str:
    """Write nanoseconds with three significant digits."""
    for unit, scale in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if abs(ns) >= scale:
            value = ns / scale
            digits = 0 if value >= 100 else 1 if value >= 10 else 2
            return f"{value:.{digits}f} {unit}"
    return f"{ns:.0f} ns" if ns == int(ns) else f"{ns:.1f} ns"


def tick(ns: float) -> str:
    """Write a power of ten of nanoseconds."""
    return duration(ns).replace(".00", "").replace(".0", "")


def nines(share: float) -> float:
    """Return the place of a percentile on its axis, where each further nine is as wide."""
    return -math.log10(max(1.0 - share, 1e-12))


@dataclass
class Frame:
    """A plot with margins for its words.  Sub-plots share title and footer with their canvas."""

    canvas: Canvas
    left: float = 74
    top: float = 78
    right: float = 44
    bottom: float = 74
    x_low: float = 0.0
    x_high: float = 1.0
    y_low: float = 100.0  # nanoseconds, logarithmic
    y_high: float = 1e7
    legend: list[tuple[str, str, bool]] = field(default_factory=list)  # text, colour, dashed

    @property
    def x_end(self) -> float:
        return self.canvas.width - self.right

    @property
    def y_end(self) -> float:
        return self.canvas.height - self.bottom

    def x(self, value: float) -> float:
        share = (value - self.x_low) / (self.x_high - self.x_low)
        return self.left + min(max(share, 0.0), 1.0) * (self.x_end - self.left)

    def y(self, ns: float) -> float:
        span = math.log10(self.y_high / self.y_low)
        share = math.log10(max(ns, self.y_low) / self.y_low) / span
        return self.y_end - min(share, 1.0) * (self.y_end - self.top)

    def at(self, x: float, ns: float) -> Point:
        return self.x(x), self.y(ns)

    def y_axis(self, label: str) -> None:
        """Draw a line and a label at each power of ten."""
        power = math.ceil(math.log10(self.y_low) - 1e-9)
        while 10.0**power <= self.y_high * 1.001:
            y = self.y(10.0**power)
            self.canvas.line((self.left, y), (self.x_end, y), FAINT)
            self.canvas.words((self.left - 8, y + 4), tick(10.0**power), 12, GREY, "end")
            power += 1
        middle = (self.top + self.y_end) / 2
        self.canvas.words((16, middle), label, 12, GREY, "middle", upward=True)

    def x_mark(self, value: float, label: str) -> None:
        x = self.x(value)
        self.canvas.line((x, self.top), (x, self.y_end), FAINT)
        self.canvas.words((x, self.y_end + 18), label, 12, GREY, "middle")

    def x_label(self, label: str) -> None:
        middle = (self.left + self.x_end) / 2
        self.canvas.words((middle, self.y_end + 38), label, 12, GREY, "middle")

    def border(self) -> None:
        self.canvas.line((self.left, self.y_end), (self.x_end, self.y_end), GREY)
        self.canvas.line((self.left, self.top), (self.left, self.y_end), GREY)

    def draw_legend(self) -> None:
        """Write the legend above the plot, ending at its right edge."""
        x = self.x_end
        for text, colour, dashed in reversed(self.legend):
            x -= len(text) * 12 * CHARACTER
            self.canvas.words((x, 68), text, 12, INK)
            self.canvas.path([(x - 26, 64), (x - 6, 64)], colour, 3, dashed)
            x -= 40


def headings(canvas: Canvas, title: str, subtitle: str, footer: str) -> None:
    """Write title, one sentence below it, and the host at the foot of the figure."""
    canvas.words((16, 26), title, 17, INK, bold=True)
    canvas.words((16, 46), subtitle, 13, GREY)
    canvas.words((16, canvas.height - 10), footer, 11, GREY)

"""Two places to draw on with the same strokes: SVG text for the page, PNG bytes for files.

Owns:    lines, boxes, dots, words; their colours.
Refuses: knowing what a chart is (charts.py).  Pillow is imported only when a PNG is made.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Any, Protocol

INK, GREY, FAINT, PAPER = "#1b1f24", "#59636e", "#e1e4e8", "#ffffff"
# Okabe and Ito's colours, which people with any colour vision can tell apart, darkest first.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#b07700", "#2f8fbf", "#444444", "#7a6a00")
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
DASH = 5.0

Point = tuple[float, float]


def pale(colour: str) -> str:
    """Return a colour halfway to the paper."""
    parts = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{(part + 2 * 255) // 3:02x}" for part in parts)


class Canvas(Protocol):
    """What a chart needs; all lengths are pixels from the upper left corner."""

    width: int
    height: int

    def line(self, a: Point, b: Point, colour: str, width: float = 1) -> None: ...
    def path(
        self, points: Sequence[Point], colour: str, width: float = 2, dashed: bool = False
    ) -> None: ...
    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None: ...
    def dot(self, at: Point, radius: float, colour: str, note: str = "") -> None: ...
    def words(
        self, at: Point, text: str, size: int = 12, colour: str = INK, anchor: str = "start",
        bold: bool = False, upward: bool = False,
    ) -> None: ...  # fmt: skip


class Svg:
    """Collects SVG elements; `text()` is the whole picture."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self.parts: list[str] = []

    def line(self, a: Point, b: Point, colour: str, width: float = 1) -> None:
        self.parts.append(
            f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" '
            f'stroke="{colour}" stroke-width="{width}"/>'
        )

    def path(
        self, points: Sequence[Point], colour: str, width: float = 2, dashed: bool = False
    ) -> None:
        dash = f' stroke-dasharray="{DASH} {DASH}"' if dashed else ""
        where = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(
            f'<polyline points="{where}" fill="none" stroke="{colour}" stroke-width="{width}" '
            f'stroke-linejoin="round"{dash}/>'
        )

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="{colour}"/>'
        )

    def dot(self, at: Point, radius: float, colour: str, note: str = "") -> None:
        inside = f"<title>{escape(note)}</title>" if note else ""
        self.parts.append(
            f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius}" fill="{colour}">'
            f"{inside}</circle>"
        )

    def words(
        self, at: Point, text: str, size: int = 12, colour: str = INK, anchor: str = "start",
        bold: bool = False, upward: bool = False,
    ) -> None:  # fmt: skip
        weight = ' font-weight="600"' if bold else ""
        turn = f' transform="rotate(-90 {at[0]:.1f} {at[1]:.1f})"' if upward else ""
        self.parts.append(
            f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" font-size="{size}" fill="{colour}" '
            f'text-anchor="{anchor}"{weight}{turn}>{escape(text)}</text>'
        )

    def text(self) -> str:
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'role="img" aria-label="{escape(self.title)}" font-family="{FONT}">'
            f'<rect width="{self.width}" height="{self.height}" fill="{PAPER}"/>'
            f"{''.join(self.parts)}</svg>"
        )


class Png:
    """Draws four times too large and shrinks to twice the size: smooth on any screen."""

    DRAWN, KEPT = 4, 2

    def __init__(self, width: int, height: int, title: str) -> None:
        from PIL import Image, ImageDraw

        self.width, self.height, self.title = width, height, title
        self.image = Image.new("RGB", (width * self.DRAWN, height * self.DRAWN), PAPER)
        self.pen = ImageDraw.Draw(self.image)
        self.fonts: dict[int, Any] = {}

    def at(self, point: Point) -> Point:
        return point[0] * self.DRAWN, point[1] * self.DRAWN

    def line(self, a: Point, b: Point, colour: str, width: float = 1) -> None:
        self.pen.line([self.at(a), self.at(b)], fill=colour, width=round(width * self.DRAWN))

    def path(
        self, points: Sequence[Point], colour: str, width: float = 2, dashed: bool = False
    ) -> None:
        strokes = dashes(points) if dashed else [list(points)]
        for stroke in strokes:
            if len(stroke) > 1:
                scaled = [self.at(point) for point in stroke]
                self.pen.line(scaled, fill=colour, width=round(width * self.DRAWN), joint="curve")

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        corners = [self.at((x, y)), self.at((x + width, y + height))]
        self.pen.rectangle(corners, fill=colour)

    def dot(self, at: Point, radius: float, colour: str, note: str = "") -> None:
        x, y = at
        corners = [self.at((x - radius, y - radius)), self.at((x + radius, y + radius))]
        self.pen.ellipse(corners, fill=colour)

    def words(
        self, at: Point, text: str, size: int = 12, colour: str = INK, anchor: str = "start",
        bold: bool = False, upward: bool = False,
    ) -> None:  # fmt: skip
        from PIL import Image, ImageDraw, ImageFont

        if size not in self.fonts:
            self.fonts[size] = ImageFont.load_default(size * self.DRAWN)
        font = self.fonts[size]
        stroke = self.DRAWN // 4 if bold else 0
        place = {"start": "ls", "middle": "ms", "end": "rs"}[anchor]
        if not upward:
            self.pen.text(self.at(at), text, fill=colour, font=font, anchor=place,
                          stroke_width=stroke)  # fmt: skip
            return
        left, top, right, bottom = font.getbbox(text, anchor="ls")
        mask = Image.new("L", (round(right - left) + 8, round(bottom - top) + 8))
        ImageDraw.Draw(mask).text((4 - left, 4 - top), text, fill=255, font=font, anchor="ls",
                                  stroke_width=stroke)  # fmt: skip
        turned = mask.rotate(90, expand=True)
        x, y = self.at(at)
        shift = {"start": turned.height, "middle": turned.height / 2, "end": 0}[anchor]
        self.image.paste(colour, (round(x - turned.width + 4), round(y - shift)), turned)

    def data(self) -> bytes:
        from PIL import Image

        size = (self.width * self.KEPT, self.height * self.KEPT)
        out = io.BytesIO()
        self.image.resize(size, Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
        return out.getvalue()


def dashes(points: Sequence[Point]) -> list[list[Point]]:
    """Cut a path into pieces of DASH pixels with gaps of the same length."""
    out: list[list[Point]] = []
    gone, is_on = 0.0, True
    piece: list[Point] = [points[0]] if points else []
    for (x1, y1), (x2, y2) in pairwise(points):
        length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
        done = 0.0
        while length - done > DASH - gone:
            done += DASH - gone
            share = done / length
            here = (x1 + (x2 - x1) * share, y1 + (y2 - y1) * share)
            if is_on:
                out.append([*piece, here])
            piece, gone, is_on = [here], 0.0, not is_on
        gone += length - done
        piece.append((x2, y2))
    return [*out, piece] if is_on else out

"""Charts as SVG: no script, no font, and colours that fit a light page and a dark one."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

_WIDTH: Final = 720
_LEFT: Final = 150
_ROW: Final = 30
_COLOURS: Final = 8
_STYLE: Final = """
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.quiet { fill: #59636e; }
.axis { stroke: #d1d9e0; }
.line { fill: none; stroke-width: 2; }
.c0 { fill: #0969da; stroke: #0969da; } .c1 { fill: #bf8700; stroke: #bf8700; }
.c2 { fill: #1a7f37; stroke: #1a7f37; } .c3 { fill: #8250df; stroke: #8250df; }
.c4 { fill: #cf222e; stroke: #cf222e; } .c5 { fill: #59636e; stroke: #59636e; }
.c6 { fill: #bf3989; stroke: #bf3989; } .c7 { fill: #1b7c83; stroke: #1b7c83; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; } .quiet { fill: #9198a1; } .axis { stroke: #3d444d; }
  .c0 { fill: #4493f8; stroke: #4493f8; } .c1 { fill: #d29922; stroke: #d29922; }
  .c2 { fill: #3fb950; stroke: #3fb950; } .c3 { fill: #ab7df8; stroke: #ab7df8; }
  .c4 { fill: #f85149; stroke: #f85149; } .c5 { fill: #9198a1; stroke: #9198a1; }
  .c6 { fill: #db61a2; stroke: #db61a2; } .c7 { fill: #39c5cf; stroke: #39c5cf; }
}
"""


def stacked(title: str, rows: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """A bar per row, made up of parts; all have one scale."""
    parts = sorted({part for row in rows.values() for part in row})
    longest = max(sum(row.values()) for row in rows.values()) or 1
    drawn = [_text(0, 18, title)]
    for number, (name, row) in enumerate(rows.items()):
        top, left = 34 + number * (_ROW + 8), float(_LEFT)
        drawn.append(_text(_LEFT - 8, top + 20, name, anchor="end"))
        for part in parts:
            wide = row.get(part, 0) / longest * (_WIDTH - _LEFT - 110)
            drawn.append(
                f'<rect class="c{parts.index(part) % _COLOURS}" x="{left:.1f}" y="{top}"'
                f' width="{wide:.1f}" height="{_ROW}"/>'
            )
            left += wide
        drawn.append(_text(left + 8, top + 20, f"{sum(row.values()):.0f} {unit}", kind="quiet"))
    bottom = 34 + len(rows) * (_ROW + 8)
    drawn += _legend(parts, bottom + 18)
    return _picture(drawn, bottom + 18 + 20 * (1 + (len(parts) - 1) // 4))


def curve(title: str, points: Sequence[tuple[float, float]], across: str, up: str) -> str:
    """One line through measured points, from zero up, so that a slope looks as steep as it is."""
    most = max(y for _, y in points) * 1.15 or 1
    widest = max(x for x, _ in points) or 1
    right, bottom, top = _WIDTH - 40, 210, 40

    def at(x: float, y: float) -> tuple[float, float]:
        return 60 + x / widest * (right - 60), bottom - y / most * (bottom - top)

    placed = [at(x, y) for x, y in points]
    drawn = [
        _text(0, 18, title),
        f'<path class="axis" d="M60 {top}V{bottom}H{right}" fill="none"/>',
        '<polyline class="line c0" fill="none" points="'
        + " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        + '" style="fill:none"/>',
    ]
    for (x, y), (across_value, up_value) in zip(placed, points, strict=True):
        drawn += [
            f'<circle class="c0" cx="{x:.1f}" cy="{y:.1f}" r="4"/>',
            _text(x, y - 10, _short(up_value), anchor="middle"),
            _text(x, bottom + 18, _short(across_value), anchor="middle", kind="quiet"),
        ]
    drawn += [
        _text(right, bottom + 36, across, anchor="end", kind="quiet"),
        _text(64, top + 4, up, kind="quiet"),
    ]
    return _picture(drawn, bottom + 44)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}".removesuffix(".0")


def _legend(parts: Sequence[str], top: int) -> list[str]:
    drawn: list[str] = []
    for number, part in enumerate(parts):
        x, y = 20 + number % 4 * 175, top + number // 4 * 20
        drawn.append(
            f'<rect class="c{number % _COLOURS}" x="{x}" y="{y - 10}" width="10" height="10"/>'
        )
        drawn.append(_text(x + 16, y, part, kind="quiet"))
    return drawn


def _text(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{named}>{escape(words)}</text>'


def _picture(drawn: Sequence[str], height: int) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
            f"<style>{_STYLE}</style>",
            *drawn,
            "</svg>\n",
        ]
    )

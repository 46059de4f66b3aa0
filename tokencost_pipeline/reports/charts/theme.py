"""Two themes for the same charts. One accent colour; everything else is a shade of the background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
WIDTH = 740  # with its axis a chart is then about as wide as the text column of a rendered Markdown file


@dataclass(frozen=True)
class Theme:
    """Colours of one theme. `series` runs from the accent to its palest tint, for stacks; `muted` is for
    what is compared with."""

    name: str
    background: str
    text: str
    faint_text: str
    grid: str
    accent: str
    muted: str
    series: tuple[str, ...]

    def config(self) -> dict[str, Any]:
        """The Vega-Lite `config` of the theme."""
        axis = {
            "labelColor": self.faint_text,
            "titleColor": self.faint_text,
            "titleFontWeight": "normal",
            "titleFontSize": 12,
            "labelFontSize": 12,
            "gridColor": self.grid,
            "domainColor": self.grid,
            "tickColor": self.grid,
        }
        return {
            "background": self.background,
            "padding": 12,
            "font": FONT,
            "view": {"stroke": None},
            "axis": axis,
            "axisX": {"grid": False, "ticks": False, "labelPadding": 8, "domain": True},
            "axisY": {"ticks": False, "domain": False, "labelPadding": 8, "titlePadding": 10},
            "legend": {
                "orient": "top",
                "direction": "horizontal",
                "title": None,
                "labelColor": self.text,
                "labelFontSize": 12,
                "labelLimit": 220,
                "symbolType": "square",
                "symbolSize": 110,
                "columnPadding": 16,
            },
            "text": {"color": self.text, "fontSize": 12},
        }


LIGHT = Theme(
    name="light",
    background="#ffffff",
    text="#1f2328",
    faint_text="#59636e",
    grid="#e4e7eb",
    accent="#0a6e6e",
    muted="#b8c0c8",
    series=("#0a5c5c", "#1f8a86", "#4fb0a8", "#86cdc4", "#b5e2da", "#d9dee3"),
)
DARK = Theme(
    name="dark",
    background="#0d1117",
    text="#e6edf3",
    faint_text="#9198a1",
    grid="#262c36",
    accent="#3fb8af",
    muted="#4b5563",
    series=("#7fe0d6", "#47b9af", "#2c8f88", "#1f6b68", "#1a4c4d", "#3a424d"),
)
THEMES = (LIGHT, DARK)

BROWSER = Theme(
    name="browser",
    background="var(--background)",
    text="var(--text)",
    faint_text="var(--faint-text)",
    grid="var(--grid)",
    accent="var(--accent)",
    muted="var(--muted)",
    series=tuple(f"var(--series-{place})" for place in range(len(LIGHT.series))),
)
"""Colours by the name of a CSS variable: a chart in a page follows the page's theme without being drawn again."""


def colours(theme: Theme) -> dict[str, str]:
    """The colours of the theme by the name they have in a style sheet."""
    return {
        "background": theme.background,
        "text": theme.text,
        "faint-text": theme.faint_text,
        "grid": theme.grid,
        "accent": theme.accent,
        "muted": theme.muted,
        **{f"series-{place}": colour for place, colour in enumerate(theme.series)},
    }


def css_variables(theme: Theme) -> str:
    """The declarations that `BROWSER` refers to, and that the style sheet uses: "--accent: #0a6e6e; ..."."""
    return " ".join(f"--{name}: {colour};" for name, colour in colours(theme).items())

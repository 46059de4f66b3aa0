"""A visit to the site: what a page says, and what it must never do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page

Theme = Literal["dark", "light"]

ROWS = """table => {
  const keys = [...table.tHead.rows[0].cells].map(cell => cell.dataset.key ?? cell.textContent);
  return [...table.tBodies[0].rows].map(row =>
    Object.fromEntries([...row.cells].map((cell, place) => [keys[place], cell.textContent.trim()])));
}"""
TOO_WIDE = """() => document.documentElement.scrollWidth - document.documentElement.clientWidth"""


class Visitor:
    """A page that notes what goes wrong. `settled` waits until scripts and charts are done, then asks what must hold
    on every page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.loaded: list[str] = []
        page.on(
            "console",
            lambda told: self.wrong.append(told.text) if told.type in {"error", "warning"} else None,
        )
        page.on("pageerror", lambda error: self.wrong.append(f"exception: {error}"))
        page.on("dialog", self._refuse)
        page.on("requestfailed", lambda request: self.wrong.append(f"failed: {request.url}"))
        page.on("request", lambda request: self._look(request.url))
        page.on(
            "response",
            lambda got: self.wrong.append(f"{got.status}: {got.url}") if got.status >= 400 else None,
        )

    def _refuse(self, dialog: Any) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _look(self, url: str) -> None:
        self.loaded.append(url)
        if not url.startswith(("http://127.0.0.1:", "file:///", "data:", "blob:")):
            self.wrong.append(f"asked another host: {url}")

    def go(self, url: str) -> None:
        self.page.goto(url)
        self.settled()

    def follow(self, selector: str) -> None:
        """Click a link as a reader does."""
        self.page.locator(selector).first.click()
        self.page.wait_for_load_state("load")
        self.settled()

    def settled(self) -> None:
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('[data-chart]')].every(chart => chart.dataset.drawn)"
        )
        assert not self.wrong, f"{self.page.url}: {self.wrong}"
        assert self.page.evaluate("() => window.__ran") is None
        wide = self.page.evaluate(TOO_WIDE)
        assert wide <= 0, f"{self.page.url} scrolls sideways by {wide} px"

    def rows(self, table: str) -> list[dict[str, str]]:
        """The rows that table shows, as text by the key of the column. Tables that a script makes are known by what
        they are called."""
        place = f'table[data-table="{table}"], [role=region][aria-label="{table}"] table'
        return self.page.locator(place).first.evaluate(ROWS)

    def picture(self, name: str) -> None:
        """Keep what is seen now as <name>.png in the folder that TOKENCOST_SCREENSHOTS names; else nothing."""
        folder = os.environ.get("TOKENCOST_SCREENSHOTS")
        if folder:
            self.page.screenshot(path=Path(folder) / f"{name}.png")

    def request_shown(self) -> None:
        """Wait until the request that was asked for has been found."""
        self.page.wait_for_selector("[data-request][data-shown]")
        self.settled()


@contextmanager
def visiting(browser: Browser, width: int = 1440, theme: Theme = "dark") -> Iterator[Visitor]:
    """A new reader: nothing is remembered. Fails on leaving where anything went wrong."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=theme,
        locale="en-GB",
        timezone_id="America/New_York",
    )
    context.set_default_timeout(10_000)
    visitor = Visitor(context.new_page())
    try:
        yield visitor
        assert not visitor.wrong, visitor.wrong
    finally:
        context.close()

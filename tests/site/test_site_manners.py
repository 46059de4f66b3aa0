"""Manners: axe-core finds nothing serious, nothing scrolls sideways, keys reach everything, the paper gets it all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Browser

from tests.site.site_lab import Site
from tests.site.visit import Visitor, visiting
from tokencost_pipeline.reports.text import slug

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
SHORTER = """() => {  // rows are like those before them, and axe looks at every cell for a long time
  for (const row of document.querySelectorAll("tbody tr:nth-child(n+13)")) row.remove();
}"""
REQUEST = "request/index.html?id=r0"
PAGES = (
    "index.html",
    "features/index.html",
    f"features/{slug('summarise')}.html",
    "tenants/index.html",
    f"tenants/{slug('acme')}.html",
    "requests/index.html",
    REQUEST,
    "models.html",
    "routing.html",
    "data_quality.html",
    "anomalies.html",
)


def request_id(site: Site) -> str:
    return site.one("select max(request_id) from marts.fct_requests where retries > 0 and tenant_id = 'acme'")


def url(site: Site, page: str) -> str:
    return f"{site.folder.as_uri()}/{page.replace('id=r0', 'id=' + request_id(site))}"


def open_page(site: Site, visitor: Visitor, page: str) -> None:
    visitor.go(url(site, page))
    if page == REQUEST:
        visitor.request_shown()


def serious(visitor: Visitor, *rules: str) -> list[str]:
    """What axe-core calls serious or critical, in words."""
    options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
    if rules:
        options["runOnly"] = list(rules)
    visitor.page.wait_for_function("() => document.getAnimations().length === 0")  # colours on their way
    visitor.page.evaluate(SHORTER)
    if not visitor.page.evaluate("() => 'axe' in window"):
        visitor.page.evaluate(AXE)
    found = visitor.page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{one['id']}: {node['html'][:120]}: {node['failureSummary'][:200]}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"][:3]
    ]


def test_axe_finds_nothing_serious_in_either_theme(site: Site, browser: Browser) -> None:
    with visiting(browser, 1440, "dark") as visitor:
        for page in PAGES:
            open_page(site, visitor, page)
            assert serious(visitor) == [], page
            visitor.page.locator("[data-theme-button]").click()
            assert visitor.page.evaluate("document.documentElement.dataset.theme") == "light"
            assert serious(visitor, "color-contrast") == [], f"{page} in light colours"
            visitor.page.locator("[data-theme-button]").click()


def test_axe_is_able_to_find_something(site: Site, browser: Browser) -> None:
    with visiting(browser) as visitor:
        open_page(site, visitor, "index.html")
        visitor.page.evaluate("document.querySelector('main').append(document.createElement('img'))")
        assert any(line.startswith("image-alt") for line in serious(visitor))


def test_no_page_scrolls_sideways_on_a_phone(site: Site, browser: Browser) -> None:
    with visiting(browser, 390, "light") as visitor:
        for page in PAGES:
            open_page(site, visitor, page)  # asserts it


def test_the_theme_is_dark_until_somebody_says_otherwise_and_is_remembered(
    site: Site, browser: Browser
) -> None:
    with visiting(browser) as visitor:
        open_page(site, visitor, "index.html")
        look = """() => {
          const page = document.documentElement;
          return [page.dataset.theme, getComputedStyle(page).backgroundColor];
        }"""
        dark = visitor.page.evaluate(look)
        visitor.page.locator("[data-theme-button]").click()
        light = visitor.page.evaluate(look)
        assert [dark[0], light[0]] == ["dark", "light"]
        assert dark[1] != light[1]
        open_page(site, visitor, "models.html")
        assert visitor.page.evaluate(look) == light


@pytest.mark.parametrize("page", ["index.html", "features/index.html"])
def test_keys_reach_links_and_filters_and_show_where_they_are(
    site: Site, browser: Browser, page: str
) -> None:
    with visiting(browser) as visitor:
        open_page(site, visitor, page)
        visitor.page.keyboard.press("Tab")
        assert visitor.page.evaluate("document.activeElement.textContent") == "To the figures"
        visitor.page.keyboard.press("Enter")
        reached = []
        for _ in range(12):
            visitor.page.keyboard.press("Tab")
            reached.append(
                visitor.page.evaluate(
                    """() => {
                      const at = document.activeElement, style = getComputedStyle(at);
                      const ring = parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none";
                      return [at.name || at.tagName, ring];
                    }"""
                )
            )
        assert {"from", "to", "tenant"} <= {name for name, _ in reached}
        assert all(ring for _, ring in reached), reached


def test_every_chart_says_what_it_shows_and_has_its_figures_beside_it(site: Site, browser: Browser) -> None:
    with visiting(browser) as visitor:
        for page in PAGES:
            open_page(site, visitor, page)
            for chart in visitor.page.locator("[data-chart]").all():
                assert len(chart.get_attribute("aria-label") or "") > 20, page
                assert chart.locator("svg").count() == 1, page
                card = chart.locator("xpath=ancestor::section[1]")
                assert card.locator("table").count() >= 1, (
                    f"{page}: no table beside {chart.get_attribute('data-chart')}"
                )


def test_on_paper_it_is_black_on_white_and_nothing_is_folded(site: Site, browser: Browser) -> None:
    with visiting(browser) as visitor:
        open_page(site, visitor, "index.html")
        visitor.page.emulate_media(media="print")
        visitor.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert visitor.page.locator("details:not([open])").count() == 0
        assert visitor.page.evaluate("getComputedStyle(document.body).backgroundColor") in {
            "rgb(255, 255, 255)",
            "rgba(0, 0, 0, 0)",
        }
        assert not visitor.page.locator("nav[aria-label=Pages]").is_visible()

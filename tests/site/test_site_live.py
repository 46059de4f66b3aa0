"""An open page: it follows what is published, keeps what it has, and tells no other site of it."""

from __future__ import annotations

import http.server
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.site.site_lab import Site
from tests.site.site_server import served
from tests.site.visit import visiting

MEGABYTE = 1_000_000
SIZE = """() => performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
  .reduce((sum, entry) => sum + entry.transferSize, 0)"""


@pytest.fixture(scope="module")
def copy(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reports of the module's own, to be changed."""
    return shutil.copytree(site.lab.settings.reports_dir, tmp_path_factory.mktemp("live") / "reports")


@pytest.fixture(scope="module")
def address(copy: Path) -> Iterator[str]:
    with served(copy) as url:
        yield url


def publish_again(reports: Path, build: str) -> None:
    """What a publication changes that an open page looks at: the page, then version.js."""
    for name in ("index.html", "version.js"):
        path = reports / "site" / name
        old = path.read_text("utf-8")
        pattern = r'(data-build="|"build":\s?")[0-9a-f]+'
        assert re.search(pattern, old)
        new = path.with_name(".new")
        new.write_text(re.sub(pattern, rf"\g<1>{build}", old), "utf-8")
        new.replace(path)


def build_of(page: Page) -> str:
    return page.evaluate("document.documentElement.dataset.build")


@pytest.mark.parametrize("kind", ["http", "file"])
def test_an_open_page_shows_a_new_report_by_itself_and_rests_when_there_is_none(
    copy: Path, address: str, browser: Browser, kind: str
) -> None:
    url = f"{address}index.html" if kind == "http" else (copy / "site" / "index.html").as_uri()
    with visiting(browser) as visitor:
        page = visitor.page
        visitor.go(f"{url}?refresh=1")
        page.evaluate("window.before = true")
        for _ in range(2):
            with page.expect_request(re.compile(r"version\.js")):
                pass
        assert page.evaluate("window.before"), "nothing was published, and it was loaded again"
        new = {"http": "aaaa000011112222", "file": "bbbb000011112222"}[kind]
        publish_again(copy, new)
        page.wait_for_function("build => document.documentElement.dataset.build === build", arg=new)
        assert not page.evaluate("window.before")
        assert page.url.endswith("?refresh=1")
        visitor.settled()


def test_a_page_nobody_looks_at_asks_for_nothing(address: str, browser: Browser) -> None:
    with visiting(browser) as visitor:
        page = visitor.page
        page.clock.install()
        page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => window.away === true})")
        visitor.go(f"{address}index.html")
        with page.expect_request(re.compile(r"version\.js")):
            page.clock.run_for(31_000)
        page.evaluate("window.away = true")
        asked = len(visitor.loaded)
        page.clock.run_for(600_000)
        assert len(visitor.loaded) == asked
        with page.expect_request(re.compile(r"version\.js")):
            page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")


def test_the_overview_is_light_and_the_second_page_nearly_nothing(address: str, browser: Browser) -> None:
    with visiting(browser) as visitor:
        visitor.go(f"{address}index.html")
        cold = visitor.page.evaluate(SIZE)
        assert 100_000 < cold < 1.5 * MEGABYTE
        visitor.go(f"{address}tenants/index.html")
        assert visitor.page.evaluate(SIZE) < 0.15 * MEGABYTE


def test_a_look_up_of_a_request_takes_less_than_100_kilobytes(
    site: Site, address: str, browser: Browser
) -> None:
    request = site.one("select max(request_id) from marts.fct_requests where tenant_id = 'acme'")
    with visiting(browser) as visitor:
        visitor.go(f"{address}request/index.html")
        before = visitor.page.evaluate(SIZE)
        visitor.go(f"{address}request/index.html?id={request}")
        visitor.request_shown()
        assert before > 0
        data = [url for url in visitor.loaded if "/data/r" in url]
        assert 1 <= len(data) <= 4
        assert visitor.page.evaluate(SIZE) < 100_000


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """A page of somebody else's that tries to read the site."""

    text = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.text)

    def log_message(self, *_: Any) -> None:
        """Tests speak through their asserts."""


@contextmanager
def elsewhere(text: str) -> Iterator[str]:
    handler = type("Here", (Elsewhere,), {"text": text.encode()})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def test_another_site_can_neither_load_the_data_nor_frame_the_pages(
    copy: Path, address: str, browser: Browser
) -> None:
    data = next((copy / "site" / "data").glob("rollups-*.js")).name
    text = f"""<!doctype html><script>window.tokencost = {{receive: () => {{ window.got = true; }}}};</script>
    <script src="{address}data/{data}" onerror="window.refused = true"></script>
    <script src="{address}version.js"></script>
    <iframe src="{address}index.html"></iframe>"""
    with elsewhere(text) as url:
        page = browser.new_page()
        page.goto(url)
        assert page.evaluate("window.refused")
        assert page.evaluate("window.got") is None
        assert page.frames[1].locator("table").count() == 0
        page.close()

"""The browser's way to a request, over parts of the index, days and shards: from a disk and over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest
from playwright.sync_api import Browser, Page

from bench.look_up import look_up
from tests.unit.reports.shard_exports import Call, write_exports
from tokencost_pipeline.reports.browser import STATIC
from tokencost_pipeline.reports.data_scripts import unpack_script
from tokencost_pipeline.reports.shards import days, index
from tokencost_pipeline.reports.shards.update import ShardReport, update_shards
from tokencost_pipeline.reports.site_publish import SiteWriter

SAME_PLACE = ("r-45607", "r-159124")
FIND = "([root, ids]) => Promise.all(ids.map((id) => tokencost.lookUp(root, id)))"


def told() -> list[Call]:
    """Of 150 days, some with more requests than others; some requests last for days."""
    found = [Call(f"r-{number}", day=number * number % 150, units=number) for number in range(900)]
    found += [Call(f"r-{number}", 2, day=149, units=None) for number in range(0, 900, 30)]
    found += [Call(f"r-{number}", 3, day=None, text="é🚀") for number in range(0, 900, 90)]
    found += [Call(SAME_PLACE[0], day=3), Call(SAME_PLACE[1], day=140), Call(SAME_PLACE[1], 2, day=141)]
    return found


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ShardReport]:
    """A site with nothing but the look-up. Few lines make many shards and buckets here."""
    root = tmp_path_factory.mktemp("lookup")
    write_exports(root / "exports", told())
    writer = SiteWriter(root / "site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "AGES", (("recent", 8, 50), ("middle", 64, 200)))
        patch.setattr(index, "PLACES_PER_BUCKET", 40)
        patch.setattr(days, "LINES_PER_SHARD", 4)
        report = update_shards(root / "exports", writer, root / "cache")
    scripts = ("core", "data", "sha256", "lookup")
    page = "".join(f'<script src="{name}.js"></script>' for name in scripts)
    files = {f"{name}.js": (STATIC / f"{name}.js").read_bytes() for name in scripts}
    files["index.html"] = f'<!doctype html><body data-root="./">{page}'.encode()
    writer.publish({**files, report.root: report.content}, kept=report.folders)
    return root / "site", report


@pytest.fixture(scope="module", params=["http", "file"])
def page(
    request: pytest.FixtureRequest, published: tuple[Path, ShardReport], browser: Browser
) -> Iterator[Page]:
    site, _ = published
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    opened = browser.new_page()
    try:
        http = f"http://127.0.0.1:{server.server_port}/index.html"
        opened.goto(http if request.param == "http" else (site / "index.html").as_uri())
        yield opened
    finally:
        opened.close()
        server.shutdown()
        server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Tests speak through their asserts."""


def test_there_is_enough_to_go_wrong(published: tuple[Path, ShardReport]) -> None:
    site, report = published
    about = orjson.loads(unpack_script((site / report.root).read_bytes()))
    assert [name for name, *_ in about["indexes"]] == ["recent", "middle", "old"]
    assert all(bits > 0 for *_, bits in about["indexes"])
    assert len({bits for _, bits in about["days"].values()}) > 2
    assert "0" in about["days"]


def test_the_browser_finds_every_request_whole(page: Page, published: tuple[Path, ShardReport]) -> None:
    _, report = published
    wanted: dict[str, list[int]] = {}
    for call in told():
        assert call.request is not None
        if call.request in SAME_PLACE or int(call.request[2:]) % 6 == 0:
            wanted.setdefault(call.request, []).append(call.number)
    found = page.evaluate(FIND, [report.root, list(wanted)])
    for (request, numbers), one in zip(wanted.items(), found, strict=True):
        attempts = [line[2] for line in one["lines"] if line[1] == "a"]
        assert sorted(attempts) == sorted(numbers), request
        assert len([line for line in one["lines"] if line[1] == "q"]) == 1, request
    assert found[0]["fields"]["a"][0] == "attempt"


def test_the_browser_finds_what_python_finds(page: Page, published: tuple[Path, ShardReport]) -> None:
    site, report = published
    for request in ("r-0", "r-30", "r-899", *SAME_PLACE):
        [one] = page.evaluate(FIND, [report.root, [request]])
        rows = {
            letter: [dict(zip(fields, line[2:], strict=True)) for line in one["lines"] if line[1] == letter]
            for letter, fields in one["fields"].items()
        }
        assert rows == look_up(site, report.root, request).rows


def test_the_browser_finds_nothing_where_there_is_nothing(
    page: Page, published: tuple[Path, ShardReport]
) -> None:
    _, report = published
    strangers = ["nobody", "", "R-1", "r-1 ", *(f"s-{number}" for number in range(100))]
    assert all(not one["lines"] for one in page.evaluate(FIND, [report.root, strangers]))

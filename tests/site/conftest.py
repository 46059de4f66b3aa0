"""The site, built once for all workers, and a browser that can reach nothing but this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, sync_playwright

from tests.site.site_lab import Site, build, open_lab
from tokencost_pipeline.reports.publish import publish

OFFLINE = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Tests only read it. TOKENCOST_TEST_SITE names a folder that keeps it from one run of the tests to the next."""
    kept = os.environ.get("TOKENCOST_TEST_SITE")
    if kept:
        publish(open_lab(Path(kept)).settings, whole_run=True)
        return Site(open_lab(Path(kept)))
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    root = shared / "site-lab"
    with FileLock(shared / "site-lab.lock"):
        if not (root / "built").exists():
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            build(root)
            (root / "built").touch()
    return Site(open_lab(root))


def chromium() -> str:
    found = os.environ.get("CHROMIUM_PATH") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found or not Path(found).exists():
        pytest.fail("there is no Chromium: run scripts/install-chromium, or set CHROMIUM_PATH", pytrace=False)
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=OFFLINE)
        yield opened
        opened.close()

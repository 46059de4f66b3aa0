"""A report that would come out as it is there already is not rendered; whatever it is made from brings a new one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sample_exports import build_warehouse, export, sample_attempts

from tokencost_pipeline.publication import read_state
from tokencost_pipeline.reports import rendering, unchanged
from tokencost_pipeline.reports.publish import publish
from tokencost_pipeline.reports.sitemap import Limits
from tokencost_pipeline.reports.unchanged import made_from
from tokencost_pipeline.settings import PROJECT_ROOT, Settings


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A few attempts, published."""
    root = tmp_path_factory.mktemp("unchanged")
    settings = Settings(data_dir=root / "data", reports_dir=root / "reports", pricing_dir=root / "pricing")
    export(build_warehouse(list(sample_attempts())[:3]), settings.exports_dir)
    shutil.copytree(PROJECT_ROOT / "pricing", settings.pricing_dir)
    publish(settings, whole_run=True)
    return settings


@pytest.fixture
def settings(before: Settings) -> Settings:
    publish(before)
    return before


def is_rendered(settings: Settings) -> bool:
    """Publish again. Was anything rendered? A rendered report replaces its folders, so they are others."""
    folder = settings.reports_dir / "markdown"
    there = folder.stat().st_ino, folder.stat().st_ctime_ns
    publish(settings)
    return (folder.stat().st_ino, folder.stat().st_ctime_ns) != there


def test_nothing_is_rendered_twice_and_the_account_is_the_same(settings: Settings) -> None:
    told = publish(settings)
    assert not is_rendered(settings)
    unchanged.forget_published(settings)
    anew = publish(settings)
    assert (told.pages, told.files, told.bytes) == (anew.pages, anew.files, anew.bytes)
    assert told.written == anew.written == 0
    assert told.index == anew.index


def test_a_report_that_is_not_rendered_counts_as_published(settings: Settings) -> None:
    earlier = read_state(settings)["published"]
    assert not is_rendered(settings)
    assert read_state(settings)["published"] > earlier


@pytest.mark.parametrize(
    "pattern",
    [
        "markdown/index.md",
        "markdown/charts/*-light.svg",
        "csv/*.csv",
        "api/stats.json",
        "site/index.html",
        "site/version.js",
        "site/data/charts-index-*.js",
    ],
)
def test_a_file_that_was_deleted_comes_back(settings: Settings, pattern: str) -> None:
    file = min(settings.reports_dir.glob(pattern))
    content = file.read_bytes()
    file.unlink()
    publish(settings)
    assert file.read_bytes() == content


@pytest.mark.parametrize("name", ["markdown/index.md", "csv/daily_cost.csv", "site/index.html"])
def test_a_page_that_was_edited_is_made_good(settings: Settings, name: str) -> None:
    page = settings.reports_dir / name
    content = page.read_bytes()
    page.write_bytes(content[::-1])
    publish(settings)
    assert page.read_bytes() == content


def edit_the_book(settings: Settings) -> None:
    with (settings.pricing_dir / "price_book.yaml").open("a", encoding="utf-8") as book:
        book.write("# seen\n")


def write_budgets(settings: Settings) -> None:
    (settings.pricing_dir / "budgets.yaml").write_text("budgets: []\n", "utf-8")


def look_later(settings: Settings) -> None:
    """The record of the exports says another instant, as after a run an hour later."""
    record = settings.exports_dir / "current.json"
    told = json.loads(record.read_text("utf-8"))
    record.write_text(json.dumps({**told, "as_of": "2026-11-21T13:00:00Z"}), "utf-8")


@pytest.mark.parametrize("change", [edit_the_book, write_budgets, look_later])
def test_what_it_is_made_from_brings_a_new_report(
    settings: Settings, change: Callable[[Settings], None]
) -> None:
    change(settings)
    assert is_rendered(settings)
    assert not is_rendered(settings)


@pytest.mark.parametrize(
    "file",
    [
        "reports/templates/html/base.html.j2",
        "reports/templates/base.md.j2",
        "reports/queries/totals.sql",
        "reports/static/core.js",
        "reports/static/style.css",
        "reports/pages/overview.py",
        "pricing/nearest.py",
    ],
)
def test_another_version_of_our_code_brings_a_new_report(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    ours = made_from(settings, None)
    package = tmp_path / "package"
    shutil.copytree(unchanged.PACKAGE, package)
    monkeypatch.setattr(unchanged, "PACKAGE", package)
    assert made_from(settings, None) == ours, "where it is installed does not matter"
    (package / file).write_bytes((package / file).read_bytes() + b" ")
    assert made_from(settings, None) != ours


def test_another_library_that_draws_brings_a_new_report(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = made_from(settings, None)
    monkeypatch.setattr(unchanged, "version", lambda name: "0.0.1" if name == "vl-convert-python" else "1")
    assert made_from(settings, None) != ours


def test_other_limits_and_another_folder_bring_a_new_report(settings: Settings, tmp_path: Path) -> None:
    ours = made_from(settings, None)
    assert made_from(settings, Limits(tenant_pages=1)) != ours
    assert made_from(settings.model_copy(update={"reports_dir": tmp_path}), None) != ours


def test_what_a_run_left_that_died_while_it_published_is_not_taken_for_the_report(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was about to publish something else; the next run finds the inputs of before again."""

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rendering, "write_folders", dies)
        with pytest.raises(KeyboardInterrupt):
            publish(settings, Limits(tenant_pages=1))
    assert is_rendered(settings)

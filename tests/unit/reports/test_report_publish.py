"""Publishing: the same bytes for the same exports, and all of a report or nothing of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sample_exports import NASTY, Attempt, Published, ago, build_warehouse, export, sample_attempts

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.reports.publish import publish
from tokencost_pipeline.reports.sitemap import Limits
from tokencost_pipeline.reports.swap import READY, finish, write_folders
from tokencost_pipeline.settings import Settings


def snapshot(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def plain_attempts() -> list[Attempt]:
    """The sample without its many harmful features, each of which has charts to draw."""
    return [item for item in sample_attempts() if item.feature not in NASTY]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", reports_dir=tmp_path / "out")


def test_the_same_exports_give_the_same_bytes(published: Published, tmp_path: Path) -> None:
    again = published.settings.model_copy(update={"reports_dir": tmp_path / "again"})
    publish(again)
    assert snapshot(tmp_path / "again") == snapshot(published.root)


def test_publish_counts_what_it_wrote(published: Published) -> None:
    files = {path: text for path, text in snapshot(published.root).items() if not path.startswith(".site/")}
    assert published.result.files == len(files)
    assert published.result.bytes == sum(map(len, files.values()))
    pages = {path.partition("/")[2].rpartition(".")[0] for path in files if path.endswith((".md", ".html"))}
    assert published.result.pages == len(pages)
    assert published.result.index.is_file()
    assert json.loads(published.result.stats.read_text("utf-8"))["attempts"] == 47


def test_a_crash_while_rendering_leaves_the_old_report(settings: Settings) -> None:
    export(build_warehouse(list(sample_attempts())[:6]), settings.exports_dir)
    publish(settings)
    before = snapshot(settings.reports_dir)
    broken = build_warehouse(plain_attempts())
    broken.execute("alter table marts.anomalies drop column excess_usd")
    export(broken, settings.exports_dir, "g2")
    with pytest.raises(Exception, match="excess_usd"):
        publish(settings)
    assert snapshot(settings.reports_dir) == before
    assert sorted(path.name for path in settings.reports_dir.iterdir()) == [
        ".site",
        "api",
        "csv",
        "markdown",
        "site",
    ]


def test_pages_of_older_runs_vanish_and_other_folders_stay(settings: Settings) -> None:
    export(build_warehouse(plain_attempts()), settings.exports_dir)
    mine = settings.reports_dir / "mine" / "index.html"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    publish(settings)
    many = snapshot(settings.reports_dir)
    export(build_warehouse(plain_attempts()[:2]), settings.exports_dir, "g2")
    publish(settings)
    few = snapshot(settings.reports_dir)
    assert few["mine/index.html"] == b"mine"
    assert len(few) < len(many)
    assert not list(settings.reports_dir.glob("markdown/features/search-*"))


def test_a_run_killed_between_two_renames_is_finished_by_the_next(tmp_path: Path) -> None:
    write_folders(
        tmp_path, {"api/stats.json": b"old", "markdown/index.md": b"old", "markdown/gone.md": b"old"}
    )
    ready = tmp_path / READY
    for path in ("api/stats.json", "markdown/index.md"):
        (ready / path).parent.mkdir(parents=True)
        (ready / path).write_bytes(b"new")
    # as if killed after `markdown` was moved away and before the new one came
    (tmp_path / "markdown").rename(ready / ".old-markdown")
    finish(tmp_path)
    assert snapshot(tmp_path) == {"api/stats.json": b"new", "markdown/index.md": b"new"}


def test_a_run_killed_while_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    write_folders(tmp_path, {"api/stats.json": b"old"})
    (tmp_path / ".publishing" / "api").mkdir(parents=True)
    (tmp_path / ".publishing" / "api" / "stats.json").write_bytes(b"half")
    write_folders(tmp_path, {"api/stats.json": b"new"})
    assert snapshot(tmp_path) == {"api/stats.json": b"new"}


def test_a_path_that_climbs_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="outside"):
        write_folders(tmp_path / "out", {"markdown/../../evil.md": b"x"})
    assert snapshot(tmp_path) == {}


def test_an_empty_warehouse_says_so_in_words(settings: Settings) -> None:
    export(build_warehouse([], extras=False), settings.exports_dir)
    publish(settings)
    overview = (settings.reports_dir / "markdown" / "index.md").read_text("utf-8")
    assert "**Nothing has been read yet.**" in overview
    assert "No open anomalies." in overview
    assert "No attempts yet, so no tenant has a cost." in overview
    stats = json.loads((settings.reports_dir / "api" / "stats.json").read_text("utf-8"))
    assert (stats["actual_cost"], stats["total_requests"], stats["models"]) == (0, 0, {})
    assert stats["window"] == {"from": None, "to": None}


def test_cost_is_unknown_and_not_nothing_when_no_attempt_has_a_price(settings: Settings) -> None:
    attempts = [replace(item, cost=None, baseline=None) for item in plain_attempts()]
    export(build_warehouse(attempts), settings.exports_dir)
    publish(settings)
    overview = (settings.reports_dir / "markdown" / "index.md").read_text("utf-8")
    assert "| **unknown** | **unknown** | **32** | **34** | **34** |" in overview
    stats = json.loads((settings.reports_dir / "api" / "stats.json").read_text("utf-8"))
    assert stats["actual_cost"] is None
    assert stats["unpriced"]["attempts"] == 34


def test_request_pages_are_the_costliest_and_the_costliest_of_each_feature(settings: Settings) -> None:
    attempts = [
        *(replace(item, feature="big") for item in list(sample_attempts())[:8:2]),
        *(replace(item, feature="small", cost="0.001") for item in list(sample_attempts())[1:9:2]),
    ]
    export(build_warehouse(attempts), settings.exports_dir)
    publish(settings, Limits(costliest_requests=3, requests_per_feature=2))
    names = sorted(
        path.name.rsplit("-", 1)[0] for path in settings.reports_dir.glob("markdown/requests/*-*.md")
    )
    assert names == ["local-00", "local-03", "req-03", "req-06", "req-09"]


def test_the_sample_is_called_a_sample(settings: Settings) -> None:
    export(build_warehouse(list(sample_attempts())[:3], is_sample=True), settings.exports_dir)
    publish(settings)
    assert "This is the sample" in (settings.reports_dir / "markdown" / "index.md").read_text("utf-8")


def test_without_exports_the_error_says_what_to_run(settings: Settings) -> None:
    with pytest.raises(UserError, match="tokencost run"):
        publish(settings)


def test_a_broken_record_of_exports_is_refused_with_its_path(settings: Settings) -> None:
    settings.exports_dir.mkdir(parents=True)
    (settings.exports_dir / "current.json").write_text("{")
    with pytest.raises(UserError, match=r"current\.json"):
        publish(settings)


def test_the_window_is_full_when_everything_is_older_than_it(settings: Settings) -> None:
    old = [replace(item, at=ago(400)) for item in list(sample_attempts())[:4]]
    export(build_warehouse(old), settings.exports_dir)
    publish(settings)
    overview = (settings.reports_dir / "markdown" / "index.md").read_text("utf-8")
    assert "| **$0** |" in overview
    assert "No feature made an attempt in the last 7 days." in overview
    assert "| 2026-11-15 | $0 | 0 | 0 | 0 | 0 | 0 |" in overview

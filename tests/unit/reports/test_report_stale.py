"""A run that fails leaves the last good report; doctor says since when it is stale, the next page that it is late."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from sample_exports import Published

from tokencost_pipeline import publication
from tokencost_pipeline.automation.hooks import remember_failure
from tokencost_pipeline.commands.doctor import look_published
from tokencost_pipeline.errors import Busy, UserError
from tokencost_pipeline.publication import note_failure, note_killed, note_published, read_failure
from tokencost_pipeline.reports.publish import publish
from tokencost_pipeline.settings import Settings

FACES = ("site/index.html", "site/version.js", "markdown/index.md", "site/features/index.html")
BAD_BOOK = UserError("1.5 is a float: write '1.5'", place="/home/somebody/pricing/price_book.yaml:7")


@pytest.fixture
def settings(published: Published, tmp_path: Path) -> Settings:
    """The exports of the sample, published into folders of the test's own."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "exports").symlink_to(published.settings.exports_dir)
    shutil.copytree(published.settings.data_dir / "cache", data / "cache")  # charts are drawn once
    return Settings(data_dir=data, reports_dir=tmp_path / "reports")


def said(settings: Settings) -> dict[str, str]:
    return {face: (settings.reports_dir / face).read_text("utf-8") for face in FACES}


def now() -> datetime:
    return datetime.now(UTC)


def test_doctor_says_since_when_and_why_and_the_next_report_that_it_is_late(settings: Settings) -> None:
    publish(settings, whole_run=True)
    clean = said(settings)
    assert look_published(settings)[0] == "ok"

    note_failure(settings, "pricing/price_book", BAD_BOOK, started=now())
    since = now()
    note_failure(settings, "marts/fct_attempts", RuntimeError("a test failed\nmore lines"), started=now())
    assert said(settings) == clean
    state, detail = look_published(settings)
    assert state == "fail"
    assert f"stale since {since:%Y-%m-%d %H:}" in detail
    assert "2 runs" in detail
    assert "marts/fct_attempts failed: a test failed" in detail
    assert "more lines" not in detail
    assert "tokencost run" in detail

    publish(settings, whole_run=True)
    late = said(settings)
    for face, text in late.items():
        assert "2 runs failed since" in text, face
        assert "marts/fct" in text.replace("\\", ""), face
        assert "somebody" not in text, "files of this machine are nobody's business"
    assert look_published(settings)[0] == "ok"
    publish(settings, whole_run=True)
    assert said(settings) == clean


def test_a_report_that_no_whole_run_made_says_that_it_is_stale(settings: Settings) -> None:
    publish(settings, whole_run=True)
    note_failure(settings, "raw/files", OSError("no space left"), started=now())
    publish(settings)  # as a re-pricing does
    assert all("Stale since" in text for text in said(settings).values())
    assert look_published(settings)[0] == "fail"


def test_what_fails_after_the_report_was_published_does_not_make_it_stale(settings: Settings) -> None:
    started = now()
    note_published(settings, renewed=True)
    note_failure(settings, "alerts/messages", OSError("no way out"), started=started)
    assert read_failure(settings) is None


def test_a_failure_is_counted_once_and_waiting_for_another_run_is_none(settings: Settings) -> None:
    started = now()
    note_failure(settings, "raw/files", BAD_BOOK, started=started)
    note_failure(settings, "tokencost run", BAD_BOOK, started=started - timedelta(seconds=1))
    failure = read_failure(settings)
    assert failure is not None
    assert (failure.runs, failure.step) == (1, "raw/files")
    note_published(settings, renewed=True)
    note_failure(settings, "raw/files", Busy("the pipeline is busy"), started=now())
    assert read_failure(settings) is None


HOLD = """
import sys
from tokencost_pipeline.locks import pipeline_lock
from tokencost_pipeline.settings import load_settings
with pipeline_lock(load_settings(), "dbt build, run 0123abcd"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_killed_run_is_told_of_too(settings: Settings) -> None:
    publish(settings, whole_run=True)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        env={**os.environ, "TOKENCOST_DATA_DIR": str(settings.data_dir)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert read_failure(settings) is None, "a run at work has not failed"
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    state, detail = look_published(settings)
    assert state == "fail"
    assert "run 0123abcd" in detail
    assert "killed" in detail
    note_killed(settings)
    (settings.locks_dir / "pipeline.holder").unlink()  # as the next run does
    publish(settings, whole_run=True)
    assert "dbt build" in said(settings)["site/index.html"]
    assert read_failure(settings) is None


def test_a_state_that_cannot_be_read_stops_nobody(settings: Settings) -> None:
    publication.path(settings).write_bytes(b"{torn")
    assert read_failure(settings) is None
    note_failure(settings, "raw/files", BAD_BOOK, started=now())
    assert read_failure(settings) is not None


def test_a_step_that_fails_is_noted_whoever_started_the_job(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENCOST_DATA_DIR", str(settings.data_dir))

    @dg.asset(key=["pricing", "price_book"])
    def price_book() -> None:
        raise BAD_BOOK

    job = dg.define_asset_job("everything", hooks={remember_failure})
    definitions = dg.Definitions(assets=[price_book], jobs=[job])
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("everything").execute_in_process(
            instance=instance, raise_on_error=False
        )
    assert not result.success
    failure = read_failure(settings)
    assert failure is not None
    assert failure.step == "pricing/price_book"
    assert "1.5 is a float" in failure.reason

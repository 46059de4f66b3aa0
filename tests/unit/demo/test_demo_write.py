from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tokencost_pipeline.demo.traffic import Spike
from tokencost_pipeline.demo.write import demo, write_demo
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.settings import Settings

NOW = datetime(2026, 11, 21, 13, 20, tzinfo=UTC)
START = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        raw_dir=tmp_path / "raw",
        pricing_dir=tmp_path / "pricing",
        data_dir=tmp_path / "data",
    )


def contents(raw: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (raw / "events").iterdir()}


def test_a_file_a_day_up_to_now_and_not_beyond(settings: Settings) -> None:
    report = demo(settings, spike=None, now=NOW, days=3)
    assert [path.name for path in report.files] == [f"demo_2026-11-{day}.jsonl" for day in (19, 20, 21)]
    assert sorted(contents(settings.raw_dir)) == [path.name for path in report.files]
    lines = [line for path in report.files for line in path.read_bytes().splitlines()]
    assert len(lines) == report.events
    newest = datetime.fromisoformat(json.loads(lines[-1])["timestamp"])
    assert NOW - timedelta(minutes=20) < newest < NOW
    for path in report.files:
        days = {json.loads(line)["timestamp"][:10] for line in path.read_bytes().splitlines()}
        assert days == {path.stem.removeprefix("demo_")}


def test_a_second_call_writes_the_same_bytes(settings: Settings) -> None:
    demo(settings, spike="summarise", now=NOW, days=2)
    first = contents(settings.raw_dir)
    demo(settings, spike="summarise", now=NOW, days=2)
    assert contents(settings.raw_dir) == first


def test_the_spike_covers_what_detection_looks_at_next(settings: Settings) -> None:
    report = demo(settings, spike="summarise", now=NOW, days=8)
    assert report.spike == Spike("summarise", 4.0, datetime(2026, 11, 21, tzinfo=UTC))
    assert "raises an alert" in report.note
    assert "too short a history" in demo(settings, spike="summarise", now=NOW, days=7).note
    after_midnight = demo(settings, spike="summarise", now=NOW.replace(hour=0, minute=5), days=2)
    assert after_midnight.spike is not None
    assert after_midnight.spike.start == datetime(2026, 11, 20, tzinfo=UTC)


def test_adding_a_spike_later_repeats_no_id_with_other_content(settings: Settings) -> None:
    def by_id() -> dict[str, str]:
        lines = b"".join(contents(settings.raw_dir).values()).decode().splitlines()
        return {json.loads(line)["event_id"]: line for line in lines}

    demo(settings, spike=None, now=NOW, days=2)
    plain = by_id()
    demo(settings, spike="summarise", now=NOW, days=2)
    spiked = by_id()
    both = plain.keys() & spiked.keys()
    assert len(both) > len(plain) // 2
    assert all(plain[key] == spiked[key] for key in both)
    assert spiked.keys() - plain.keys()


def test_somebody_elses_file_is_not_replaced_and_nothing_is_written(tmp_path: Path) -> None:
    events = tmp_path / "events"
    events.mkdir()
    theirs = events / "demo_2026-11-21.jsonl"
    theirs.write_bytes(b'{"request_id": "mine"}\n')
    with pytest.raises(UserError, match=r"demo_2026-11-21\.jsonl:1: .*not written by the demo"):
        write_demo(tmp_path, start=START, days=2, seed=7, requests_per_day=20)
    assert contents(tmp_path) == {theirs.name: b'{"request_id": "mine"}\n'}


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    events = tmp_path / "events"
    events.mkdir()
    (events / "mine.jsonl").write_bytes(b"anything")
    write_demo(tmp_path, start=START, days=1, seed=7, requests_per_day=20)
    assert contents(tmp_path)["mine.jsonl"] == b"anything"


def test_an_unknown_feature_is_refused_before_anything_is_written(settings: Settings) -> None:
    with pytest.raises(UserError, match="no demo feature 'summarize'"):
        demo(settings, spike="summarize", now=NOW)
    assert not settings.raw_dir.exists()

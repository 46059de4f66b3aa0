"""The instant called now, and settings that name what to mend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tokencost_pipeline import atomic
from tokencost_pipeline.clock import resolve_as_of
from tokencost_pipeline.errors import Busy, UserError
from tokencost_pipeline.locks import pipeline_lock
from tokencost_pipeline.retention import closing_at, last_closed_day
from tokencost_pipeline.settings import PROJECT_ROOT, Settings, load_settings
from tokencost_pipeline.warehouse.dbt import build_arguments

NOW = datetime(2026, 12, 24, tzinfo=UTC)
NEWEST = datetime(2026, 11, 21, 11, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("setting", "only_sample", "newest", "expected"),
    [
        ("now", False, NEWEST, NOW),
        ("now", True, NEWEST, NEWEST),
        ("now", True, None, NOW),
        ("latest", False, NEWEST, NEWEST),
        ("latest", False, None, NOW),
        ("2026-12-24T00:00:00Z", True, NEWEST, NOW),
    ],
)
def test_now_is_the_newest_event_only_for_the_sample_or_when_asked(
    setting: str, only_sample: bool, newest: datetime | None, expected: datetime
) -> None:
    resolved = resolve_as_of(setting, NOW, newest, only_sample=only_sample)
    assert resolved == expected
    assert resolved.tzinfo is UTC


def test_relative_paths_are_taken_from_the_repository() -> None:
    assert Settings(raw_dir=Path("raw")).raw_dir == PROJECT_ROOT / "raw"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("TOKENCOST_TIMEZONE", "Mars/Olympus"), ("TOKENCOST_AS_OF", "tomorrow"), ("TOKENCOST_TARGET", "oracle")],
)
def test_a_bad_setting_names_its_variable(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UserError, match=variable):
        load_settings()


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "30d", "two weeks", "٣", "1e2"])
def test_a_retention_that_is_no_number_of_days_is_refused_with_what_to_write(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENCOST_RAW_RETENTION_DAYS", value)
    with pytest.raises(UserError, match=r"a whole number from 1 such as '400', or leave it out") as refused:
        load_settings()
    assert refused.value.place == "TOKENCOST_RAW_RETENTION_DAYS"


@pytest.mark.parametrize(("value", "days"), [("", None), ("1", 1), ("400", 400)])
def test_attempts_are_kept_for_ever_unless_days_are_given(
    value: str, days: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENCOST_RAW_RETENTION_DAYS", value)
    assert load_settings().raw_retention_days == days


@pytest.mark.parametrize(
    ("as_of", "zone", "closed"),
    [
        ("2026-11-21T12:00:00+00:00", "UTC", "2026-11-16T00:00:00+00:00"),
        ("2026-11-21T23:30:00+00:00", "Europe/Berlin", "2026-11-16T23:00:00+00:00"),  # it is the 22nd there
        (
            "2026-10-28T12:00:00+00:00",
            "Europe/Berlin",
            "2026-10-22T22:00:00+00:00",
        ),  # summer time ends in between
    ],
)
def test_whole_local_days_are_closed(as_of: str, zone: str, closed: str) -> None:
    cut = closing_at(datetime.fromisoformat(as_of), 5, zone)
    assert cut == datetime.fromisoformat(closed)
    assert last_closed_day(cut, zone) == cut.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)


@pytest.mark.parametrize("value", ["5%", "5", "1.01", "1e-2", "-0.1", "nan", ".05", "0,05", "٠"])
def test_a_share_that_is_none_is_refused_with_what_to_write(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENCOST_MAX_UNPRICED_SHARE", value)
    with pytest.raises(UserError, match=r"a decimal from 0 to 1 such as '0\.05'") as refused:
        load_settings()
    assert refused.value.place == "TOKENCOST_MAX_UNPRICED_SHARE"


@pytest.mark.parametrize(
    ("value", "share"), [("0.2", "0.2"), ("0", "0"), ("1", "1"), ("0.001", "0.001"), ("", "0.05")]
)
def test_the_share_of_unpriced_attempts_is_an_exact_decimal_and_five_percent_unless_set(
    value: str, share: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENCOST_MAX_UNPRICED_SHARE", value)
    assert load_settings().max_unpriced_share == Decimal(share)


def test_the_dbt_command_line_has_absolute_paths_and_no_vars(tmp_path: Path) -> None:
    arguments = build_arguments(Settings(data_dir=tmp_path), full_refresh=True, select=["anomalies"])
    assert arguments[0] == "build"
    assert arguments[-3:] == ["--full-refresh", "--select", "anomalies"]
    assert "--vars" not in arguments
    for flag in ("--project-dir", "--profiles-dir", "--target-path", "--log-path"):
        assert Path(arguments[arguments.index(flag) + 1]).is_absolute()


def test_a_second_writer_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, lock_timeout_seconds=0)
    with (
        pipeline_lock(settings, "the morning run"),
        pytest.raises(Busy, match="the morning run"),
        pipeline_lock(settings, "a second run"),
    ):
        raise AssertionError("two writers at once")
    with pipeline_lock(settings, "afterwards"):
        assert "afterwards" in (settings.locks_dir / "pipeline.holder").read_text("utf-8")


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "report.md"
    atomic.write_text(target, "old")
    with pytest.raises(TypeError):
        atomic.write_bytes(target, None)  # type: ignore[arg-type]
    assert target.read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]

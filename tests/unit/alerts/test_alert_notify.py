"""Delivery against a real HTTP server on loopback."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tokencost_pipeline.alerts.notify import notify
from tokencost_pipeline.alerts.options import DeliveryOptions
from tokencost_pipeline.alerts.outbox import OUTBOX, outbox_rows
from tokencost_pipeline.settings import Settings

SettingsFor = Callable[..., Settings]
Build = Callable[..., dict[str, Any]]

NOW = datetime.now(UTC)


def landed(settings: Settings) -> list[dict[str, Any]]:
    table = pq.read_table(settings.landing_dir / "reference" / "alerts_outbox.parquet")
    assert table.schema.equals(OUTBOX)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def test_a_breach_is_posted_once_and_its_signature_verifies(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    with http.receiving() as receiver:
        settings = settings_for(receiver.url())
        report = notify(settings, [incident()], now=NOW, options=hasty)
        again = notify(settings, [incident()], now=NOW, options=hasty)

    assert (report.enqueued, report.delivered, report.pending, report.failed) == (1, 1, 0, 0)
    assert (again.enqueued, again.delivered, again.pending) == (0, 0, 0)
    [post] = receiver.posts
    told = Webhook(http.secret).verify(post.body, post.headers)
    assert told["data"]["entity"] == "summarise"
    assert post.headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(http.secret).verify(post.body.replace(b"42.1", b"41.1"), post.headers)


def test_new_figures_for_the_same_rule_entity_and_day_are_not_sent_again(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    with http.receiving() as receiver:
        settings = settings_for(receiver.url())
        notify(settings, [incident()], now=NOW, options=hasty)
        notify(settings, [incident(actual_usd="99", severity="WARN")], now=NOW, options=hasty)
        notify(settings, [incident(entity="chat")], now=NOW, options=hasty)
        notify(settings, [incident(day="2026-11-22")], now=NOW, options=hasty)
    assert len(receiver.posts) == 3


def test_without_a_secret_it_is_sent_unsigned(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    with http.receiving() as receiver:
        notify(settings_for(receiver.url(), secret=None), [incident()], now=NOW, options=hasty)
    [post] = receiver.posts
    assert "webhook-signature" not in post.headers
    assert post.id.startswith("evt_")


def test_with_a_mistyped_secret_nothing_is_sent(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    with http.receiving() as receiver:
        report = notify(
            settings_for(receiver.url(), secret="whsec_not!base64"), [incident()], now=NOW, options=hasty
        )
    assert receiver.posts == []
    assert "TOKENCOST_WEBHOOK_SECRET" in report.reasons[0]
    assert "not!base64" not in str(report)


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_passing_error_is_retried_with_the_same_id_and_body(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, status: int, http: Any
) -> None:
    with http.receiving(http.answer(status), http.answer(200)) as receiver:
        settings = settings_for(receiver.url())
        report = notify(settings, [incident()], now=NOW, options=hasty)
    first, second = receiver.posts
    assert (first.id, first.body) == (second.id, second.body)
    assert report.delivered == 1
    assert [(row["status"], row["attempts"]) for row in outbox_rows(settings)] == [("delivered", 2)]
    Webhook(http.secret).verify(second.body, second.headers)


def test_what_could_not_be_delivered_is_tried_again_by_the_next_run(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    with http.receiving(http.answer(503), http.answer(503), http.answer(503), http.answer(200)) as receiver:
        settings = settings_for(receiver.url())
        first = notify(settings, [incident()], now=NOW, options=hasty)
        [row] = landed(settings)
        assert (row["status"], row["attempts"], row["reason"]) == ("pending", 3, "HTTP 503")
        assert row["next_attempt_at"] is not None
        second = notify(settings, [], now=NOW, options=hasty)
    assert (first.delivered, first.pending) == (0, 1)
    assert (second.delivered, second.pending) == (1, 0)
    assert len({(post.id, post.body) for post in receiver.posts}) == 1
    [row] = landed(settings)
    assert (row["status"], row["attempts"], row["next_attempt_at"], row["reason"]) == (
        "delivered",
        4,
        None,
        None,
    )
    assert row["delivered_at"] is not None


def test_a_receiver_that_is_down_is_tried_again_by_the_next_run(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    with http.receiving() as receiver:
        url = receiver.url()
    settings = settings_for(url)
    report = notify(settings, [incident(), incident(entity="chat")], now=NOW, options=hasty)
    assert (report.delivered, report.pending) == (0, 2)
    assert "could not connect" in " ".join(report.reasons)
    assert sorted(row["attempts"] for row in outbox_rows(settings)) == [0, hasty.attempts]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_its_target_never_reached(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, status: int, http: Any
) -> None:
    with (
        http.receiving() as target,
        http.receiving(http.answer(status, location=target.url("/stolen"))) as receiver,
    ):
        settings = settings_for(receiver.url())
        report = notify(settings, [incident()], now=NOW, options=hasty)
        notify(settings, [incident()], now=NOW, options=hasty)
    assert target.posts == []
    assert len(receiver.posts) == 1
    assert report.failed == 1
    assert "redirects are refused" in report.reasons[0]


def test_a_message_the_receiver_does_not_take_fails_for_good_and_holds_nothing_up(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    with http.receiving(http.answer(400), http.answer(200)) as receiver:
        settings = settings_for(receiver.url())
        report = notify(settings, [incident(), incident(entity="chat")], now=NOW, options=hasty)
        notify(settings, [], now=NOW, options=hasty)
    assert (report.failed, report.delivered) == (1, 1)
    assert len(receiver.posts) == 2


def test_410_disables_the_endpoint_until_the_url_changes(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    with http.receiving(http.answer(410)) as gone, http.receiving() as fresh:
        settings = settings_for(gone.url())
        report = notify(settings, [incident(), incident(entity="chat")], now=NOW, options=hasty)
        assert report.disabled == 2
        later = notify(settings, [incident(entity="search")], now=NOW, options=hasty)
        assert "410" in later.reasons[0]
        assert len(gone.posts) == 1
        assert {row["status"] for row in outbox_rows(settings)} == {"disabled"}
        mended = notify(settings_for(fresh.url()), [], now=NOW, options=hasty)
    assert mended.delivered == 3
    assert len(fresh.posts) == 3


def test_a_silent_receiver_costs_no_more_than_its_time(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    patient = replace(hasty, read_timeout_seconds=0.5, attempt_deadline_seconds=2)
    with http.receiving() as receiver:
        receiver.script = [http.silence(receiver)]
        started = time.monotonic()
        report = notify(
            settings_for(receiver.url()),
            [incident(entity=str(n)) for n in range(9)],
            now=NOW,
            options=patient,
        )
        took = time.monotonic() - started
    assert report.pending == 9
    assert "timed out" in " ".join(report.reasons)
    assert took < 6


def test_a_dripping_receiver_costs_no_more_than_the_deadline(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    once = replace(hasty, attempts=1)
    with http.receiving() as receiver:
        receiver.script = [http.drip(receiver, seconds_between=0.05)]
        started = time.monotonic()
        report = notify(settings_for(receiver.url()), [incident()], now=NOW, options=once)
        took = time.monotonic() - started
    assert report.pending == 1
    assert took < 6  # a drip that never ends would take for ever


def test_one_long_silence_does_not_outlast_the_deadline(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    trusting = replace(hasty, attempts=1, read_timeout_seconds=9)
    with http.receiving() as receiver:
        receiver.script = [http.silence(receiver)]
        started = time.monotonic()
        notify(settings_for(receiver.url()), [incident()], now=NOW, options=trusting)
        took = time.monotonic() - started
    assert took < 6


def test_all_messages_together_keep_to_the_budget_of_the_run(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    short = replace(hasty, run_deadline_seconds=0.3, attempts=1000, first_wait_seconds=0.01)
    with http.receiving(http.answer(500)) as receiver:
        started = time.monotonic()
        report = notify(
            settings_for(receiver.url()), [incident(entity=str(n)) for n in range(9)], now=NOW, options=short
        )
        took = time.monotonic() - started
    assert report.pending == 9
    assert took < 10


def test_retry_after_is_honoured(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    pauses: list[float] = []
    patient = replace(hasty, longest_wait_seconds=10, run_deadline_seconds=60)
    with http.receiving(http.answer(429, retry_after="7"), http.answer(200)) as receiver:
        report = notify(
            settings_for(receiver.url()), [incident()], now=NOW, options=patient, sleep=pauses.append
        )
    assert report.delivered == 1
    assert pauses == [7.0]


def test_a_long_retry_after_is_left_to_a_later_run_but_for_an_hour_at_most(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    with http.receiving(http.answer(503, retry_after="999999"), http.answer(200)) as receiver:
        settings = settings_for(receiver.url())
        notify(settings, [incident()], now=NOW, options=hasty)
        [row] = outbox_rows(settings)
        pause = row["next_attempt_at"] - datetime.now(UTC)
        assert timedelta(minutes=59) < pause <= timedelta(hours=1)
        too_soon = notify(settings, [], now=NOW, options=hasty)
        assert (too_soon.pending, len(receiver.posts)) == (1, 1)
        in_time = notify(settings, [], now=NOW + timedelta(hours=2), options=hasty)
    assert in_time.delivered == 1


KILLED_BETWEEN_SEND_AND_MARK = """
import json, os, sys
from datetime import UTC, datetime
from tokencost_pipeline.alerts import outbox
from tokencost_pipeline.alerts.notify import notify
from tokencost_pipeline.settings import Settings

save = outbox.Outbox.save
def die_instead_of_marking(self, message):
    if message.status == "delivered":
        os._exit(9)
    save(self, message)
outbox.Outbox.save = die_instead_of_marking
notify(Settings(_env_file=None), [json.loads(sys.argv[1])], now=datetime.now(UTC))
"""


def test_killed_between_send_and_mark_it_sends_the_same_id_and_body_again(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    with http.receiving() as receiver:
        settings = settings_for(receiver.url())
        environment = {
            **os.environ,
            "TOKENCOST_DATA_DIR": str(settings.data_dir),
            "TOKENCOST_PRICING_DIR": str(settings.pricing_dir),
            "TOKENCOST_WEBHOOK_URL": receiver.url(),
            "TOKENCOST_WEBHOOK_SECRET": http.secret,
        }
        row = json.dumps(incident(), default=str)
        command = [sys.executable, "-c", KILLED_BETWEEN_SEND_AND_MARK, row]
        killed = subprocess.run(command, env=environment, check=False, timeout=60)
        assert killed.returncode == 9
        assert len(receiver.posts) == 1
        report = notify(settings, [incident(actual_usd="77")], now=NOW, options=hasty)
        notify(settings, [incident()], now=NOW, options=hasty)
    assert (report.enqueued, report.delivered) == (0, 1)
    first, second = receiver.posts
    assert (first.id, first.body) == (second.id, second.body)


def test_no_secret_is_ever_written_down(
    settings_for: SettingsFor,
    incident: Build,
    hasty: DeliveryOptions,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    http: Any,
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = [
        "T0PSECRETPATH",
        "T0PSECRETQUERY",
        "T0PSECRETUSER",
        "T0PSECRETPASS",
        http.secret,
        http.secret[6:],
    ]
    reports = []
    for script in (
        [http.answer(200)],
        [http.answer(500)],
        [http.answer(302, location="http://x/")],
        [http.answer(410)],
    ):
        with http.receiving(*script) as receiver:
            url = receiver.url("/T0PSECRETPATH?key=T0PSECRETQUERY")
            url = url.replace("http://", "http://T0PSECRETUSER:T0PSECRETPASS@")
            reports.append(notify(settings_for(url), [incident(entity=url[-9:])], now=NOW, options=hasty))
    reports.append(notify(settings_for("http://h ost/T0PSECRETPATH"), [incident()], now=NOW, options=hasty))
    reports.append(notify(settings_for("http://h:99999/T0PSECRETPATH"), [incident()], now=NOW, options=hasty))
    reports.append(notify(settings_for("file:///T0PSECRETPATH"), [incident()], now=NOW, options=hasty))
    told = "\n".join([caplog.text, *(str(report) for report in reports)])
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len([path for path in written if path.suffix == ".json"]) >= 3
    told += "\n".join(path.read_bytes().decode("latin-1") for path in written)
    told += "\n".join(str(landed(settings_for(None))))
    assert "127.0.0.1" in told
    assert [secret for secret in secrets if secret in told] == []


def test_without_a_url_nothing_is_sent_and_the_report_says_so(
    settings_for: SettingsFor, incident: Build
) -> None:
    settings = settings_for(None)
    report = notify(settings, [incident()], now=NOW)
    assert (report.enqueued, report.pending) == (0, 0)
    assert "TOKENCOST_WEBHOOK_URL" in report.reasons[0]
    assert landed(settings) == []


def test_proxies_of_the_environment_are_ignored(
    settings_for: SettingsFor,
    incident: Build,
    hasty: DeliveryOptions,
    monkeypatch: pytest.MonkeyPatch,
    http: Any,
) -> None:
    with http.receiving() as proxy, http.receiving() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        report = notify(settings_for(receiver.url()), [incident()], now=NOW, options=hasty)
    assert (report.delivered, proxy.posts, len(receiver.posts)) == (1, [], 1)


def test_a_flood_is_told_in_few_messages_with_the_total(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    few = replace(hasty, max_messages_per_run=5)
    flood = [incident(entity=f"f{n:04}", incident_id=f"{n:04}", excess_usd=str(n)) for n in range(1, 301)]
    with http.receiving() as receiver:
        settings = settings_for(receiver.url())
        report = notify(settings, flood, now=NOW, options=few)
        again = notify(settings, flood, now=NOW, options=few)
    assert len(receiver.posts) == 5
    told = [json.loads(post.body) for post in receiver.posts]
    singles = [one["data"]["excess_usd"] for one in told if one["type"] == "cost.anomaly"]
    [group] = [one for one in told if one["type"] == "cost.anomaly.group"]
    assert sorted(singles) == ["297", "298", "299", "300"]
    assert group["data"]["incidents"] == 296
    assert group["data"]["excess_usd"] == str(sum(range(1, 297)))
    assert all(len(post.body) < 20_000 for post in receiver.posts)
    assert (report.enqueued, report.delivered, report.pending) == (300, 301, 0)
    assert (again.delivered, again.pending) == (0, 0)


def test_a_group_that_fails_is_sent_again_as_the_same_group(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    few = replace(hasty, max_messages_per_run=2, attempts=1)
    flood = [incident(entity=f"f{n}", incident_id=f"{n}", excess_usd=str(n)) for n in range(1, 9)]
    with http.receiving(http.answer(500), http.answer(500), http.answer(200)) as receiver:
        settings = settings_for(receiver.url())
        down = notify(settings, flood, now=NOW, options=few)
        up = notify(settings, flood, now=NOW, options=few)
    assert (down.delivered, down.pending) == (0, 9)
    assert (up.delivered, up.pending) == (9, 0)
    assert len(receiver.posts) == 4
    assert len({post.id for post in receiver.posts}) == 2


def test_an_unreadable_outbox_file_hurts_no_other_message(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    with http.receiving(http.answer(503)) as receiver:
        settings = settings_for(receiver.url())
        notify(settings, [incident(), incident(entity="chat")], now=NOW, options=hasty)
        broken = sorted((settings.data_dir / "alerts" / "outbox").iterdir())[0]
        broken.write_bytes(broken.read_bytes()[:40])
        receiver.script = [http.answer(200)]
        report = notify(settings, [], now=NOW, options=hasty)
    assert report.delivered == 1
    assert broken.name in report.reasons[0]


def test_a_week_old_message_is_given_up_and_a_delivered_one_is_forgotten_after_90_days(
    settings_for: SettingsFor, incident: Build, hasty: DeliveryOptions, http: Any
) -> None:
    with http.receiving(http.answer(200), http.answer(500)) as receiver:
        settings = settings_for(receiver.url())
        notify(settings, [incident()], now=NOW, options=hasty)
        notify(settings, [incident(entity="chat")], now=NOW, options=hasty)
        week = notify(settings, [], now=NOW + timedelta(days=8), options=hasty)
        assert (week.failed, week.pending) == (1, 0)
        notify(settings, [incident()], now=NOW + timedelta(days=91), options=hasty)
        assert [row["status"] for row in outbox_rows(settings)] == ["delivered"]
        notify(settings, [], now=NOW + timedelta(days=91), options=hasty)
    assert outbox_rows(settings) == []
    assert landed(settings) == []


def test_a_mistake_in_alerts_yaml_does_not_silence_the_alerts(
    settings_for: SettingsFor, incident: Build, http: Any
) -> None:
    with http.receiving() as receiver:
        settings = settings_for(receiver.url())
        settings.pricing_dir.mkdir(parents=True)
        (settings.pricing_dir / "alerts.yaml").write_text("schema_version: 1\nwebhook: {attempts: many}\n")
        report = notify(settings, [incident()], now=NOW)
    assert report.delivered == 1
    assert "alerts.yaml:2" in report.reasons[0]

"""The way in: put new incidents into the outbox, then deliver what waits there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from filelock import FileLock, Timeout

from tokencost_pipeline.alerts.deliver import deliver_pending
from tokencost_pipeline.alerts.endpoint import URL_VARIABLE, Endpoint, configured_endpoint
from tokencost_pipeline.alerts.grouping import group_the_rest
from tokencost_pipeline.alerts.message import ANOMALY, anomaly_body, event_id
from tokencost_pipeline.alerts.options import DeliveryOptions
from tokencost_pipeline.alerts.outbox import Outbox, land_outbox
from tokencost_pipeline.alerts.rules import alerts_path, load_alert_settings
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.settings import Settings


@dataclass(frozen=True)
class DeliveryReport:
    """What a run did with its messages. Counts are messages; a member of a group counts as one.

    `enqueued`, `delivered`, `failed` and `disabled` are those of this run, `pending` is what waits at its
    end. `reasons` are fit to be shown: they hold no secret.
    """

    endpoint: str | None
    enqueued: int = 0
    delivered: int = 0
    pending: int = 0
    failed: int = 0
    disabled: int = 0
    reasons: tuple[str, ...] = ()


def notify(
    settings: Settings,
    incidents: Sequence[Mapping[str, Any]],
    *,
    now: datetime,
    options: DeliveryOptions | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> DeliveryReport:
    """Tell the webhook about `incidents`, and about what earlier runs could not deliver.

    `incidents` are rows of marts.anomalies, chosen with `message.worth_telling`. Each rule, entity and day
    is told once, however often it is passed in. `now` has an offset; deliveries live on the machine's
    clock, so a fixed TOKENCOST_AS_OF in the past does no harm. Never raises because something cannot be
    delivered: the report says why. Takes about `run_deadline_seconds` at most, and as long again if another
    process is delivering.
    """
    notes: list[str] = []
    now = max(now, datetime.now(UTC))
    options = options or _options(settings, notes)
    try:
        settings.locks_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(settings.locks_dir / "alerts.lock", timeout=options.run_deadline_seconds + 5):
            return _notify_alone(settings, incidents, now, options, sleep, notes)
    except Timeout:
        notes.append("another process is delivering alerts; these are left for the next run")
    except OSError as error:
        notes.append(f"the outbox cannot be used: {error.strerror or type(error).__name__}")
    return DeliveryReport(endpoint=None, reasons=tuple(notes))


def _notify_alone(
    settings: Settings,
    incidents: Sequence[Mapping[str, Any]],
    now: datetime,
    options: DeliveryOptions,
    sleep: Callable[[float], None],
    notes: list[str],
) -> DeliveryReport:
    outbox = Outbox(settings)
    notes += [f"outbox file {name} cannot be read and is passed over" for name in outbox.unreadable]
    before = _states(outbox)
    ids = {event_id(incident) for incident in incidents}
    outbox.prune(now, keep=ids)
    outbox.give_up(now)
    endpoint = _endpoint(settings, notes)
    enqueued = 0
    if endpoint:
        outbox.move_to(endpoint, now)
        for incident in incidents:
            enqueued += outbox.enqueue(event_id(incident), ANOMALY, anomaly_body(incident), endpoint, now)
        land_outbox(settings, outbox)
        notes += _deliver(outbox, endpoint, options, now, sleep)
    elif incidents:
        notes.append(f"{len(ids)} incidents are not sent anywhere: see {URL_VARIABLE}")
    land_outbox(settings, outbox)
    return _report(outbox, before, endpoint, enqueued, notes)


def _deliver(
    outbox: Outbox,
    endpoint: Endpoint,
    options: DeliveryOptions,
    now: datetime,
    sleep: Callable[[float], None],
) -> list[str]:
    if why := outbox.why_disabled(endpoint):
        for message in outbox.messages(endpoint, "pending"):
            outbox.save(message.finished("disabled", now, reason=why))
        return [f"{endpoint.label} is disabled: {why}; set another {URL_VARIABLE}"]
    grouped = group_the_rest(outbox, endpoint, options.max_messages_per_run, now)
    told = [f"{grouped} incidents are told in one message"] if grouped else []
    return told + deliver_pending(outbox, endpoint, options, now, sleep)


def _options(settings: Settings, notes: list[str]) -> DeliveryOptions:
    try:
        return load_alert_settings(alerts_path(settings)).delivery
    except UserError as error:
        # A slip in alerts.yaml must not silence the alerts; whoever lands the rules reports it as an error.
        notes.append(f"default delivery limits are used, because of {error}")
        return DeliveryOptions()


def _endpoint(settings: Settings, notes: list[str]) -> Endpoint | None:
    try:
        return configured_endpoint(settings)
    except UserError as error:
        notes.append(str(error))
        return None


def _states(outbox: Outbox) -> dict[tuple[str, str], str]:
    return {(m.event_id, m.endpoint_id): m.status for m in outbox.messages()}


def _report(
    outbox: Outbox,
    before: Mapping[tuple[str, str], str],
    endpoint: Endpoint | None,
    enqueued: int,
    notes: list[str],
) -> DeliveryReport:
    changed = [status for key, status in _states(outbox).items() if before.get(key) != status]
    return DeliveryReport(
        endpoint=endpoint.label if endpoint else None,
        enqueued=enqueued,
        delivered=changed.count("delivered"),
        pending=len(outbox.messages(status="pending")),
        failed=changed.count("failed"),
        disabled=changed.count("disabled"),
        reasons=tuple(notes),
    )

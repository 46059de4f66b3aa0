"""The durable outbox: one small file per message and endpoint, so that marking one can never hurt another.

A message is written before it is sent and marked after it was answered. A crash in between sends it again,
with the same id and the same body: at least once, and the receiver can tell.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from tokencost_pipeline.alerts.endpoint import Endpoint
from tokencost_pipeline.alerts.tables import replace_table
from tokencost_pipeline.atomic import write_text
from tokencost_pipeline.ingest.schema import INSTANT
from tokencost_pipeline.settings import Settings

Status = Literal["pending", "delivered", "failed", "disabled"]

KEEP_FINISHED = timedelta(days=90)
GIVE_UP_AFTER = timedelta(days=7)

OUTBOX = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field(
            "endpoint", pa.string(), nullable=False
        ),  # scheme, host and a hash: never the path or a token
        pa.field("attempts", pa.int64(), nullable=False),
        pa.field("status", pa.string(), nullable=False),  # pending | delivered | failed | disabled
        pa.field("next_attempt_at", INSTANT),  # NULL once there is none
        pa.field("delivered_at", INSTANT),
        pa.field("enqueued_at", INSTANT, nullable=False),
        pa.field("reason", pa.string()),  # why the last attempt did not succeed
    ]
)


@dataclass(frozen=True)
class Message:
    """One message for one endpoint. `members`: the event ids a group message stands for."""

    event_id: str
    type: str
    endpoint: str
    endpoint_id: str
    body: str
    enqueued_at: datetime
    status: Status = "pending"
    attempts: int = 0
    next_attempt_at: datetime | None = None
    delivered_at: datetime | None = None
    reason: str | None = None
    members: tuple[str, ...] = ()

    def finished(self, status: Status, at: datetime, attempts: int = 0, reason: str | None = None) -> Message:
        """This message with its last word: there is no further attempt."""
        return replace(
            self,
            status=status,
            attempts=self.attempts + attempts,
            next_attempt_at=None,
            delivered_at=at if status == "delivered" else None,
            reason=reason,
        )

    def postponed(self, until: datetime, attempts: int, reason: str) -> Message:
        """This message, still pending, not before `until`."""
        return replace(
            self, attempts=self.attempts + attempts, next_attempt_at=until, reason=reason, status="pending"
        )


class Outbox:
    """All messages under data_dir/alerts/. Only one process may change it at a time (see `notify`)."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.data_dir / "alerts" / "outbox"
        self._disabled_path = settings.data_dir / "alerts" / "disabled_endpoints.json"
        self._messages: dict[tuple[str, str], Message] = {}
        self.unreadable: list[str] = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                message = _from_json(path.read_text("utf-8"))
            except (ValueError, TypeError, KeyError, AttributeError):
                self.unreadable.append(path.name)
                continue
            self._messages[message.event_id, message.endpoint_id] = message

    def messages(self, endpoint: Endpoint | None = None, status: Status | None = None) -> list[Message]:
        """Messages in the order of enqueuing, of one endpoint and status if asked for."""
        chosen = (
            m
            for m in self._messages.values()
            if (endpoint is None or m.endpoint_id == endpoint.id) and (status is None or m.status == status)
        )
        return sorted(chosen, key=lambda m: (m.enqueued_at, m.event_id, m.endpoint_id))

    def get(self, event_id: str, endpoint: Endpoint) -> Message | None:
        return self._messages.get((event_id, endpoint.id))

    def enqueue(
        self,
        event_id: str,
        kind: str,
        body: str,
        endpoint: Endpoint,
        now: datetime,
        members: Iterable[str] = (),
    ) -> bool:
        """Add a message unless it is there already, in whatever state (then False; the old body stays)."""
        if self.get(event_id, endpoint):
            return False
        self.save(
            Message(
                event_id,
                kind,
                endpoint.label,
                endpoint.id,
                body,
                now,
                next_attempt_at=now,
                members=tuple(members),
            )
        )
        return True

    def save(self, message: Message) -> None:
        write_text(self._path(message), _to_json(message))
        self._messages[message.event_id, message.endpoint_id] = message

    def move_to(self, endpoint: Endpoint, now: datetime) -> int:
        """Give what no other endpoint has received to `endpoint`: whoever mends the URL wants the missed
        messages.
        """
        moved = 0
        for old in self.messages():
            if old.endpoint_id == endpoint.id or old.status not in ("pending", "disabled"):
                continue
            if not self.get(old.event_id, endpoint):
                fresh = replace(
                    old, endpoint=endpoint.label, endpoint_id=endpoint.id, reason=None, status="pending"
                )
                self.save(replace(fresh, next_attempt_at=now))
                moved += 1
            self._remove(old)
        return moved

    def give_up(self, now: datetime) -> int:
        """Fail what could not be delivered for a week: nobody wants to be woken for it any more."""
        old = [m for m in self.messages(status="pending") if now - m.enqueued_at > GIVE_UP_AFTER]
        for message in old:
            last = f" (last: {message.reason})" if message.reason else ""
            self.save(
                message.finished("failed", now, reason=f"given up after {GIVE_UP_AFTER.days} days{last}")
            )
        return len(old)

    def prune(self, now: datetime, keep: set[str]) -> int:
        """Forget finished messages after 90 days, but none in `keep`: a forgotten one would be sent anew."""
        old = [
            m
            for m in self.messages()
            if m.status != "pending" and now - m.enqueued_at > KEEP_FINISHED and m.event_id not in keep
        ]
        for message in old:
            self._remove(message)
        return len(old)

    def disable(self, endpoint: Endpoint, now: datetime, reason: str) -> None:
        """Send nothing to `endpoint` any more, across runs."""
        told = {"endpoint": endpoint.label, "disabled_at": now.astimezone(UTC).isoformat(), "reason": reason}
        write_text(self._disabled_path, json.dumps({**self._disabled(), endpoint.id: told}, indent=1))
        for message in self.messages(endpoint, "pending"):
            self.save(message.finished("disabled", now, reason=reason))

    def enable(self, endpoint: Endpoint, now: datetime) -> None:
        """Undo `disable`; what waited is pending again."""
        others = {key: value for key, value in self._disabled().items() if key != endpoint.id}
        write_text(self._disabled_path, json.dumps(others, indent=1))
        for message in self.messages(endpoint, "disabled"):
            self.save(replace(message, status="pending", next_attempt_at=now))

    def why_disabled(self, endpoint: Endpoint) -> str | None:
        told = self._disabled().get(endpoint.id)
        return None if told is None else str(told.get("reason"))

    def rows(self) -> list[dict[str, Any]]:
        """Rows of `OUTBOX`."""
        return [{name: getattr(m, name) for name in OUTBOX.names} for m in self.messages()]

    def _disabled(self) -> dict[str, dict[str, str]]:
        try:
            told = json.loads(self._disabled_path.read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    def _path(self, message: Message) -> Path:
        return self._folder / f"{message.event_id}.{message.endpoint_id}.json"

    def _remove(self, message: Message) -> None:
        self._path(message).unlink(missing_ok=True)
        del self._messages[message.event_id, message.endpoint_id]


def outbox_rows(settings: Settings) -> list[dict[str, Any]]:
    """Rows of the relation alerts.outbox, see `OUTBOX`."""
    return Outbox(settings).rows()


def land_outbox(settings: Settings, outbox: Outbox | None = None) -> Path:
    """Write landing/reference/alerts_outbox.parquet (empty without messages) and return its path."""
    landed = settings.landing_dir / "reference" / "alerts_outbox.parquet"
    replace_table(landed, (outbox or Outbox(settings)).rows(), OUTBOX)
    return landed


_INSTANTS = ("enqueued_at", "next_attempt_at", "delivered_at")


def _to_json(message: Message) -> str:
    told = asdict(message)
    for name in _INSTANTS:
        told[name] = told[name] and told[name].astimezone(UTC).isoformat()
    return json.dumps(told, indent=1)


def _from_json(text: str) -> Message:
    told = json.loads(text)
    for name in _INSTANTS:
        told[name] = told[name] and datetime.fromisoformat(told[name])
    return Message(**{**told, "members": tuple(told["members"])})

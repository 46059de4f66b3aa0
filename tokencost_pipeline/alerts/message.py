"""From an incident (a row of marts.anomalies) to the bytes that are posted. Pure: equal rows give equal
bytes.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

ANOMALY = "cost.anomaly"
ANOMALY_GROUP = "cost.anomaly.group"
BODY_VERSION = 1
LONGEST_ENTITY = 500
LONGEST_ENTITY_IN_TEXT = 120
LISTED_IN_GROUP = 10

Incident = Mapping[str, Any]


def event_id(incident: Incident) -> str:
    """The message's identity: one per rule, entity and day, whatever the figures are by now."""
    key = [str(incident["rule"]), str(incident["dimension"]), incident["entity"], _day(incident["day"])]
    return _hashed([ANOMALY, *key])


def group_id(members: Sequence[str]) -> str:
    """Identity of the one message that stands for several."""
    return _hashed([ANOMALY_GROUP, *sorted(members)])


def worth_telling(incidents: Sequence[Incident], as_of: datetime) -> list[Incident]:
    """The incidents whose window ended less than 24 hours before `as_of`: today's, and those of the day
    just over.

    A daily run shortly after midnight is the first to see yesterday whole; older days are history, not
    news.
    """
    return [row for row in incidents if _utc(row["window_to"]) > as_of - timedelta(hours=24)]


def anomaly_body(incident: Incident) -> str:
    """JSON (ASCII) for one incident: `text` as Slack shows it, and `data` with money as decimal strings in
    USD.

    `incident` has the columns of marts.anomalies, and a `link` if there is a page about it.
    """
    data = _data(incident)
    return _json(
        {
            "type": ANOMALY,
            "version": BODY_VERSION,
            "timestamp": data["window"]["to"],
            "text": _escaped(_sentence(incident)),
            "data": data,
        }
    )


def group_body(bodies: Sequence[str]) -> str:
    """JSON for many incidents at once: how many, their excess in all, the largest ones. `bodies`: their own
    bodies.
    """
    members = sorted((json.loads(body)["data"] for body in bodies), key=_by_size)
    excess = sum((Decimal(one["excess_usd"]) for one in members), Decimal(0))
    largest = members[:LISTED_IN_GROUP]
    lines = [f"{len(members)} more cost alerts, together {dollars(excess)} above the expected. The largest:"]
    lines += [
        f"• {_named(one['dimension'], one['entity'])}: {dollars(Decimal(one['actual_usd']))} "
        f"instead of {dollars(Decimal(one['expected_usd']))} on {one['day']}"
        for one in largest
    ]
    return _json(
        {
            "type": ANOMALY_GROUP,
            "version": BODY_VERSION,
            "timestamp": max(one["window"]["to"] for one in members),
            "text": _escaped("\n".join(lines)),
            "data": {"incidents": len(members), "excess_usd": _decimal(excess), "largest": largest},
        }
    )


def excess_of(body: str) -> Decimal:
    """The excess in USD that a body tells; by it the largest incidents are picked."""
    return Decimal(json.loads(body)["data"]["excess_usd"])


def dollars(amount: Decimal) -> str:
    """`$1,234.50`; below a cent with as many decimals as it takes to not read $0.00."""
    step = Decimal("0.01") if abs(amount) >= Decimal("0.01") or amount == 0 else Decimal("0.000001")
    rounded = amount.quantize(step, ROUND_HALF_UP)
    return f"-${-rounded:,f}" if rounded < 0 else f"${rounded:,f}"


def _data(incident: Incident) -> dict[str, Any]:
    entity = incident["entity"]
    ratio = incident.get("ratio")
    return {
        "incident_id": str(incident["incident_id"]),
        "rule": str(incident["rule"]),
        "dimension": str(incident["dimension"]),
        "entity": entity if entity is None else str(entity)[:LONGEST_ENTITY],
        "day": _day(incident["day"]),
        "window": {"from": _rfc3339(incident["window_from"]), "to": _rfc3339(incident["window_to"])},
        "actual_usd": _decimal(incident["actual_usd"]),
        "expected_usd": _decimal(incident["expected_usd"]),
        "excess_usd": _decimal(incident["excess_usd"]),
        "ratio": None if ratio is None else _decimal(ratio),
        "severity": str(incident["severity"]),
        "link": incident.get("link"),
    }


def _sentence(incident: Incident) -> str:
    actual, expected, excess = (
        dollars(Decimal(str(incident[key]))) for key in ("actual_usd", "expected_usd", "excess_usd")
    )
    ratio = incident.get("ratio")
    times = "" if ratio is None else f" ({Decimal(str(ratio)).quantize(Decimal('0.1'), ROUND_HALF_UP)} times)"
    what = _named(incident["dimension"], incident["entity"])
    window = f"{_minute(incident['window_from'])} to {_minute(incident['window_to'])} UTC"
    link = f"\n{incident['link']}" if incident.get("link") else ""
    return (
        f"Cost alert ({incident['severity']}): {what} cost {actual} instead of the expected "
        f"{expected}{times}, {excess} more.\n"
        f"{window}, rule {incident['rule']}.{link}"
    )


def _named(dimension: str, entity: str | None) -> str:
    if dimension == "total":
        return "everything together"
    return f"{dimension} {_tame('(none)' if entity is None else str(entity))}"


def _tame(name: str) -> str:
    """A name on one line: line breaks, control and direction characters could forge a message, a long name
    drown it.
    """
    plain = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in name)
    return plain if len(plain) <= LONGEST_ENTITY_IN_TEXT else plain[: LONGEST_ENTITY_IN_TEXT - 1] + "…"


def _escaped(text: str) -> str:
    """Slack's three control characters; without this a tenant called <!channel> would wake everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _by_size(data: Mapping[str, Any]) -> tuple[Decimal, str]:
    return -Decimal(data["excess_usd"]), data["incident_id"]


def _decimal(value: Any) -> str:
    text = format(Decimal(str(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _day(value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


def _utc(value: Any) -> datetime:
    instant = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _rfc3339(value: Any) -> str:
    return _utc(value).isoformat().replace("+00:00", "Z")


def _minute(value: Any) -> str:
    return _utc(value).strftime("%Y-%m-%d %H:%M")


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def _hashed(key: Sequence[str | None]) -> str:
    return "evt_" + hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]

"""A mapped row as bytes: what is hashed to tell a duplicate from a conflict, and what a refused row shows."""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")  # always 15 decimals: the fields are typed before they get here
    raise TypeError(f"{type(value).__name__} in a mapped row")


def content_bytes(row: dict[str, Any]) -> bytes:
    """Mapped fields that hold something, in the order of their names. Absent fields leave no trace, so a
    field that a later version adds does not turn known events into conflicts."""
    held = {name: value for name, value in row.items() if value is not None}
    return orjson.dumps(held, default=_plain, option=orjson.OPT_SORT_KEYS)


def content_hash(row: dict[str, Any]) -> bytes:
    """16 bytes that stand for a row's mapped fields. Lineage is no part of a mapped row."""
    return hashlib.blake2b(content_bytes(row), digest_size=16).digest()


def shown(row: dict[str, Any]) -> str | None:
    """Mapped fields as JSON text for quarantine and conflicts, None when nothing was mapped. They are
    allow-listed by construction: the mapping never reads a prompt, a completion or a header."""
    held = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if value is not None
    }
    return orjson.dumps(held, default=_plain).decode() if held else None

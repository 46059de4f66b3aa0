"""What every reader of a usage object needs: finding it, reading counts strictly, naming what came out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokencost_pipeline.ingest.fields import Refused, count, kind, mapping

Counts = dict[str, int]
"""Landed name -> count. No key means the provider did not say."""

_TOTALS = ("prompt_tokens", "completion_tokens")


def usage_object(payload: Mapping[str, Any], *keys: str) -> Mapping[str, Any] | None:
    """The usage inside a response, under the first of `keys` there; a payload with none of them is itself
    the usage. None where the response says null."""
    for key in keys:
        if key in payload:
            return None if payload[key] is None else mapping(payload[key], key)
    return payload


def whole(parent: Mapping[str, Any], key: str, place: str = "usage") -> int | None:
    """The count under `key`, strict; None when it is absent. `place` names the parent in a refusal."""
    return count(parent.get(key), f"{place}.{key}")


def section(parent: Mapping[str, Any], key: str, place: str = "usage") -> dict[str, Any]:
    """The object under `key`; absent is the empty one."""
    return mapping(parent.get(key), f"{place}.{key}")


def entries(parent: Mapping[str, Any], key: str, place: str = "usage") -> list[tuple[dict[str, Any], str]]:
    """The objects of the array under `key`, each with its name for refusals; absent is the empty array."""
    found = parent.get(key)
    name = f"{place}.{key}"
    if found is None:
        return []
    if not isinstance(found, list):
        raise Refused(f"{name}: expected an array, got {kind(found)}")
    for index, entry in enumerate(found):
        if not isinstance(entry, dict):
            raise Refused(f"{name}[{index}]: expected an object, got {kind(entry)}")
    return [(entry, f"{name}[{index}]") for index, entry in enumerate(found)]


def added(*parts: int | None) -> int | None:
    """Sum of the known parts; None when none is known."""
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def inclusive_total(uncached: int | None, name: str, *cached: int | None) -> int | None:
    """uncached + cached parts, for providers whose total leaves them out. Cached parts of an unknown rest
    have no total: refused."""
    if uncached is None and any(cached):
        raise Refused(f"{name}: missing beside counts of cached tokens")
    return None if uncached is None else added(uncached, *cached)


def without(whole_count: int | None, part: int | None, name: str) -> int | None:
    """whole_count - part; refused when the part is the larger."""
    if whole_count is None or part is None:
        return whole_count
    if part > whole_count:
        raise Refused(f"{name}: fewer than the part of it that is reported")
    return whole_count - part


def spread_writes(
    total: int | None, write_5m: int | None, write_1h: int | None, name: str
) -> tuple[int | None, int | None]:
    """Cache writes by lifetime from a total and its perhaps incomplete split. What the total
    has beyond the split is counted as 5 minutes, the default lifetime. A split beyond the total is
    refused."""
    split = added(write_5m, write_1h)
    if total is None:
        return write_5m, write_1h
    if split is not None and split > total:
        raise Refused(f"{name}: fewer than its parts by lifetime")
    return added(write_5m, total - (split or 0)), write_1h


def landed(**counts: int | None) -> Counts:
    """Counts by landed name, without the unknown ones and the details of zero.

    Raises Refused when nothing was reported at all: the payload is of another flavour, and an empty answer
    would hide it.
    """
    if all(value is None for value in counts.values()):
        raise Refused("usage: holds no count of this flavour")
    return {
        name: value
        for name, value in ((name, count(value, name)) for name, value in counts.items())
        if value is not None and (value or name in _TOTALS)
    }

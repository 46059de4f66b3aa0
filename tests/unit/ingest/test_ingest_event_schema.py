"""The JSON Schema that ships and the mapping that reads say the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st
from ingest_lab import NOW, event

from tokencost_pipeline.ingest.fields import Refused
from tokencost_pipeline.ingest.gate import parse_object
from tokencost_pipeline.ingest.schema import TOKEN_COUNTS, UNIT_COUNTS
from tokencost_pipeline.ingest.sources.canonical_events import FIELDS, REQUIRED, json_schema, map_event

SCHEMA: dict[str, Any] = json.loads(json_schema())
STRICT_NUMBERS = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: type(value) is int,  # as the description says: 3.0 is refused
            "number": lambda _, value: type(value) in (int, Decimal),
        }
    ),
)(SCHEMA)


def mapped(record: dict[str, Any]) -> bool:
    try:
        map_event(parse_object(json.dumps(record).encode()), {}, NOW)
    except Refused:
        return False
    return True


def allowed(record: dict[str, Any]) -> bool:
    return STRICT_NUMBERS.is_valid(parse_object(json.dumps(record).encode()))


def test_the_schema_is_one_and_names_the_same_fields() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["properties"]) == FIELDS
    assert set(SCHEMA["required"]) == set(REQUIRED)
    assert {*TOKEN_COUNTS, *UNIT_COUNTS} <= FIELDS
    assert all(len(field["description"]) > 10 for field in SCHEMA["properties"].values())


def test_every_field_of_the_schema_is_landed() -> None:
    full: dict[str, Any] = {}
    for name, field in SCHEMA["properties"].items():
        kinds = field["type"]
        full[name] = (
            {"a": "b"} if "object" in kinds else True if "boolean" in kinds else 3 if "integer" in kinds
            else "0.5" if "number" in kinds else f"some {name}"
        )  # fmt: skip
    full["timestamp"] = "2026-11-21T10:00:00Z"
    row: dict[str, Any] = {}
    map_event(full, row, NOW)
    renamed = {"timestamp": "occurred_at", "computed_cost": "reported_cost_usd"}
    values = {name: row[renamed.get(name, name)] for name in FIELDS}
    assert values == full | {
        "timestamp": datetime(2026, 11, 21, 10, tzinfo=UTC),
        "computed_cost": Decimal("0.5"),
        "input_audio_seconds": Decimal("0.5"),
        "tags": '{"a":"b"}',
    }


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2**54)
    | st.sampled_from([0.5, 3.0, -0.5, "0.5", "1e-6", "-1", "5 ", "", "x", "a\x00b", "2026-11-21T10:00:00Z"])
    | st.lists(st.none(), max_size=1)
    | st.dictionaries(st.sampled_from(["k", "\x00"]), st.sampled_from(["v", 1, None]), max_size=1)
)


@given(
    st.dictionaries(st.sampled_from(sorted(FIELDS)), scalars, max_size=3), st.sets(st.sampled_from(REQUIRED))
)
def test_schema_and_mapping_agree_on_any_event(fields: dict[str, Any], missing: set[str]) -> None:
    record = {
        name: value for name, value in (event() | fields).items() if name not in missing or name in fields
    }
    assert mapped(record) == allowed(record)

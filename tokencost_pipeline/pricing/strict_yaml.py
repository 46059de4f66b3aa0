"""YAML as people mean it: what could be read two ways is refused, with its line and what to write instead.

Allowed: one document, a mapping at the top, mappings with string keys, sequences, strings (plain or quoted),
whole numbers such as `200001`, and `true` / `false`. Refused, because each has cost somebody money or a day:

* floats (`3.0`, `1e-6`): binary, so not a price; write a quoted decimal string
* dates and times without quotes: YAML turns them into objects of its own; quote them
* `yes`, `no`, `on`, `off`, `True`: booleans in one YAML version, strings in the next
* `null`, `~` and a key without a value: leave the key out instead
* numbers in other clothes (`0x1F`, `017`, `1_000`, `+5`, `12:30`)
* duplicate keys (one would silently lose), anchors, aliases, merge keys, tags, directives, more documents
* nesting deeper than `MAX_DEPTH` and files larger than `MAX_BYTES`
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from yaml import events as ev

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.pricing.problems import Problems, shown

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 12
MAX_INTEGER_DIGITS = 18

At = tuple[str | int, ...]
"""Where a value lies: keys and list positions from the top, e.g. `("prices", 3, "bands", 0)`."""

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_ODD_INTEGER = re.compile(r"[-+]?(0x[0-9a-fA-F_]+|0o?[0-7_]+|0b[01_]+|[0-9][0-9_]*)")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?")
_ODD_BOOLEANS = {
    word for w in ("yes", "no", "on", "off", "true", "false") for word in (w, w.title(), w.upper())
}
_NULLS = {"", "~", "null", "Null", "NULL"}


@dataclass(frozen=True)
class Mapped:
    """A file's content as plain dict, list, str, int and bool, with the line of every value."""

    path: Path
    value: dict[str, Any]
    lines: dict[At, int]
    sha256: str
    """Of the text that was read, so that it cannot be another version of the file."""

    def line_of(self, at: At = ()) -> int:
        """1-based line of the value at `at`, or of its nearest parent that exists."""
        while at not in self.lines and at:
            at = at[:-1]
        return self.lines.get(at, 1)


def read_strict_yaml(path: Path) -> Mapped:
    """Read `path`. Raises UserError with every problem's file:line; what is refused stands above."""
    return parse_strict_yaml(_text_of(path), path)


def parse_strict_yaml(text: str, path: Path) -> Mapped:
    """`read_strict_yaml` for text at hand; `path` only names the place in errors."""
    problems = Problems(path)
    builder = _Builder(problems)
    try:
        for event in _events(text):
            builder.take(event)
            if builder.given_up:
                break
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        line = mark.line + 1 if mark else _line_of_bad_character(text, error)
        problems.add(line, f"not readable as YAML: {what}", "check brackets, quotes and indentation here")
    if not problems.found and not isinstance(builder.top, dict):
        problems.add(1, "the file has no mapping at the top", "start with a line such as 'schema_version: 1'")
    problems.raise_if_any()
    assert isinstance(builder.top, dict)
    return Mapped(
        path, builder.top, builder.lines, hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    )


def _text_of(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UserError(
                f"{size:,} bytes is more than the {MAX_BYTES:,} a hand-edited file may have",
                place=f"{shown(path)}:1",
                hint="split off what is not needed, or check that this is the right file",
            )
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(
            "not UTF-8 text", place=f"{shown(path)}:{line}", hint="save the file as UTF-8"
        ) from error
    except OSError as error:
        raise UserError(
            f"cannot be read: {error.strerror}", place=shown(path), hint="check the path and its permissions"
        ) from error


def _events(text: str) -> Iterator[ev.Event]:
    yield from yaml.parse(text, Loader=_PARSER)


def _line_of_bad_character(text: str, error: yaml.YAMLError) -> int:
    position = getattr(error, "position", None)
    return text[:position].count("\n") + 1 if isinstance(position, int) else 1


@dataclass
class _Open:
    """A mapping or sequence that is being filled."""

    at: At
    value: Any
    key: str | None = None
    key_lines: dict[str, int] = field(default_factory=dict)


class _Builder:
    """Turns parser events into plain values, with a stack of its own: nesting cannot exhaust Python's."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.top: Any = None
        self.lines: dict[At, int] = {}
        self.given_up = False
        self._stack: list[_Open] = []
        self._documents = 0

    def take(self, event: ev.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, ev.DocumentStartEvent):
            self._start_document(event, line)
        elif isinstance(event, ev.AliasEvent):
            self._refuse_anchor(line, f"alias '*{event.anchor}'")
            self._put("", line, is_scalar=True)
        elif isinstance(event, ev.ScalarEvent):
            self._refuse_anchor_and_tag(event, line)
            expects_key = bool(self._stack) and self._expects_key(self._stack[-1])
            self._put(self._scalar(event, line, as_key=expects_key), line, is_scalar=True)
        elif isinstance(event, ev.CollectionStartEvent):
            self._refuse_anchor_and_tag(event, line)
            self._open({} if isinstance(event, ev.MappingStartEvent) else [], line)
        elif isinstance(event, ev.CollectionEndEvent):
            self._stack.pop()

    def _start_document(self, event: ev.DocumentStartEvent, line: int) -> None:
        self._documents += 1
        if self._documents > 1:
            self.problems.add(
                line, "a second document starts here", "remove the '---' line: one document a file"
            )
            self.given_up = True
        if event.version or event.tags:
            self.problems.add(line, "a YAML directive (%YAML, %TAG)", "remove the lines that start with '%'")

    def _refuse_anchor(self, line: int, what: str) -> None:
        self.problems.add(
            line, f"{what} is not allowed", "write the value out at every place where it applies"
        )

    def _refuse_anchor_and_tag(self, event: ev.Event, line: int) -> None:
        if anchor := getattr(event, "anchor", None):
            self._refuse_anchor(line, f"anchor '&{anchor}'")
        if tag := getattr(event, "tag", None):
            self.problems.add(
                line, f"tag '{tag}' is not allowed", "remove the tag; quote the value if it is text"
            )

    @staticmethod
    def _expects_key(parent: _Open) -> bool:
        return isinstance(parent.value, dict) and parent.key is None

    def _open(self, value: Any, line: int) -> None:
        if len(self._stack) >= MAX_DEPTH:
            self.problems.add(
                line, f"nested deeper than {MAX_DEPTH} levels", "close a bracket or mend the indentation"
            )
            self.given_up = True
            return
        if self._stack and self._expects_key(self._stack[-1]):
            self.problems.add(line, "a list or mapping used as a key", "use plain text as the key")
            self.given_up = True
            return
        at = self._put(value, line, is_scalar=False)
        self._stack.append(_Open(at, value))

    def _put(self, value: Any, line: int, *, is_scalar: bool) -> At:
        """Store `value` where it belongs and return where that is."""
        if not self._stack:
            self.top = value
            self.lines[()] = line
            return ()
        parent = self._stack[-1]
        if isinstance(parent.value, list):
            at = (*parent.at, len(parent.value))
            parent.value.append(value)
            self.lines[at] = line
            return at
        if parent.key is None and is_scalar:
            self._take_key(parent, value, line)
            return parent.at
        key, parent.key = parent.key, None
        assert key is not None
        at = (*parent.at, key)
        if key not in parent.value:
            parent.value[key] = value
            self.lines[at] = parent.key_lines[key]
        return at

    def _take_key(self, parent: _Open, key: Any, line: int) -> None:
        if not isinstance(key, str):
            self.problems.add(line, f"key {key!r} is not text", f"put it in quotes: '{key}'")
            key = str(key)
        first = parent.key_lines.setdefault(key, line)
        if parent.key_lines[key] != line or key in parent.value:
            self.problems.add(
                line,
                f"duplicate key '{key}', first on line {first}",
                "keep one of the two: the other would be lost",
            )
        parent.key = key

    def _scalar(self, event: ev.ScalarEvent, line: int, *, as_key: bool) -> str | int | bool:
        text = str(event.value)
        if event.style not in (None, ""):
            return text
        if _INTEGER.fullmatch(text) and len(text.lstrip("-")) <= MAX_INTEGER_DIGITS:
            return int(text)
        if text in {"true", "false"}:
            return text == "true"
        if refusal := _refusal(text, as_key=as_key):
            self.problems.add(line, *refusal)
        return text


def _refusal(text: str, *, as_key: bool) -> tuple[str, str] | None:
    """Why the plain scalar `text` is refused and what to write instead; None when it is just text."""
    if text in _NULLS:
        what = "an empty key" if as_key else "a key or list item without a value (null)"
        return what, "leave the key out: what is not written is unknown"
    if text in _ODD_BOOLEANS:
        return f"{text} may be a boolean or text", f"write true or false, or the text in quotes: '{text}'"
    if text == "<<":
        return "merge key '<<' is not allowed", "write the values out at every place where they apply"
    if _ODD_INTEGER.fullmatch(text):
        return (
            f"{text} is an oddly written number",
            "write it in plain digits, or in quotes if it is text",
        )
    if _FLOAT.fullmatch(text):
        return f"{text} is a YAML float", f"write a quoted decimal string: '{_as_decimal(text)}'"
    if _SEXAGESIMAL.fullmatch(text):
        return f"{text} is a number to the base of 60 in YAML", f"put it in quotes: '{text}'"
    if _TIMESTAMP.fullmatch(text):
        return f"{text} is a YAML date", f"put it in quotes: '{text}'"
    return None


def _as_decimal(text: str) -> str:
    """`text`, a float as YAML writes it, in plain decimal digits where it has such; else an example."""
    number = text.replace("_", "").lstrip("+")
    if len(number) > 40 or "inf" in number.lower() or "nan" in number.lower():
        return "3.0"
    value = Decimal(number)
    exponent = value.adjusted()
    return format(value, "f") if -20 <= exponent <= 20 else "3.0"

"""raw/invoices to landing/reference: what the providers billed, beside which our figures are held.

Invoices are no events. They are whole documents that are exported again and again, so every run reads all of
them and lands what they say together. The rules where they overlap, per provider and UTC day:

1. Documents are ordered by path, then by line: the later one is the newer export. Name files by date.
2. The newest document says how the day is cut (by line item or not, by account or not). Documents that cut it
   otherwise show the same money a second time and are left out.
3. Of the rest the newest document with a line has that line. A document that repeats a line in itself means it.

A bad file is refused as a whole, with its reason; the others stand. What was taken out of the folder is gone
from the landing zone with the next run.
"""

from __future__ import annotations

import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tokencost_pipeline.atomic import write_bytes
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.fields import Refused
from tokencost_pipeline.ingest.gate import parse_object
from tokencost_pipeline.ingest.identity import file_id
from tokencost_pipeline.ingest.limits import MIB
from tokencost_pipeline.ingest.scan import INVOICES as FOLDER
from tokencost_pipeline.ingest.scan import files_below, printable
from tokencost_pipeline.ingest.schema import INVOICES, QUARANTINE
from tokencost_pipeline.ingest.sources.invoices import PROVIDERS, Line
from tokencost_pipeline.settings import Settings

MAX_FILE_BYTES = 64 * MIB
"""Of one invoice file: it is held in memory whole."""

SUFFIXES = {".json", ".jsonl"}


@dataclass(frozen=True)
class Refusal:
    """A file that was left out. `path` is relative to raw/; `line_no` is where its reason is, from 1."""

    path: str
    line_no: int
    byte_offset: int
    reason: str
    file_id: str
    body_sha256: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line_no}: {self.reason}"


@dataclass(frozen=True)
class InvoiceReport:
    """What is landed now: lines in force, files they were read from, files refused."""

    lines: int
    files: int
    refused: tuple[Refusal, ...]
    unchanged: bool


@dataclass(frozen=True)
class _Document:
    """One cost page and where it stands."""

    path: str
    file_id: str
    line_no: int
    byte_offset: int
    body_sha256: str
    lines: tuple[Line, ...]


def land_invoices(
    settings: Settings, *, now: datetime, max_file_bytes: int = MAX_FILE_BYTES
) -> InvoiceReport:
    """Read every invoice below raw/invoices and replace landing/reference/invoices.parquet (schema INVOICES) and
    invoice_refusals.parquet (schema QUARANTINE), each atomically and only where its bytes differ.

    `now` (with offset): days that begin more than a day after it are refused. Bad files raise nothing. Raises
    UserError when the landing zone cannot be written.
    """
    if now.tzinfo is None:
        raise ValueError("now has no offset")
    documents: list[_Document] = []
    refused: list[Refusal] = []
    files = 0
    for place, path in _files(settings.raw_dir, refused):
        read = _read_file(place, path, now, max_file_bytes)
        if isinstance(read, Refusal):
            refused.append(read)
        else:
            documents += read
            files += 1
    rows = _rows(documents)
    refused.sort(key=lambda refusal: refusal.path)
    folder = settings.landing_dir / "reference"
    tables = {
        "invoices": pa.Table.from_pylist(rows, schema=INVOICES),
        "invoice_refusals": pa.Table.from_pylist(
            [
                {"source": FOLDER, "body": None, **{name: getattr(refusal, name) for name in _REFUSAL_FIELDS}}
                for refusal in refused
            ],
            schema=QUARANTINE,
        ),
    }
    try:
        written = [_write_if_changed(folder / f"{name}.parquet", table) for name, table in tables.items()]
    except OSError as error:
        raise UserError(
            f"the landing zone cannot be written: {error.strerror or error}",
            place=str(error.filename or folder),
            hint="the invoices of the run before stand; make room or mend the permissions and run again",
        ) from error
    return InvoiceReport(len(rows), files, tuple(refused), not any(written))


_REFUSAL_FIELDS = ("path", "file_id", "line_no", "byte_offset", "body_sha256", "reason")


def _files(raw_dir: Path, refused: list[Refusal]) -> list[tuple[Path, str]]:
    """(place, path below raw/) of the invoice files, in the order of their paths."""
    top = raw_dir / FOLDER
    if not top.is_dir():
        return []
    unreadable: list[tuple[str, str]] = []
    found = []
    root = str(raw_dir)
    for where in files_below(str(top), root, unreadable):
        place, path = Path(where), printable(where, root)
        if place.suffix in SUFFIXES and _provider(path) in PROVIDERS:
            found.append((place, path))
        else:
            refused.append(
                _refusal(path, b"", "no invoice: they are *.json or *.jsonl in openai/ or anthropic/")
            )
    refused += [_refusal(path, b"", f"cannot be listed: {reason}") for path, reason in unreadable]
    return sorted(found, key=lambda item: item[1])


def _provider(path: str) -> str:
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else ""


def _refusal(path: str, data: bytes, reason: str, line_no: int = 1, byte_offset: int = 0) -> Refusal:
    digest = hashlib.sha256(data).hexdigest()
    return Refusal(path, line_no, byte_offset, reason, file_id(path, 1, digest), digest)


def _read_file(place: Path, path: str, now: datetime, max_file_bytes: int) -> list[_Document] | Refusal:
    if not place.is_file():  # a pipe would keep the run waiting
        return _refusal(path, b"", "is not a file")
    try:
        with place.open("rb") as handle:
            data = handle.read(max_file_bytes + 1)
    except OSError as error:
        return _refusal(path, b"", f"cannot be read: {error.strerror or type(error).__name__}")
    if len(data) > max_file_bytes:
        return _refusal(path, b"", f"larger than {max_file_bytes // MIB} MiB; split it by time")
    if not data.strip():
        return _refusal(path, data, "is empty")
    identity = file_id(path, 1, hashlib.sha256(data).hexdigest())
    documents = []
    for line_no, offset, body in _bodies(data):
        try:
            lines = tuple(PROVIDERS[_provider(path)](parse_object(body), now))
        except Refused as refused:
            return _refusal(path, data, str(refused), line_no + _line_of_error(body), offset)
        documents.append(_Document(path, identity, line_no, offset, hashlib.sha256(body).hexdigest(), lines))
    return documents


def _bodies(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(line, byte offset, bytes) of each JSON document: the file is one, however it is printed, or each line is."""
    if not _is_json(data):
        lines = data.split(b"\n")
        if _is_json(next(line for line in lines if line.strip())):
            offset = 0
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, offset, line.strip()
                offset += len(line) + 1
            return
    yield 1, 0, data


def _is_json(data: bytes) -> bool:
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True


def _line_of_error(body: bytes) -> int:
    """Lines before the one at which a broken document breaks."""
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return error.lineno - 1
    return 0


def _rows(documents: Iterable[_Document]) -> list[dict[str, Any]]:
    """Landed rows of the lines in force; `documents` come oldest first."""
    days: defaultdict[tuple[str, date], list[tuple[_Document, list[Line]]]] = defaultdict(list)
    for document in documents:
        by_day: defaultdict[tuple[str, date], list[Line]] = defaultdict(list)
        for line in document.lines:
            by_day[line.provider, line.day].append(line)
        for day, lines in by_day.items():
            days[day].append((document, lines))
    rows = [row for _, exports in sorted(days.items()) for row in _rows_of_day(exports)]
    return sorted(
        rows, key=lambda row: (row["provider"], row["day"], row["model"] or "", row["invoice_line_id"])
    )


def _rows_of_day(exports: list[tuple[_Document, list[Line]]]) -> Iterator[dict[str, Any]]:
    cut = _cut(exports[-1][1])
    in_force: dict[tuple[str | None, ...], tuple[_Document, list[Line]]] = {}
    for document, lines in exports:
        if _cut(lines) == cut:
            by_key: defaultdict[tuple[str | None, ...], list[Line]] = defaultdict(list)
            for line in lines:
                by_key[line.key].append(line)
            in_force |= {key: (document, same) for key, same in by_key.items()}
    for key, (document, lines) in in_force.items():
        for number, line in enumerate(lines):
            yield {
                "invoice_line_id": _line_id(line, key, number),
                "provider": line.provider,
                "day": line.day,
                "model": line.model,
                "description": line.description,
                "account_id": line.account_id,
                "currency": line.currency,
                "amount": line.amount,
                "path": document.path,
                "file_id": document.file_id,
                "line_no": document.line_no,
                "byte_offset": document.byte_offset,
                "body_sha256": document.body_sha256,
            }


def _cut(lines: list[Line]) -> tuple[bool, bool]:
    return any(line.description for line in lines), any(line.account_id for line in lines)


def _line_id(line: Line, key: tuple[str | None, ...], number: int) -> str:
    parts = orjson.dumps([line.provider, line.day.isoformat(), key, number])
    return hashlib.sha256(parts).hexdigest()[:32]


def _write_if_changed(path: Path, table: pa.Table) -> bool:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    if path.is_file() and path.read_bytes() == sink.getvalue():
        return False
    write_bytes(path, sink.getvalue())
    return True

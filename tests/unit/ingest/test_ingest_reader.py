"""Bytes to records: complete ones only, whatever the size of a read."""

from __future__ import annotations

import csv
import hashlib
import io
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokencost_pipeline.ingest.identity import Fingerprint, Track
from tokencost_pipeline.ingest.limits import Limits
from tokencost_pipeline.ingest.reader import CsvSplitter, LineSplitter, Record, Splitter


def split(
    kind: type[Splitter], data: bytes, *, read: int = 1 << 20, limit: int = 1 << 20, last: bool = False
) -> tuple[list[Record], Splitter]:
    limits = Limits(line_bytes=limit, read_bytes=read)
    splitter = kind(io.BytesIO(data), size=len(data), limits=limits, complete_last=last)
    return list(splitter.records()), splitter


def texts(records: list[Record]) -> list[bytes | None]:
    return [record.data for record in records]


def test_only_what_ends_with_a_line_end_is_read() -> None:
    records, splitter = split(LineSplitter, b"one\ntwo\r\n\nthr")
    assert texts(records) == [b"one", b"two", b""]
    assert [(record.line_no, record.byte_offset) for record in records] == [(1, 0), (2, 4), (3, 9)]
    assert splitter.track.offset == 10
    assert records[1].sha256 == hashlib.sha256(b"two").hexdigest()


def test_lines_are_split_at_line_feeds_alone() -> None:
    odd = "a\u2028b\x0bc\x0cd\x85e\rf".encode()
    assert texts(split(LineSplitter, odd + b"\n")[0]) == [odd]


def test_a_byte_order_mark_is_skipped_at_the_start_only() -> None:
    records, _ = split(LineSplitter, b"\xef\xbb\xbf{}\n\xef\xbb\xbf{}\n")
    assert texts(records) == [b"{}", b"\xef\xbb\xbf{}"]
    assert records[0].byte_offset == 3


def test_the_last_line_of_an_unpacked_file_needs_no_line_end() -> None:
    assert texts(split(LineSplitter, b"one\ntwo", last=True)[0]) == [b"one", b"two"]
    assert texts(split(LineSplitter, b"one\n", last=True)[0]) == [b"one"]


@pytest.mark.parametrize("read", [1, 2, 3, 5, 8, 100])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_line_beyond_the_limit_is_passed_by_and_its_neighbours_are_read(read: int, line_end: bytes) -> None:
    long = b"x" * 23
    data = line_end.join([b"a", long, b"b", b"y" * 8, long, b"c", b""])
    records, splitter = split(LineSplitter, data, read=read, limit=8)
    assert texts(records) == [b"a", None, b"b", b"y" * 8, None, b"c"]
    assert records[1].problem is not None
    assert records[1].problem.startswith("longer than 8 bytes")
    assert records[1].sha256 == hashlib.sha256(long).hexdigest()
    assert [record.line_no for record in records] == [1, 2, 3, 4, 5, 6]
    assert [data[r.byte_offset :][: len(r.data or b"")] for r in records] == [r.data or b"" for r in records]
    assert splitter.track.offset == len(data)


def test_a_torn_line_beyond_the_limit_waits_too() -> None:
    records, splitter = split(LineSplitter, b"a\n" + b"x" * 50, read=4, limit=8)
    assert texts(records) == [b"a"]
    assert splitter.track.offset == 2


def test_bytes_that_arrive_while_reading_are_the_next_runs() -> None:
    splitter = LineSplitter(io.BytesIO(b"one\ntwo\n"), size=6, limits=Limits())
    assert texts(list(splitter.records())) == [b"one"]


wild_lines = st.lists(
    st.binary(max_size=12) | st.sampled_from([b"\n", b"\r\n", b"\r", b"\xef\xbb\xbf"]), max_size=12
)


@given(wild_lines.map(b"".join), st.integers(1, 9), st.integers(1, 30), st.booleans())
def test_lines_do_not_depend_on_the_size_of_a_read(data: bytes, read: int, limit: int, last: bool) -> None:
    whole, one = split(LineSplitter, data, limit=limit, last=last)
    pieces, other = split(LineSplitter, data, read=read, limit=limit, last=last)
    assert pieces == whole
    assert one.track.offset == other.track.offset
    assert one.track.fingerprint() == other.track.fingerprint()
    assert one.track.offset == (len(data) if last else data.rfind(b"\n") + 1)


@given(wild_lines.map(b"".join), st.integers(1, 5), st.data())
def test_reading_in_two_runs_is_reading_in_one(data: bytes, read: int, draw: st.DataObject) -> None:
    whole, _ = split(LineSplitter, data)
    cut = draw.draw(st.integers(0, len(data)))
    limits = Limits(read_bytes=read)
    first = LineSplitter(io.BytesIO(data[:cut]), size=cut, limits=limits)
    records = list(first.records())
    state = first.track.fingerprint()
    edges = state.still_in(io.BytesIO(data), len(data))
    assert edges is not None
    second = LineSplitter(
        io.BytesIO(data),
        size=len(data),
        limits=limits,
        track=Track(state.offset, *edges),
        next_line=first.next_line,
    )
    assert records + list(second.records()) == whole


def test_a_fingerprint_notices_other_bytes_before_the_offset() -> None:
    data = random.Random(7).randbytes(20_000)
    track = Track()
    track.consume(data)
    state = track.fingerprint()

    def still_in(other: bytes) -> bool:
        return state.still_in(io.BytesIO(other), len(other)) is not None

    assert still_in(data + b"more")
    assert not still_in(data[:-1])
    assert not still_in(b"X" + data[1:])
    assert not still_in(data[:-1] + b"X" + b"more")
    assert Fingerprint(0, "", "").window == 0


HEADER_AND_ROWS = [["id", "text"], ["1", 'He said "no",\nthen left'], ["", ""], ["2", "a\r\nb"], ["3", "é,;"]]


def as_csv(rows: list[list[str]], line_end: str = "\n") -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator=line_end).writerows(rows)
    return buffer.getvalue().encode()


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("read", [1, 2, 7, 1000])
def test_csv_records_may_span_lines(line_end: str, read: int) -> None:
    data = as_csv(HEADER_AND_ROWS, line_end)
    records, splitter = split(CsvSplitter, data, read=read)
    assert [list(record.columns or ()) for record in records] == HEADER_AND_ROWS
    assert [record.line_no for record in records] == [1, 2, 4, 5, 7]
    assert splitter.track.offset == len(data)


cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=6) | st.sampled_from(
    ['"', '""', ",", "\n", "\r\n", '{"a": "b"}', ""]
)


@given(st.lists(st.lists(cells, min_size=2, max_size=4), max_size=6), st.integers(1, 9))
def test_csv_written_by_the_standard_library_is_read_back(rows: list[list[str]], read: int) -> None:
    records, _ = split(CsvSplitter, as_csv(rows), read=read)
    assert [list(record.columns or ()) for record in records] == rows


@pytest.mark.parametrize(
    "poison",
    [b'2,"never closed', b'2,"closed"x', b'2,a"b', b"2,a\rb", b'2,"a""', b"2,\xff"],
)
def test_a_broken_csv_record_costs_one_line_and_no_neighbour(poison: bytes) -> None:
    rest = as_csv([["3", 'a "quoted" word'], ["4", '{"k": "v"}'], ["5", "two\nlines"], ["6", "x"]])
    records, _ = split(CsvSplitter, as_csv([["1", "a"]]) + poison + b"\n" + rest)
    assert [record.problem is None for record in records] == [True, False, True, True, True, True]
    assert [(record.columns or ("",))[0] for record in records] == ["1", "", "3", "4", "5", "6"]


def test_a_csv_record_that_is_still_open_waits_for_the_rest() -> None:
    records, splitter = split(CsvSplitter, b'1,a\n2,"two\nlines')
    assert [record.columns for record in records] == [("1", "a")]
    assert splitter.track.offset == 4


def test_an_open_quote_cannot_swallow_more_than_the_limit() -> None:
    rows = b"".join(b"%d,plain\n" % number for number in range(100))
    records, _ = split(CsvSplitter, b'0,"open\n' + rows, limit=64, read=16)
    assert records[0].problem == "a record longer than 64 bytes"
    assert [record.columns for record in records[1:]] == [(str(number), "plain") for number in range(100)]


@given(
    st.lists(
        st.sampled_from([b'"', b",", b"\n", b"\r\n", b"a", b"bb", b'""', b"\xff", b"1,2\n"]), max_size=25
    ),
    st.integers(1, 7),
    st.booleans(),
)
def test_any_bytes_as_csv_are_accounted_for_in_order(parts: list[bytes], read: int, last: bool) -> None:
    data = b"".join(parts)
    records, splitter = split(CsvSplitter, data, read=read, last=last)
    end = splitter.track.offset
    starts = [record.byte_offset for record in records] + [end]
    assert starts == sorted(set(starts))
    pieces = [data[start:stop] for start, stop in pairwise(starts)]
    assert b"".join(pieces) == data[:end]
    for record, piece in zip(records, pieces, strict=True):
        assert record.problem is not None or record.data == piece.removesuffix(b"\n").removesuffix(b"\r")
    if last:
        assert end == len(data)
    whole, other = split(CsvSplitter, data, last=last)
    assert whole == records
    assert other.track.fingerprint() == splitter.track.fingerprint()

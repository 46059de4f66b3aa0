"""Lines of plain text to records that know where they stand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tokencost_pipeline.ingest.reader import LineSplitter, Record


class TextSplitter(LineSplitter):
    """Lines without an id of their own, told apart by all that stands before them.

    `line_key` is a hash chain: of the key of the line before and of the line. A copy of the file, renamed or packed,
    has the same keys; two files agree on a line only as long as they have said nothing different. `chain` is the key
    to go on from, kept with the offset.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.chain = ""

    def records(self) -> Iterator[Record]:
        for record in super().records():
            self.chain = hashlib.sha256(f"{self.chain} {record.sha256}".encode()).hexdigest()[:32]
            yield record if record.data is None else replace(record, line_key=self.chain)

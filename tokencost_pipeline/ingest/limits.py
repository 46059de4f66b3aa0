"""The written bounds of the gate. A line beyond one of them is quarantined with the bound as its reason."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes unless the name says otherwise."""

    line_bytes: int = 8 * MIB  # a record beyond it is streamed past, never held in memory
    document_bytes: int = 64 * MIB  # a file that is one JSON value is held in memory whole
    unpacked_bytes: int = 16 * 1024 * MIB  # of one gzip file
    read_bytes: int = MIB  # one read from a raw file
    chunk_rows: int = 50_000  # rows held one by one before they are deduplicated and written
    chunk_bytes: int = 64 * MIB  # raw bytes behind the rows held
    least_block_bytes: int = 32 * 1024  # fewer go line by line: that is quicker
    block_bytes: int = 2 * MIB  # lines read at once by the vectorised path: what fits into a core's cache


MAX_DEPTH = 128
"""Nesting of a JSON document. Fixed, so that the verdict does not hang on how deep Python's own stack is."""

MAX_DOCUMENT_VALUES = 2_000_000
"""Commas and opening brackets of one JSON document, which bound the values in it: some 10,000 payloads."""

MAX_DIGITS = 64
"""Characters of one JSON number."""

MAX_COUNT = 10**12
"""Of anything counted in one call: far beyond any call, and its product with any price fits DECIMAL(38,15)."""

MAX_SECONDS = 10**9
SECONDS_DECIMALS = 9
"""Of audio in one call."""

MAX_TEXT_BYTES = 32 * 1024
"""UTF-8 bytes of one text field."""

MAX_BODY_BYTES = 4 * 1024
"""Of a quarantined line's text."""

MONEY_DECIMALS = 15
MONEY_INTEGER_DIGITS = 23
"""Together the DECIMAL(38,15) of the warehouse."""

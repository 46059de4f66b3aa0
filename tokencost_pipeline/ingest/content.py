"""What is hashed to recognise an event again: its id, and the content of its row.

Both are taken from landed columns, so they are the same whichever way a line was read, and can be computed
again from a landing zone at any time. The id's 128 bits are MurmurHash3_x64_128, the row's 64 bits a sum of
one mixed number for each field that holds something: absent fields leave no trace, so a field that a later
version adds does not turn known events into conflicts.

No cryptographic hash is needed: who could forge a collision writes the logs, and can as well repeat an id.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tokencost_pipeline.ingest.schema import ALL_DIFFERENT, ATTEMPTS, PLACE

Hashes = NDArray[np.uint64]

_NO_CONTENT = frozenset({"source", "event_id", *(field.name for field in PLACE)})
CONTENT = tuple(field.name for field in ATTEMPTS if field.name not in _NO_CONTENT)


@dataclass(frozen=True)
class Marks:
    """Of some events, one entry each: two halves of the key, and the content."""

    high: Hashes
    low: Hashes
    content: Hashes

    def __len__(self) -> int:
        return len(self.high)

    def take(self, places: NDArray[np.int64] | slice) -> Marks:
        return Marks(self.high[places], self.low[places], self.content[places])


def marks(source: str, rows: pa.Table | pa.RecordBatch) -> Marks:
    """The marks of landed rows of one source; columns of CONTENT that `rows` lacks count as absent."""
    high, low = text_hashes(_flat(rows["event_id"]), _seed("source " + source))
    content = np.zeros(rows.num_rows, np.uint64)
    for name in CONTENT:
        if name in rows.schema.names and rows[name].null_count < rows.num_rows:
            content += _field(name, _flat(rows[name]))
    return Marks(high, low, content)


def _flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if isinstance(column, pa.Array):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _field(name: str, values: pa.Array) -> Hashes:
    seed = _seed(name)
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_dictionary(kind):
        hashes = _texts(name, values, seed)
    elif pa.types.is_boolean(kind):
        hashes = _mixed(np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False), np.uint64) + seed)
    elif pa.types.is_decimal(kind):
        words = _numbers(values, 2)
        hashes = _mixed(_mixed(words[0::2] + seed) + words[1::2])
    else:
        hashes = _mixed(_numbers(values, 1) + seed)
    if values.null_count:
        hashes = np.where(values.is_valid().to_numpy(zero_copy_only=False), hashes, np.uint64(0))
    return hashes


def _numbers(values: pa.Array, words: int) -> Hashes:
    """The array's own 64-bit words, whatever they are where it is NULL."""
    _, data = values.buffers()
    found: Hashes = np.frombuffer(data, "<u8")[values.offset * words : (values.offset + len(values)) * words]
    return found


def _texts(name: str, values: pa.Array, seed: np.uint64) -> Hashes:
    if name in ALL_DIFFERENT:
        return text_hashes(values, seed)[0]
    encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    distinct = text_hashes(encoded.dictionary, seed)[0]
    if not len(distinct):
        return np.zeros(len(values), np.uint64)
    return distinct[encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)]


@cache
def _seed(name: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little"))


_C1 = np.uint64(0x87C37B91114253D5)
_C2 = np.uint64(0x4CF5AD432745937F)
_FIVE = np.uint64(5)


def _mixed(values: Hashes) -> Hashes:
    """MurmurHash3's finaliser."""
    values = values ^ (values >> np.uint64(33))
    values *= np.uint64(0xFF51AFD7ED558CCD)
    values ^= values >> np.uint64(33)
    values *= np.uint64(0xC4CEB9FE1A85EC53)
    values ^= values >> np.uint64(33)
    return values


def _rotated(values: Hashes, bits: int) -> Hashes:
    return (values << np.uint64(bits)) | (values >> np.uint64(64 - bits))


def text_hashes(texts: pa.Array, seed: np.uint64) -> tuple[Hashes, Hashes]:
    """MurmurHash3_x64_128 of each text's UTF-8, with `seed` for both halves. Where a text is NULL the
    hashes mean nothing."""
    size = len(texts)
    _, borders, data = texts.buffers()
    if size == 0 or borders is None:
        return np.zeros(size, np.uint64), np.zeros(size, np.uint64)
    edges = np.frombuffer(borders, np.int32)[texts.offset : texts.offset + size + 1].astype(np.int64)
    # eight bytes can be loaded behind every text
    bytes_ = (b"" if data is None else data.slice(0, int(edges[-1])).to_pybytes()) + bytes(24)
    words = np.ndarray((len(bytes_) - 7,), "<u8", buffer=bytes_, strides=(1,))
    starts, lengths = edges[:-1], np.diff(edges)
    one, two = np.full(size, seed), np.full(size, seed)
    blocks = lengths >> 4
    for block in range(int(blocks.max())):
        active = slice(None) if (blocks > block).all() else np.flatnonzero(blocks > block)
        place = starts[active] + 16 * block
        first, second = one[active], two[active]
        first = first ^ _scrambled(words[place], _C1, 31, _C2)
        first = (_rotated(first, 27) + second) * _FIVE + np.uint64(0x52DCE729)
        second = second ^ _scrambled(words[place + 8], _C2, 33, _C1)
        second = (_rotated(second, 31) + first) * _FIVE + np.uint64(0x38495AB5)
        one[active], two[active] = first, second
    place, left = starts + 16 * blocks, lengths & 15
    two ^= _scrambled(_first_bytes(words[place + 8], np.clip(left - 8, 0, 8)), _C2, 33, _C1)
    one ^= _scrambled(_first_bytes(words[place], np.minimum(left, 8)), _C1, 31, _C2)
    one ^= lengths.view(np.uint64)
    two ^= lengths.view(np.uint64)
    one += two
    two += one
    one, two = _mixed(one), _mixed(two)
    one += two
    two += one
    return one, two


def _scrambled(words: Hashes, before: np.uint64, bits: int, after: np.uint64) -> Hashes:
    return _rotated(words * before, bits) * after


def _first_bytes(words: Hashes, count: NDArray[np.int64]) -> Hashes:
    spare = ((8 - count) * 4).astype(np.uint64)
    return (words << spare << spare) >> spare >> spare

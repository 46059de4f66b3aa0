"""Tables put together from pieces in which columns may be missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tokencost_pipeline.ingest.schema import ALL_DIFFERENT


@dataclass(frozen=True)
class Piece:
    """Some rows. Columns that are not there are NULL throughout; texts of `same` are those of every row."""

    rows: int
    arrays: Mapping[str, pa.Array | pa.ChunkedArray]
    same: Mapping[str, str]


def whole_table(table: pa.Table) -> Piece:
    """A table as a piece."""
    names = [name for name in table.schema.names if table[name].null_count < table.num_rows]
    return Piece(table.num_rows, {name: table[name] for name in names}, {})


def stacked(pieces: Sequence[Piece], schema: pa.Schema) -> pa.Table:
    """The rows of all pieces, one piece after the other, each column in one stretch of memory. Texts that repeat
    (`is_repeated`) come as codes of their different values: so they are hashed, and written, once for each value."""
    columns = [_column(pieces, field) for field in schema]
    fields = [field.with_type(column.type) for field, column in zip(schema, columns, strict=True)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


_CODES = pa.dictionary(pa.int32(), pa.string())


def is_repeated(field: pa.Field) -> bool:
    """Whether it is a text that many rows have in common."""
    return pa.types.is_string(field.type) and field.name not in ALL_DIFFERENT


def _column(pieces: Sequence[Piece], field: pa.Field) -> pa.Array:
    name, rows = field.name, sum(piece.rows for piece in pieces)
    if not any(name in piece.arrays or name in piece.same for piece in pieces):
        return pa.nulls(rows, _CODES if is_repeated(field) else field.type)
    said = {piece.same.get(name) for piece in pieces if piece.rows}
    if len(said) == 1 and None not in said:
        codes = pa.Array.from_buffers(pa.int32(), rows, [None, pa.py_buffer(bytes(4 * rows))])
        return pa.DictionaryArray.from_arrays(codes, pa.array([*said], pa.string()))
    parts: list[pa.Array] = []
    for piece in pieces:
        if name in piece.arrays:
            found = piece.arrays[name]
            parts += found.chunks if isinstance(found, pa.ChunkedArray) else [found]
        elif name in piece.same:
            parts.append(pa.repeat(pa.scalar(piece.same[name], field.type), piece.rows))
        else:
            parts.append(pa.nulls(piece.rows, field.type))
    column = pa.concat_arrays(parts) if parts else pa.array([], field.type)
    return column.dictionary_encode() if is_repeated(field) else column


def kept(table: pa.Table, keep: NDArray[np.bool_]) -> pa.Table:
    """The rows to keep. Columns that are NULL throughout, or the same text, are cut short instead of being copied."""
    if keep.all():
        return table
    mask, rows = pa.array(keep), int(keep.sum())
    columns = [
        column.slice(0, rows) if _is_uniform(column) else column.filter(mask) for column in table.columns
    ]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _is_uniform(column: pa.ChunkedArray) -> bool:
    if column.null_count == len(column):
        return True
    one_value = pa.types.is_dictionary(column.type) and column.num_chunks == 1
    return one_value and column.null_count == 0 and len(column.chunk(0).dictionary) == 1

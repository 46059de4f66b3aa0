"""Shards from the shards of the last run and the export files that changed since."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tokencost_pipeline.reports.shards.lines import digest_of
from tokencost_pipeline.reports.shards.marks import Marks


class Inconsistent(Exception):
    """What is remembered does not fit what is there: all shards are to be made anew."""


@dataclass
class Change:
    """What one shard loses (digest -> how often) and gains."""

    gone: Counter[int] = field(default_factory=Counter)
    fresh: list[bytes] = field(default_factory=list)


def changes(
    moved: Marks | None, old: Marks, fresh_lines: list[tuple[bytes, int]], width: int
) -> dict[str, Change]:
    """Prefix -> what changes there. `moved` are the lines whose number differs (`marks.difference`); `old` are the
    lines of the files that went, `fresh_lines` (line, digest) those of the files that came.

    A line that both have is not taken out and put back, so a shard that only has such lines is left alone.
    """
    found: dict[str, Change] = defaultdict(Change)
    if moved is None:
        return found
    differing = set(moved.digest.tolist())
    for digest, place in zip(old.digest.tolist(), old.place.tolist(), strict=True):
        if digest in differing:
            found[f"{place:08x}"[:width]].gone[digest] += 1
    for line, digest in fresh_lines:
        if digest in differing:
            found[line[2 : 2 + width].decode("ascii")].fresh.append(line)
    return found


def patched(
    affected: dict[str, Change], read: Callable[[str], bytes | None]
) -> Iterator[tuple[str, bytes | None]]:
    """(prefix, new text) of each affected shard; None where no line is left. `read` gives the old text of a shard, None
    where there was none.

    Raises Inconsistent when a line that should go is not there.
    """
    for prefix in sorted(affected):
        change = affected[prefix]
        lines = []
        for line in (read(prefix) or b"").splitlines(keepends=True):
            digest = digest_of(line)
            if change.gone[digest] > 0:
                change.gone[digest] -= 1
            else:
                lines.append(line)
        if change.gone.total():
            raise Inconsistent(f"shard {prefix} lacks lines that it should lose")
        lines = sorted(lines + change.fresh)
        yield prefix, b"".join(lines) or None

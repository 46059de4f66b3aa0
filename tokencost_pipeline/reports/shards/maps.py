"""The map from the prefix of a hash to the file of its shard, in one or two levels of at most a few KB each."""

from __future__ import annotations

from collections.abc import Mapping

from tokencost_pipeline.reports.data_scripts import HASH_LENGTH, named, script
from tokencost_pipeline.reports.shards.lines import KEY_LENGTH, field_names

REQUESTS_PER_SHARD = 256
_BLOCK = 2  # hex digits that one file of names covers: 256 names
_NONE = "-" * HASH_LENGTH


def width_for(requests: int) -> int:
    """Hex digits that name a shard: the fewest with which a shard has no more than 256 requests on average. 3 up to
    1,048,576 requests, 4 up to sixteen times as many."""
    width = 1
    while requests > REQUESTS_PER_SHARD * 16**width and width < 8:
        width += 1
    return width


def map_files(width: int, shards: Mapping[str, str]) -> tuple[str, dict[str, bytes]]:
    """The path of the map's first file, and path -> content of all of them. `shards` is prefix -> hash of the content.

    The first file says `width`, `key` (digits of a line's key) and `fields`; it has `names`, the hashes of all shards
    one behind the other, or beyond 256 shards `maps`, those of the files that have them.
    """
    about = {"width": width, "key": KEY_LENGTH, "hash": HASH_LENGTH, "fields": field_names()}
    files: dict[str, bytes] = {}
    if width <= _BLOCK:
        content = script("requests", {**about, "names": _names("", width, shards)})
    else:
        digits = width - _BLOCK
        maps: dict[str, str] = {}
        for block in sorted({prefix[:digits] for prefix in shards}):
            data = script(f"requests{block}", _names(block, _BLOCK, shards))
            path = named(f"requests{block}", data)
            files[path] = data
            maps[block] = path.removesuffix(".js")[-HASH_LENGTH:]
        content = script("requests", {**about, "maps": _names("", digits, maps)})
    root = named("requests", content)
    return root, {**files, root: content}


def _names(block: str, digits: int, hashes: Mapping[str, str]) -> str:
    return "".join(hashes.get(f"{block}{number:0{digits}x}", _NONE) for number in range(16**digits))

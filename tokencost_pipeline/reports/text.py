"""Names out of the data as one line of harmless text, and as file names. Faces escape the result for
themselves."""

from __future__ import annotations

import hashlib
import re
import unicodedata

MAX_LABEL = 48
MAX_TEXT = 300
NONE = "(none)"
EMPTY = "(empty)"

_JOINER = "\u200d"  # holds emoji sequences together and turns nothing round
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


def visible(text: str) -> str:
    """`text` with every character that would not be seen as itself (line ends, controls, bidi overrides,
    zero-width) written as an escape: '\\n', '\\u202e'. Right-to-left names are isolated so that they can't
    turn their surroundings round."""
    if text.isascii() and text.isprintable():
        return text
    shown = "".join(_visible_character(character) for character in text)
    if any(unicodedata.bidirectional(character) in {"R", "AL", "AN"} for character in shown):
        return _ISOLATE + shown + _END_ISOLATE
    return shown


def _visible_character(character: str) -> str:
    if character == _JOINER or unicodedata.category(character) not in {
        "Cc",
        "Cf",
        "Cs",
        "Co",
        "Cn",
        "Zl",
        "Zp",
    }:
        return character
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    return named or (f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}")


def label(name: str | None, limit: int = MAX_LABEL) -> str:
    """A name as it is shown: NULL is "(none)", the empty text "(empty)", long ones are cut at `limit`
    characters."""
    if name is None:
        return NONE
    if not name.strip():
        return EMPTY
    return visible(name if len(name) <= limit else name[: limit - 1] + "…")


def slug(name: str | None) -> str:
    """A file name stem for `name`: up to 40 ASCII letters, digits and hyphens, then a hash of the whole
    name.

    Two different names never share one (sha256, first 10 hex digits), no path can be climbed with it, and
    NULL has its own ("none") that no name can have.
    """
    if name is None:
        return "none"
    ascii_text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").lower()
    readable = re.sub(r"[^a-z0-9]+", "-", ascii_text)[:40].strip("-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{readable}-{digest}" if readable else digest

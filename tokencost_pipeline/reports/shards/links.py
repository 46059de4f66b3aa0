"""Which feature and tenant pages the page of a request may link to."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from tokencost_pipeline.reports.data_scripts import named, script

Pages = Mapping[str | None, str]
"""Name (None = no name) -> page path without suffix, below the site."""


def page_links(features: Pages, tenants: Pages) -> tuple[str, bytes]:
    """Path below the site and content of a script that hands over {"features": …, "tenants": …}: the digest that a
    request's line has for the name -> page path."""
    content = script(
        "links",
        {
            "features": {slug_digest(name): path for name, path in features.items()},
            "tenants": {slug_digest(name): path for name, path in tenants.items()},
        },
    )
    return named("links", content), content


def slug_digest(name: str | None) -> str:
    """What tells names apart in `text.slug`: the first 10 hex digits of a name's sha256, "none" for no name."""
    return "none" if name is None else sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]

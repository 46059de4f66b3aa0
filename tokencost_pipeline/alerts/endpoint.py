"""Where messages go. The URL itself is a secret (Slack's path is a password), so people only ever see a
label.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field

import httpx
from standardwebhooks import Webhook

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.settings import Settings

URL_VARIABLE = "TOKENCOST_WEBHOOK_URL"
SECRET_VARIABLE = "TOKENCOST_WEBHOOK_SECRET"


@dataclass(frozen=True)
class Endpoint:
    """A checked webhook URL. `label` (scheme, host, hash) may be shown and stored, `url` and `signer` may
    not.
    """

    id: str
    label: str
    url: httpx.URL = field(repr=False)
    signer: Webhook | None = field(repr=False)


def configured_endpoint(settings: Settings) -> Endpoint | None:
    """The endpoint of the settings; None when no URL is set.

    Raises UserError, without the URL in it, when the URL or the signing secret cannot be used.
    """
    if settings.webhook_url is None:
        return None
    text = settings.webhook_url.get_secret_value().strip()
    try:
        url = httpx.URL(text)
        port = url.port
    except (httpx.InvalidURL, ValueError):
        raise UserError(
            "not a URL", place=URL_VARIABLE, hint="write https://host/path in plain letters"
        ) from None
    if url.scheme not in ("http", "https") or not url.host:
        raise UserError(
            f"refused: only http and https URLs with a host are posted to, not {url.scheme or 'no scheme'}",
            place=URL_VARIABLE,
            hint="write https://host/path",
        )
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    where = url.host if port is None else f"{url.host}:{port}"
    return Endpoint(digest, f"{url.scheme}://{where} #{digest}", url, _signer(settings))


def _signer(settings: Settings) -> Webhook | None:
    if settings.webhook_secret is None:
        return None
    secret = settings.webhook_secret.get_secret_value().strip().removeprefix("whsec_")
    try:
        # standardwebhooks skips letters outside of base64, so a mistyped secret would sign with another key.
        key = base64.b64decode(secret + "=" * (-len(secret) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise UserError(
            "the signing secret is not base64: nothing is sent unsigned",
            place=SECRET_VARIABLE,
            hint="write whsec_ and base64, e.g. made with: openssl rand -base64 32",
        ) from None
    return Webhook(key)

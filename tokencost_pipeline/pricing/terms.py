"""The words a price book may use."""

from __future__ import annotations

import re

COMPONENTS = (
    "input",
    "output",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "input_audio",
    "output_audio",
    "cache_read_audio",
    "input_image",
    "output_image",
    "output_reasoning",
)
"""Token classes that have a rate, in USD (or the row's currency) per 1,000,000 tokens."""

UNITS = (
    "request",
    "web_search",
    "grounded_prompt",
    "rerank_search",
    "input_audio_second",
    "input_character",
    "input_page",
)
"""Things billed by the piece."""

PRICE_STATUSES = ("active", "retracted", "ended")
ALIAS_STATUSES = ("active", "retracted")
MATCHES = ("exact", "date_suffix")
ANY_MODEL = "*"

DECIMAL = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?")
"""A rate, factor or amount: DECIMAL(18,9) holds it exactly."""

FEE = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,18})?")
"""A fee for one unit may need more decimals than a rate (a transcription second is a small thing)."""

INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
HOURS = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
PLAIN_WORD = re.compile(r"[a-z0-9][a-z0-9._-]*")
"""Providers, regions and service tiers: lower case, as ingest spells them."""

NAME = re.compile(r"\S(.{0,198}\S)?")
"""Ids and models: as the provider spells them, without blanks at the ends."""

CURRENCIES = frozenset({
    "AED", "ARS", "AUD", "BGN", "BHD", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK",
    "EGP", "EUR", "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JOD", "JPY", "KES", "KRW",
    "KWD", "KZT", "MAD", "MXN", "MYR", "NGN", "NOK", "NZD", "OMR", "PEN", "PHP", "PKR", "PLN",
    "QAR", "RON", "RSD", "SAR", "SEK", "SGD", "THB", "TND", "TRY", "TWD", "UAH", "USD", "UYU",
    "VND", "ZAR",
})  # fmt: skip
"""ISO 4217 codes a provider could bill in: a typing slip such as 'UDS' must not become a currency."""

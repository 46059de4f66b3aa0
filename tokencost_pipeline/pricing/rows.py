"""One row of a price book, read field by field. Problems are noted on the node; the row is then not used."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

from tokencost_pipeline.pricing import terms
from tokencost_pipeline.pricing.book import AliasRow, Band, EstimateRow, Multiplier, PriceRow, UnitFee, Window
from tokencost_pipeline.pricing.shape import Fields, Node
from tokencost_pipeline.pricing.windows import read_window

_PRICE_KEY = (
    "id",
    "provider",
    "model",
    "region",
    "service_tier",
    "currency",
    "effective_from",
    "recorded_at",
)
_PRICE_REST = (
    *("status", "effective_from_known", "window", "bands"),
    *("unit_fees", "multipliers", "promo_until", "source"),
)
_ALIAS = ("provider", "alias", "model", "effective_from", "recorded_at")
_ESTIMATE = ("provider", "model", "cost_per_request", "effective_from", "recorded_at")
_MOST_TOKENS = 10**12
_MOST_UNITS = 10**9
_UNREAD = datetime.min.replace(tzinfo=UTC)


def read_price(node: Node) -> PriceRow:
    """A row of `prices:`."""
    fields = node.fields(_PRICE_KEY, _PRICE_REST)
    status = fields.read("status", lambda it: it.choice(terms.PRICE_STATUSES), "active")
    if status == "active" and fields and not ("bands" in fields or "unit_fees" in fields):
        node.wrong("an active row without prices", "add bands: … or unit_fees: …, or status: ended")
    no_window: Window | None = None
    return PriceRow(
        id=fields.read("id", Node.text, ""),
        provider=fields.read("provider", Node.word, ""),
        model=fields.read("model", Node.text, ""),
        region=fields.read("region", Node.word, ""),
        service_tier=fields.read("service_tier", Node.word, ""),
        currency=fields.read("currency", Node.currency, ""),
        effective_from=_instant(fields, "effective_from"),
        recorded_at=_instant(fields, "recorded_at"),
        line=node.line,
        status=status,
        effective_from_known=fields.read("effective_from_known", Node.flag, True),
        window=fields.read("window", read_window, no_window),
        bands=fields.read("bands", _read_bands, ()),
        unit_fees=fields.read("unit_fees", _read_fees, {}),
        multipliers=fields.read("multipliers", _read_multipliers, ()),
        promo_until=fields.read("promo_until", Node.text, "") or None,
        source=fields["source"].value if "source" in fields else None,
    )


def read_alias(node: Node) -> AliasRow:
    """A row of `aliases:`."""
    fields = node.fields(_ALIAS, ["match", "status", "source"])
    return AliasRow(
        provider=fields.read("provider", Node.word, ""),
        alias=fields.read("alias", Node.text, ""),
        match=fields.read("match", lambda it: it.choice(terms.MATCHES), "exact"),
        model=fields.read("model", Node.text, ""),
        effective_from=_instant(fields, "effective_from"),
        recorded_at=_instant(fields, "recorded_at"),
        status=fields.read("status", lambda it: it.choice(terms.ALIAS_STATUSES), "active"),
        line=node.line,
    )


def read_estimate(node: Node) -> EstimateRow:
    """A row of `request_estimates:`."""
    fields = node.fields(_ESTIMATE, ["currency", "method"])
    return EstimateRow(
        provider=fields.read("provider", Node.word, ""),
        model=fields.read("model", Node.text, ""),
        cost_per_request=fields.read("cost_per_request", Node.amount, Decimal(0)),
        currency=fields.read("currency", Node.currency, "USD"),
        effective_from=_instant(fields, "effective_from"),
        recorded_at=_instant(fields, "recorded_at"),
        method=fields.read("method", Node.text, "") or None,
        line=node.line,
    )


def _instant(fields: Fields, name: str) -> datetime:
    return fields.read(name, Node.instant, _UNREAD)


def _read_bands(node: Node) -> tuple[Band, ...]:
    bands = []
    for item in node.items(at_least=1):
        fields = item.fields(["min_context_tokens", "rates"])
        start = fields.read("min_context_tokens", lambda it: it.whole(0, _MOST_TOKENS), -1)
        no_rates: dict[str, Decimal] = {}
        rates = fields.read("rates", _read_rates, no_rates)
        bands.append(Band(start, rates, item.line))
    if bands and bands[0].min_context_tokens > 0:
        node.problems.add(
            bands[0].line,
            "the first band does not start at 0",
            "write min_context_tokens: 0 for the first band",
        )
    for lower, upper in pairwise(bands):
        if 0 <= upper.min_context_tokens <= lower.min_context_tokens:
            node.problems.add(
                upper.line,
                f"the band from {upper.min_context_tokens} does not lie above the one on line {lower.line}",
                "write every band once, in ascending order",
            )
    return tuple(bands)


def _read_rates(node: Node) -> dict[str, Decimal]:
    if node.value == {}:
        node.wrong("rates is empty", "write at least one rate, such as input: '3'")
    found = node.fields([], terms.COMPONENTS)
    amounts = {name: found[name].amount() for name in terms.COMPONENTS if name in found}
    return {name: amount for name, amount in amounts.items() if amount is not None}


def _read_fees(node: Node) -> dict[str, UnitFee]:
    if node.value == {}:
        node.wrong("unit_fees is empty", "write a fee, such as web_search: {price: '10', per: 1000}")
    found = node.fields([], terms.UNITS)
    fees = {name: _read_fee(found[name]) for name in terms.UNITS if name in found}
    return {name: fee for name, fee in fees.items() if fee is not None}


def _read_fee(node: Node) -> UnitFee | None:
    if not isinstance(node.value, dict):
        price = node.amount(terms.FEE)
        return None if price is None else UnitFee(price)
    fields = node.fields(["price", "per"], ["minimum_units"])
    no_minimum: Decimal | None = None
    return UnitFee(
        price=fields.read("price", Node.amount, Decimal(0)),
        per=fields.read("per", lambda it: it.whole(1, _MOST_UNITS), 1),
        minimum_units=fields.read("minimum_units", Node.amount, no_minimum),
    )


def _read_multipliers(node: Node) -> tuple[Multiplier, ...]:
    multipliers = []
    for item in node.items(at_least=1):
        fields = item.fields(["factor"], ["region", "service_tier"])
        if fields and not ("region" in fields or "service_tier" in fields):
            item.wrong("a multiplier for nothing", "say what it is for: {region: us, factor: '1.1'}")
        multipliers.append(
            Multiplier(
                region=fields.read("region", Node.word, "") or None,
                service_tier=fields.read("service_tier", Node.word, "") or None,
                factor=fields.read("factor", Node.amount, Decimal(1)),
                line=item.line,
            )
        )
    return tuple(multipliers)

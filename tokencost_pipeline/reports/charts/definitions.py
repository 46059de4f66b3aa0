"""The charts. Money becomes float here and only here: a pixel is no place for a fifteenth decimal, and the
table beside each chart has the exact figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import altair as alt

from tokencost_pipeline.reports.charts.theme import WIDTH, Theme
from tokencost_pipeline.reports.model import Row
from tokencost_pipeline.reports.numbers import SO_FAR, count, day_label, money
from tokencost_pipeline.reports.text import label

TOP_SERIES = 5
OTHERS = "all others"
_DAY_LABELS = 10  # more would touch each other at this width


@dataclass(frozen=True)
class Share:
    """One named amount of a stacked chart."""

    day: date
    name: str
    amount: Decimal


def daily_cost(rows: Sequence[Row], theme: Theme, so_far: date | None = None) -> alt.Chart | alt.LayerChart:
    """A bar a day. Rows: day, cost_usd (USD; NULL draws nothing), one row for every day. The day `so_far` is
    not over and says so."""
    values = _daily_values(rows)
    bars = (
        alt.Chart(alt.Data(values=values), width=WIDTH, height=200)
        .mark_bar(color=theme.accent, cornerRadiusEnd=2)
        .encode(
            x=_days(rows, so_far),
            y=alt.Y("cost:Q", **_money_scale("Cost (USD)", _largest(values, "cost"))),
            tooltip=_told(day="Day", shown="Cost"),
        )
    )
    if len(rows) > _DAY_LABELS:
        return bars
    text = bars.mark_text(dy=-8, color=theme.text).encode(text="shown:N")
    return bars + text


def daily_cost_of_many(
    rows: Sequence[Row], theme: Theme, so_far: date | None = None, *, made: dict[Any, dict[str, Any]]
) -> dict[str, Any]:
    """The specification of `daily_cost`, for charts of many names over the same days: they differ in their values and
    hardly in anything else, so altair, which takes its time, makes one of each kind and `made` keeps it."""
    values = _daily_values(rows)
    axis = _money_scale("", _largest(values, "cost"))["axis"].to_dict()
    kind = (theme.name, so_far, tuple(row["day"] for row in rows), str(axis))
    if kind not in made:
        made[kind] = daily_cost(rows, theme, so_far).to_dict(validate=False)
    return {**made[kind], "data": {"values": values}}


def _daily_values(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {"day": day_label(row["day"]), "cost": _number(row["cost_usd"]), "shown": money(row["cost_usd"])}
        for row in rows
    ]


def cost_by_feature(rows: Sequence[Row], theme: Theme, so_far: date | None = None) -> alt.Chart:
    """A stack a day. Rows: day, feature, cost_usd, one for every day and feature. The five dearest features
    of the window have a shade each, and so has what names no feature: it is nobody's, and should be seen. The
    rest share one. The day `so_far` is not over and says so."""
    order, nobody, shares = _stack(rows, "feature")
    values = [
        {
            "day": day_label(item.day),
            "name": item.name,
            "cost": float(item.amount),
            "rank": order.index(item.name),
            "shown": money(item.amount),
        }
        for item in shares
    ]
    return (
        alt.Chart(alt.Data(values=values), width=WIDTH, height=240)
        .mark_bar(stroke=theme.background, strokeWidth=1)
        .encode(
            x=_days(rows, so_far),
            y=alt.Y("cost:Q", stack="zero", **_money_scale("Cost (USD)", _largest(values, "cost", "day"))),
            color=alt.Color(
                "name:N", sort=order, scale=alt.Scale(domain=order, range=list(_shades(order, nobody, theme)))
            ),
            order=alt.Order("rank:Q"),
            tooltip=_told(day="Day", name="Feature", shown="Cost"),
        )
    )


def hourly_tokens(rows: Sequence[Row], zone: ZoneInfo, theme: Theme) -> alt.Chart:
    """Two lanes of bars an hour, prompt above completion, each on its own scale: completions are few beside
    prompts and would vanish in a stack. Rows: hour (instant), prompt_tokens, completion_tokens, one for
    every hour."""
    kinds = (("Prompt", "prompt_tokens"), ("Completion", "completion_tokens"))
    values = [
        {
            "slot": slot,
            "kind": kind,
            "tokens": int(row[key]),
            "hour": _hour(row["hour"], zone),
            "shown": count(row[key]),
        }
        for slot, row in enumerate(rows)
        for kind, key in kinds
    ]
    marks = {slot: text for slot, row in enumerate(rows) if (text := _clock(row["hour"], zone))}
    return (
        alt.Chart(alt.Data(values=values), width=WIDTH, height=110)
        .mark_bar(size=WIDTH / (len(rows) or 1) * 0.7)
        .encode(
            x=alt.X(
                "slot:Q",
                scale=alt.Scale(domain=[-0.5, len(rows) - 0.5], nice=False),
                axis=alt.Axis(
                    values=list(marks),
                    labelExpr=f"{json.dumps(marks)}[datum.value]",
                    title=None,
                    labelOverlap=True,
                ),
            ),
            y=alt.Y("tokens:Q", axis=alt.Axis(format="~s", tickCount=4, title="Tokens")),
            tooltip=_told(hour="Hour", kind="Tokens", shown="Number"),
            color=alt.Color(
                "kind:N",
                legend=None,
                scale=alt.Scale(domain=["Prompt", "Completion"], range=[theme.accent, theme.muted]),
            ),
            row=alt.Row(
                "kind:N",
                sort=["Prompt", "Completion"],
                spacing=14,
                header=alt.Header(
                    title=None,
                    labelOrient="top",
                    labelAnchor="start",
                    labelAngle=0,
                    labelColor=theme.text,
                    labelFontSize=12,
                    labelExpr="datum.value + ' tokens per hour'",
                ),
            ),
        )
        .resolve_scale(y="independent")
    )


def ranked_cost(rows: Sequence[Row], key: str, theme: Theme) -> alt.LayerChart:
    """A lying bar for each name, dearest on top. Rows: <key> (a name or NULL), cost_usd."""
    known = [row for row in rows if row["cost_usd"] is not None]
    values = [
        {
            "place": place,
            "name": label(row[key]),
            "cost": _number(row["cost_usd"]),
            "shown": money(row["cost_usd"]),
        }
        for place, row in enumerate(known)
    ]
    # Vega takes a text such as "constructor" in an expression for something of its own, so none stands there as it is.
    names = json.dumps({item["place"]: f" {item['name']}" for item in values})
    bars = (
        alt.Chart(alt.Data(values=values), width=WIDTH - 160, height=alt.Step(24))
        .mark_bar(color=theme.accent, cornerRadiusEnd=2, height=14)
        .encode(
            x=alt.X("cost:Q", **_money_scale("Cost (USD)", _largest(values, "cost"))),
            y=alt.Y(
                "place:O",
                axis=alt.Axis(
                    title=None,
                    grid=False,
                    labelExpr=f"substring({names}[datum.value], 1)",
                    labelLimit=200,
                    labelColor=theme.text,
                ),
            ),
            tooltip=_told(name="Name", shown="Cost"),
        )
    )
    text = bars.mark_text(align="left", dx=6, color=theme.text).encode(text="shown:N")
    return bars + text


def savings(rows: Sequence[Row], theme: Theme, so_far: date | None = None) -> alt.Chart:
    """A bar a day: what was paid, and on top of it what routing saved. Rows: day, actual_cost_usd,
    saved_usd, one for every day. A day that cost more than its baseline saved nothing and shows its cost
    alone. The day `so_far` is not over and says so."""
    parts = (("Paid", "actual_cost_usd", 0), ("Saved by routing", "saved_usd", 1))
    values = [
        {
            "day": day_label(row["day"]),
            "part": part,
            "amount": float(row[key]),
            "rank": rank,
            "shown": money(row[key]),
        }
        for row in rows
        for part, key, rank in parts
        if row[key] > 0
    ]
    return (
        alt.Chart(alt.Data(values=values), width=WIDTH, height=220)
        .mark_bar(stroke=theme.background, strokeWidth=1)
        .encode(
            x=_days(rows, so_far),
            y=alt.Y(
                "amount:Q", stack="zero", **_money_scale("USD per day", _largest(values, "amount", "day"))
            ),
            color=alt.Color(
                "part:N",
                scale=alt.Scale(domain=["Paid", "Saved by routing"], range=[theme.muted, theme.accent]),
            ),
            order=alt.Order("rank:Q"),
            tooltip=_told(day="Day", part="What", shown="Amount"),
        )
    )


def _stack(rows: Sequence[Row], key: str) -> tuple[list[str], str | None, list[Share]]:
    """What is shown, dearest first; which of it has no name; and the amounts of a day and what is shown."""
    totals: dict[str | None, Decimal] = {}
    for row in rows:
        totals[row[key]] = totals.get(row[key], Decimal(0)) + (row["cost_usd"] or Decimal(0))
    ranked = sorted(totals, key=lambda name: (-totals[name], name is None, name or ""))
    spending = [name for name in ranked if totals[name] > 0] or ranked
    top = [name for name in spending if name is not None][:TOP_SERIES]
    named: dict[str | None, str] = {}
    for name in (name for name in spending if name is None or name in top):
        shown = label(name)
        named[name] = shown if shown not in named.values() else f"{shown} #{len(named) + 1}"
    order = [*named.values(), *([OTHERS] if len(spending) > len(named) else [])]
    amounts: dict[tuple[date, str], Decimal] = {}
    for row in rows:
        if row["cost_usd"]:
            bar = row["day"], named.get(row[key], OTHERS)
            amounts[bar] = amounts.get(bar, Decimal(0)) + row["cost_usd"]
    shares = [Share(day, name, amount) for (day, name), amount in amounts.items()]
    return order, named.get(None), shares


def _shades(order: Sequence[str], nobody: str | None, theme: Theme) -> list[str]:
    fixed = {nobody: theme.muted, OTHERS: theme.series[-1]}
    tints = iter(theme.series)
    return [fixed[name] if name in fixed else next(tints) for name in order]


def _days(rows: Sequence[Row], so_far: date | None) -> alt.X:
    days = list(dict.fromkeys(day_label(row["day"]) for row in rows))
    step = -(-len(days) // _DAY_LABELS) or 1
    shown = days[::-1][::step][::-1]  # today always has its label
    return alt.X(
        "day:O",
        axis=alt.Axis(values=shown, labelAngle=0, title=None, **_marked(so_far)),
        scale=alt.Scale(domain=days, padding=0.3),
    )


def _marked(so_far: date | None) -> dict[str, Any]:
    if so_far is None:
        return {}
    day = json.dumps(day_label(so_far))
    # on a line of its own, so that the label stays as narrow as the others
    return {"labelExpr": f"datum.value === {day} ? [{day}, '({SO_FAR})'] : datum.value"}


def _money_scale(title: str, largest: float) -> dict[str, Any]:
    """Axis and scale for amounts up to `largest`; without any, an empty dollar instead of an axis of
    zeros."""
    bounds = ((100_000, "$.3~s"), (5, "$,.0f"), (0.05, "$.2f"), (0.0005, "$.4f"))
    text = next((text for bound, text in bounds if largest >= bound), "$.6f" if largest else "$,.0f")
    scale = {"scale": alt.Scale(domain=[0, 1])} if not largest else {}
    return {"axis": alt.Axis(title=title, format=text, tickCount=5 if largest else 1), **scale}


def _largest(values: Sequence[dict[str, Any]], key: str, stacked_by: str | None = None) -> float:
    sums: dict[Any, float] = {}
    for place, item in enumerate(values):
        bar = item[stacked_by] if stacked_by else place
        sums[bar] = sums.get(bar, 0.0) + (item[key] or 0.0)
    return max(sums.values(), default=0.0)


def _clock(value: datetime, zone: ZoneInfo) -> str | None:
    return _hour(value, zone) if value.astimezone(zone).hour % 12 == 0 else None


def _hour(value: datetime, zone: ZoneInfo) -> str:
    local = value.astimezone(zone)
    return f"{local:%b} {local.day}, {local:%H:%M}"


def _told(**fields: str) -> list[alt.Tooltip]:
    """What is told of a mark that is pointed at, in the browser: field -> what it is called."""
    return [alt.Tooltip(f"{field}:N", title=title) for field, title in fields.items()]


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)

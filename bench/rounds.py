"""Cases that take turns: the same work several times, so that a machine whose speed changes does not decide the ratio.

What is to be compared runs one after the other in each round, and each ratio is taken within a round. Every second
round is turned round, so that a speed that drifts slowly favours nobody. The median of the rounds counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median

from bench.frame import Measurement

ROUNDS_FACT = "CPU s of each round"


def in_turns(names: Sequence[str], rounds: int) -> list[tuple[str, int]]:
    """Each name once a round (the first is 0): forwards in the first round, backwards in the second, and so on."""
    return [
        (name, number)
        for number in range(rounds)
        for name in (names if number % 2 == 0 else list(reversed(names)))
    ]


def over_rounds(
    measurements: Sequence[Measurement], name_of: Callable[[str], str] = str
) -> list[Measurement]:
    """One measurement for each (name, step, size): medians, the largest peak, what each round took.

    `name_of` tells what a case is called without its round. Facts are those of the first round. A name's steps follow
    one another, and the names come in the order of their first measurement.
    """
    together: dict[tuple[int, str], dict[str, list[Measurement]]] = {}
    for it in measurements:
        steps = together.setdefault((it.events, name_of(it.case)), {})
        steps.setdefault(it.step, []).append(it)
    return [merged(name, same) for (_, name), steps in together.items() for same in steps.values()]


def merged(name: str, same: Sequence[Measurement]) -> Measurement:
    """The same step of the same case in its rounds as one measurement."""
    each = "; ".join(f"{it.cpu_seconds:.2f}" for it in same)
    return replace(
        same[0],
        case=name,
        cpu_seconds=round(median(it.cpu_seconds for it in same), 4),
        wall_seconds=round(median(it.wall_seconds for it in same), 4),
        peak_mb=max(it.peak_mb for it in same),
        rounds=sum(it.rounds for it in same),
        facts={**same[0].facts, **({ROUNDS_FACT: each} if len(same) > 1 else {})},
    )


def ratios(costs: Sequence[float], others: Sequence[float]) -> list[float]:
    """Cost / other cost, round by round. Raises ValueError where a round is missing on one side."""
    return [cost / max(other, 0.001) for cost, other in zip(costs, others, strict=True)]


def in_words(each: Sequence[float]) -> str:
    """The median of some ratios, and each in the order of the rounds: `1.24 times (rounds: 1.31, 1.21, 1.24)`."""
    return f"{median(each):.2f} times (rounds: {', '.join(f'{ratio:.2f}' for ratio in each)})"

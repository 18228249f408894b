"""Arms of a measurement taken in turn, so that what else the machine does hits all of them."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from bench.measurement import Measurement
from include.log import PrintLine

ROUNDS = 3
Rates = Mapping[str, Sequence[float]]


def take_turns(
    arms: Mapping[str, Callable[[], float]],
    *,
    rounds: int = ROUNDS,
    unit: str,
    print_line: PrintLine,
    prepare: Callable[[], None] = lambda: None,
) -> dict[str, list[float]]:
    """What each arm gave in each round; every round begins with `prepare` and the next arm."""
    names = list(arms)
    rates: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        prepare()
        first = number % len(names)
        for name in names[first:] + names[:first]:
            rates[name].append(arms[name]())
        figures = ", ".join(f"{name} {rates[name][-1]:,.0f}" for name in names)
        print_line(f"round {number + 1} of {rounds}: {figures} {unit}")
    return rates


def compare(name: str, rates: Rates, our_arm: str, *, unit: str) -> list[Measurement]:
    """The median rate of an arm beside that of each other, and the lowest and highest ratio.

    A ratio is of two rates of one round, so that a slow minute of the machine is in both.
    """
    our_rates = rates[our_arm]
    rows = [] if len(rates) > 1 else [_median(name, our_rates, unit)]
    for peer in (peer for peer in rates if peer != our_arm):
        ratios = [rate / other for rate, other in zip(our_rates, rates[peer], strict=True)]
        rows += [
            _median(name, our_rates, unit, peer=peer, peer_value=statistics.median(rates[peer])),
            Measurement.of(f"{name}_ratio_lowest", min(ratios), "times", peer=peer),
            Measurement.of(f"{name}_ratio_highest", max(ratios), "times", peer=peer),
        ]
    return rows


def _median(
    name: str,
    rates: Sequence[float],
    unit: str,
    *,
    peer: str | None = None,
    peer_value: float | None = None,
) -> Measurement:
    return Measurement.of(
        name,
        statistics.median(rates),
        unit,
        peer=peer,
        peer_value=peer_value,
        less_is_better=False,
        digits=None,
    )

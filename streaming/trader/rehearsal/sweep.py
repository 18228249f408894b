"""Many settings of the trader over one span: what each would have left, and a walk forward.

What a decision sees of signal, forecast and book does not depend on most settings. It is made once
for all settings that share it, and each setting decides on it with an account of its own.
"""

import itertools
import math
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from include.errors import SettingsError
from include.trading.decision import order_for
from include.trading.inputs import Inputs, read
from include.trading.performance import Performance, RunningSums
from streaming.trader.brokers.paper import PaperBroker
from streaming.trader.config import TraderConfig
from streaming.trader.followers import Moment
from streaming.trader.rehearsal.rehearse import InForce

MAX_VARIANTS = 20_000
Variant = Mapping[str, str]  # the name of a setting, and its value


class VariantResult(NamedTuple):
    """What a variant left: its sums, and what the account was worth at the end of each fold."""

    variant: Variant
    performance: Performance
    fold_equities: tuple[float, ...]


class ForwardStep(NamedTuple):
    """The variant that was best before a fold (in quote units), and what it earned in it."""

    fold: int
    variant: Variant
    profit_before: float
    profit: float


def list_variants(sweeps: Sequence[str]) -> list[Variant]:
    """Every combination of `name=a,b,c` texts, in their order.

    Raises:
        SettingsError: a text is not of that form, a name comes twice, or there are too many.
    """
    values: dict[str, list[str]] = {}
    for text in sweeps:
        name, _, joined = text.partition("=")
        choices = [choice.strip() for choice in joined.split(",")]
        if not name.strip() or not all(choices):
            raise SettingsError(f"--sweep {text!r} is not of the form setting=a,b,c")
        if name.strip() in values:
            raise SettingsError(f"--sweep {name.strip()} is given twice")
        values[name.strip()] = choices
    count = math.prod(map(len, values.values()))
    if count > MAX_VARIANTS:
        raise SettingsError(f"--sweep asks for {count} variants, and {MAX_VARIANTS} are the most")
    products = itertools.product(*values.values())
    return [dict(zip(values, choices, strict=True)) for choices in products]


def variable_of(name: str) -> str:
    """The variable of a swept setting: of the trader's, unless it is written out."""
    return name if name.startswith("TICKHOUSE_") else f"TICKHOUSE_TRADER_{name.upper()}"


def view_of(config: TraderConfig) -> tuple[object, ...]:
    """What two variants must share to see the same at each signal."""
    parameters = config.parameters
    return (
        config.venue,
        config.symbol,
        config.signal_type,
        config.sampling_us,
        config.window_us,
        config.closing_us,
        parameters.slippage_bps,
        parameters.lookahead_minutes,
        parameters.hold_bps,
        parameters.edge_times > 0,
    )


def see_moments(
    moments: Iterable[Moment], config: TraderConfig, *, in_force: InForce
) -> list[Inputs]:
    """What a strategy sees at each moment; the account in it is no variant's."""
    strategy = config.strategy()
    view = []
    for moment in moments:
        forecast, fault = in_force(moment.signal)
        decision = strategy.decide(
            moment.signal,
            forecast=forecast,
            fault=fault,
            top=moment.top,
            record_id=moment.record_id,
        )
        view.append(read(decision.inputs))
    return view


def sweep(
    variants: Sequence[tuple[Variant, TraderConfig]],
    *,
    see: Callable[[TraderConfig], Sequence[Inputs]],
    fold_ends: Sequence[int],
    processes: int | None = None,
) -> Iterator[VariantResult]:
    """The result of each variant, in their order, as they are ready.

    `see` gives what the variants of one view see (`see_moments`); `fold_ends` are times in µs.
    """
    by_view: dict[tuple[object, ...], list[int]] = {}
    for number, (_, config) in enumerate(variants):
        by_view.setdefault(view_of(config), []).append(number)
    results: dict[int, VariantResult] = {}
    for numbers in by_view.values():
        task = _SweepTask(see(variants[numbers[0]][1]), fold_ends)
        configs = [variants[number] for number in numbers]
        ready = _run_tasks(task, configs, processes or os.cpu_count() or 1)
        results.update(zip(numbers, ready, strict=True))
    for number in range(len(variants)):
        yield results[number]


def walk_forward(results: Sequence[VariantResult], *, start: float) -> list[ForwardStep]:
    """For each fold but the first: the best variant of all before it, and its profit in the fold.

    `start` is what the account was worth at the beginning. Of equal variants the first is taken.
    """
    steps = []
    for fold in range(1, len(results[0].fold_equities)):
        best = max(results, key=lambda result: result.fold_equities[fold - 1])
        before = best.fold_equities[fold - 1]
        steps.append(
            ForwardStep(fold + 1, best.variant, before - start, best.fold_equities[fold] - before)
        )
    return steps


class _SweepTask:
    """Decides all that was seen with one variant's account."""

    def __init__(self, view: Sequence[Inputs], fold_ends: Sequence[int]) -> None:
        self._view, self._fold_ends = view, fold_ends

    def run(self, variant: tuple[Variant, TraderConfig]) -> VariantResult:
        """The result of a variant."""
        name, config = variant
        strategy, broker = config.strategy(), PaperBroker(config.parameters.fee_bps)
        sums, equities, ends = RunningSums(config.start), list[float](), iter(self._fold_ends)
        fold_end = next(ends, None)
        for inputs in self._view:
            while fold_end is not None and inputs.signal.timestamp > fold_end:
                equities.append(float(sums.equity))
                fold_end = next(ends, None)
            decision = strategy.decide_again(inputs)
            order, score = order_for(decision, broker=broker.name), None
            sums.count_decision(decision)
            if order:
                order, fills = broker.place(order, inputs.top)
                score = strategy.settle(order, fills)
                sums.add_fills(fills, score)
            sums.mark(strategy.account, inputs.top.best if inputs.top else None)
        missing = len(self._fold_ends) - len(equities)
        equities += [float(sums.equity)] * missing
        hold = strategy.account.buy_and_hold
        return VariantResult(name, sums.performance(hold), tuple(equities))


_by_parent: dict[str, _SweepTask] = {}  # what a forked process has from its parent


def _run_tasks(
    task: _SweepTask, variants: Sequence[tuple[Variant, TraderConfig]], processes: int
) -> list[VariantResult]:
    if processes == 1 or len(variants) == 1:
        return [task.run(variant) for variant in variants]
    _by_parent["task"] = task
    try:
        with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
            size = max(1, len(variants) // (processes * 8))
            return list(pool.map(_run_in_child, variants, chunksize=size))
    finally:
        _by_parent.clear()


def _run_in_child(variant: tuple[Variant, TraderConfig]) -> VariantResult:
    return _by_parent["task"].run(variant)

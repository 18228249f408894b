"""`backtest --sweep`: a table of settings over one span of the lake, and the walk forward."""

from collections.abc import Sequence
from datetime import datetime

import click
import msgspec

from cli.console import show_rows
from include.market.time import to_epoch_us
from include.settings import Settings, override
from include.trading.inputs import Inputs
from streaming.trader.config import TraderConfig
from streaming.trader.rehearsal.lake import LakeSpan
from streaming.trader.rehearsal.sweep import (
    ForwardStep,
    Variant,
    VariantResult,
    list_variants,
    see_moments,
    sweep,
    variable_of,
    view_of,
    walk_forward,
)

SUMS = ("orders", "trips", "won", "fees", "turnover", "equity", "beside_hold", "max_drawdown")


def sweep_lake(
    settings: Settings,
    sweeps: Sequence[str],
    *,
    start_at: datetime,
    end_at: datetime,
    folds: int,
    as_json: bool,
) -> None:
    """Print the result of every combination of settings, the most profitable first.

    Raises:
        SettingsError: a swept setting or a value of it is none.
        QueryError: the lake lacks a table, or has no signal in the span.
    """
    by_view: dict[tuple[object, ...], Settings] = {}
    variants: list[tuple[Variant, TraderConfig]] = []
    for variant in list_variants(sweeps):
        values = {variable_of(name): text for name, text in variant.items()}
        variant_settings = override(settings, values)
        config = TraderConfig.from_settings(variant_settings)
        by_view.setdefault(view_of(config), variant_settings)
        variants.append((variant, config))

    def see(config: TraderConfig) -> list[Inputs]:
        span = LakeSpan(by_view[view_of(config)], start_at=start_at, end_at=end_at)
        return see_moments(span.moments(), config, in_force=span.in_force)

    first, last = to_epoch_us(start_at), to_epoch_us(end_at)
    ends = [first + (last - first) * (fold + 1) // folds for fold in range(folds)]
    results = list(sweep(variants, see=see, fold_ends=ends))
    start = float(settings.trader.start_quote)
    steps = walk_forward(results, start=start)
    if as_json:
        _print_json(results, steps)
    else:
        _print_tables(results, steps)


def _print_json(results: Sequence[VariantResult], steps: Sequence[ForwardStep]) -> None:
    document = {
        "variants": [
            {"settings": dict(result.variant)} | msgspec.structs.asdict(result.performance)
            for result in results
        ],
        "walk_forward": [step._asdict() for step in steps],
    }
    click.echo(msgspec.json.format(msgspec.json.encode(document)).decode())


def _print_tables(results: Sequence[VariantResult], steps: Sequence[ForwardStep]) -> None:
    names = list(results[0].variant)
    ranked = sorted(results, key=lambda result: result.performance.equity, reverse=True)
    show_rows(
        (*names, *(name.replace("_", " ") for name in SUMS)),
        [
            (
                *result.variant.values(),
                *(getattr(result.performance, name) for name in SUMS),
            )
            for result in ranked
        ],
        form="table",
    )
    rows = [
        (step.fold, *step.variant.values(), round(step.profit_before, 2), round(step.profit, 2))
        for step in steps
    ]
    total = round(sum(step.profit for step in steps), 2)
    blanks = ("",) * len(names)
    show_rows(
        ("fold", *names, "profit before", "profit in it"),
        [*rows, ("all", *blanks, "", total)],
        form="table",
    )

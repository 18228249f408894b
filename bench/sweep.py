"""How long many settings of the trader take over a month of minutes; the aim is ten minutes."""

import itertools
import math
import resource
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bench.book_lake import SYMBOL, VENUE, WAVE, write_book, write_rows
from bench.measurement import Measurement
from include.log import PrintLine
from include.market.time import MINUTE, to_epoch_us
from include.settings import Settings, load, override
from include.trading.inputs import Inputs
from streaming.trader.config import TraderConfig
from streaming.trader.rehearsal.lake import LakeSpan
from streaming.trader.rehearsal.sweep import list_variants, see_moments, sweep, variable_of

START_AT = datetime(2026, 1, 5, tzinfo=UTC)
FOLDS = 4


def measure(*, days: int, settings_count: int, print_line: PrintLine) -> list[Measurement]:
    """Seconds of `backtest --sweep` with so many settings over so many days of minutes."""
    with tempfile.TemporaryDirectory(prefix="tickhouse-bench-sweep-") as folder:
        settings = load({"TICKHOUSE_VAR": folder})
        end_at = START_AT + timedelta(days=days)
        write_minutes(settings.lake, days=days)
        print_line(f"{days} days of minutes made")
        began_s, used_s = time.perf_counter(), _processor_s()
        orders = _sweep(settings, list_settings(settings_count), end_at)
        spent_s, used_s = time.perf_counter() - began_s, _processor_s() - used_s
    print_line(f"{orders:,} orders of {settings_count:,} settings in {spent_s:.0f} s")
    name = f"{settings_count:,} settings over {days} days of minutes"
    return [
        Measurement.of(name, spent_s, "s"),
        Measurement.of(f"{name}, time of processors", used_s, "s"),
        Measurement.of("decisions of a sweep", settings_count * days * 1440 / spent_s, "1/s"),
    ]


def list_settings(count: int) -> list[str]:
    """Sweeps of three settings with so many combinations, or a few more."""
    each = math.ceil(count ** (1 / 3))
    steps = range(each)
    return [
        f"ratio_low={','.join(str(round(0.2 + 0.05 * step, 2)) for step in steps)}",
        f"ratio_high={','.join(str(round(1.2 + 0.1 * step, 2)) for step in steps)}",
        f"fee_bps={','.join(str(4 * step) for step in steps)}",
    ]


def _sweep(settings: Settings, sweeps: Sequence[str], end_at: datetime) -> int:
    """The orders of all variants; the same steps as of the verb."""
    variants = []
    for variant in list_variants(sweeps):
        values = {variable_of(name): text for name, text in variant.items()}
        variants.append((variant, TraderConfig.from_settings(override(settings, values))))

    def see(config: TraderConfig) -> list[Inputs]:
        span = LakeSpan(settings, start_at=START_AT, end_at=end_at)
        return see_moments(span.moments(), config, in_force=span.in_force)

    first, last = to_epoch_us(START_AT), to_epoch_us(end_at)
    ends = [first + (last - first) * (fold + 1) // FOLDS for fold in range(FOLDS)]
    return sum(result.performance.orders for result in sweep(variants, see=see, fold_ends=ends))


def _processor_s() -> float:
    """Of this process and of those that it started and that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def write_minutes(lake: str, *, days: int) -> None:
    """Write a signal, a book message and a point of a forecast for each minute."""
    minutes = days * 1440
    write_book(lake, count=minutes, first_at=START_AT, span=timedelta(days=days), mid=WAVE)
    names = {"venue": VENUE, "symbol": SYMBOL, "type": "price_volume"}
    starts = [START_AT + n * MINUTE for n in range(minutes)]
    ratios = itertools.cycle(Decimal(n * 7 % 23) / 8 for n in range(23))
    write_rows(
        lake,
        "signals",
        [
            names | {"value": ratio, "window_start": at, "timestamp": at + MINUTE}
            for at, ratio in zip(starts, ratios, strict=False)
        ],
    )
    write_rows(lake, "forecasts", [_point(n, at) for n, at in enumerate(starts)])


def _point(number: int, ds_at: datetime) -> dict[str, Any]:
    level = 60_000 + 900 * math.sin(number / 9000)
    side = "buy" if number // 7 % 2 else "sell"
    head = {"forecast_id": "bench", "symbol": SYMBOL, "ds": ds_at, "side": side}
    bounds = {"yhat": level, "yhat_lower": level - 900, "yhat_upper": level + 900}
    until = {"trained_until": START_AT - MINUTE, "last_price": level, "volatility": 0.001}
    return head | bounds | until

"""How long the lake keeps the rows of its large tables, and what such a setting contradicts."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from include.setting_fields import setting
from include.setting_kinds import Days

PREFIX = "TICKHOUSE_LAKE_KEEP_DAYS_"
LOWEST_DAYS = 2
DERIVED = (
    "signals",
    "trade_minutes",
    "forecasts",
    "forecast_evaluations",
    "quality_results",
    "book_seconds",
    "book_checkpoints",
)
HEALED_DAYS = 7  # trades are asked for again so long after they were made (include/lake)
MEANING = "days before its newest row for which the lake keeps the rows of {}; 0: all"


@dataclass(frozen=True)
class KeepDays:
    """Days for which the lake keeps the rows of a table, counted back from its newest row."""

    trades: Days = setting(0, MEANING.format("`trades`"))
    tickers: Days = setting(0, MEANING.format("`tickers`"))
    book_changes: Days = setting(0, MEANING.format("`book_changes`"))
    quotes: Days = setting(0, MEANING.format("`quotes`"))
    feed_ledger: Days = setting(
        0, "the same of `feed_ledger`, which explains the holes of trades and of the book; 0: all"
    )
    auctions: Days = setting(0, MEANING.format("`auctions`"))
    quarantine: Days = setting(
        0, "the same of rejected frames in `quarantine`; other records go with their topic; 0: all"
    )
    signals: Days = setting(0, MEANING.format("`signals`"))
    trade_minutes: Days = setting(
        0,
        "the same of `trade_minutes`, none of them goes while its trades are there; 0: all",
    )
    forecasts: Days = setting(0, "the same of `forecasts`, by the end of their training; 0: all")
    forecast_evaluations: Days = setting(0, MEANING.format("`forecast_evaluations`"))
    quality_results: Days = setting(0, MEANING.format("`quality_results`"))
    book_seconds: Days = setting(0, MEANING.format("`book_seconds`"))
    book_checkpoints: Days = setting(
        0, "the same of `book_checkpoints`, with which the book of an instant begins; 0: all"
    )

    @property
    def by_derived_table(self) -> Mapping[str, int]:
        """The days of each table made from others that does not keep all."""
        return {name: days for name, days in self._days.items() if name in DERIVED}

    @property
    def by_table(self) -> Mapping[str, int]:
        """The days of each landed table that does not keep all."""
        return {name: days for name, days in self._days.items() if name not in DERIVED}

    @property
    def _days(self) -> Mapping[str, int]:
        days = {spec.name: int(getattr(self, spec.name)) for spec in fields(self)}
        return {name: count for name, count in days.items() if count}


def retention_faults(keep: KeepDays, *, served_days: int, train_days: int) -> list[str]:
    """Why tables cannot be kept for so long, a sentence each; empty if they can."""
    faults = [
        f"{PREFIX}{name.upper()}={days}: must be {LOWEST_DAYS} or more, or 0 for all"
        for name, days in {**keep.by_table, **keep.by_derived_table}.items()
        if days < LOWEST_DAYS
    ]
    if keep.book_checkpoints and not 0 < keep.book_changes <= keep.book_checkpoints:
        faults.append(
            f"{PREFIX}BOOK_CHECKPOINTS={keep.book_checkpoints} is below "
            f"{PREFIX}BOOK_CHANGES={keep.book_changes} (0: all): the book of an instant begins "
            "with a checkpoint"
        )
    if keep.trade_minutes and not 0 < keep.trades <= keep.trade_minutes:
        faults.append(
            f"{PREFIX}TRADE_MINUTES={keep.trade_minutes} is below {PREFIX}TRADES={keep.trades} "
            "(0: all): minutes are made again of the trades that are there"
        )
    if 0 < keep.signals <= served_days:
        served = f"TICKHOUSE_STREAM_SERVED_DAYS={served_days}"
        faults.append(f"{PREFIX}SIGNALS={keep.signals} is not above {served}")
    trades = f"{PREFIX}TRADES={keep.trades}"
    if keep.trades:
        longer = {
            f"TICKHOUSE_STREAM_SERVED_DAYS={served_days}": served_days,
            f"TICKHOUSE_FORECAST_TRAIN_DAYS={train_days} (0: all)": train_days,
            f"the {HEALED_DAYS} days for which holes are healed": HEALED_DAYS,
        }
        faults += [
            f"{trades} is not above {name}"
            for name, days in longer.items()
            if days >= keep.trades or not days
        ]
    for name in ("trades", "book_changes"):
        days = getattr(keep, name)
        if keep.feed_ledger and (not days or days >= keep.feed_ledger):
            faults.append(
                f"{PREFIX}FEED_LEDGER={keep.feed_ledger} is not above {PREFIX}{name.upper()}={days}"
                " (0: all): the ledger explains their holes"
            )
    return faults

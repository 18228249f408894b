"""The settings of the slow loop: history, training, judging, publishing, and the lake's checks."""

from dataclasses import dataclass

from include.setting_fields import BASIS_POINTS, COUNT, SHARE, Secret, setting
from include.setting_kinds import (
    Amount,
    Days,
    FloatRatio,
    FloatSeconds,
    Hours,
    Minutes,
    PageUrl,
    Symbol,
    Text,
    VenueName,
    WholeSeconds,
)


@dataclass(frozen=True)
class ForecastSettings:
    """History, training and the published forecast."""

    history: Text = setting(
        "", "history: a path, an URL or kaggle:OWNER/DATASET; empty: the simulator's Kaggle file"
    )
    kaggle_url: PageUrl = setting("https://www.kaggle.com", "base URL of Kaggle's API")
    kaggle_user: Text = setting("", "Kaggle user name; empty: the key is a token")
    kaggle_key: Secret = setting(Secret(""), "Kaggle API key or token")
    symbol: Symbol = setting("BTC-USD", "symbol that is forecast, and whose history is ingested")
    symbols: tuple[str, ...] = setting(
        (), "further symbols that are forecast each night, BASE-QUOTE, separated by commas"
    )
    venue: VenueName = setting(
        "", "venue whose trades a symbol's forecast is made of, if it has any; empty: the trader's"
    )
    horizon_minutes: Minutes = setting(150_000, "minutes a published forecast covers", COUNT)
    train_days: Days = setting(365, "days of history the nightly model is trained on; 0: all")
    hold_bps: FloatRatio = setting(
        0.0, "a predicted move of fewer basis points has the side `hold`; 0: none has", BASIS_POINTS
    )
    likelihood: Text = setting(
        "changes",
        "what the model is fitted to: changes (of the price) or levels (stock Prophet)",
        choices=("changes", "levels"),
    )
    target: Text = setting(
        "close",
        "which price of a minute is fitted: close, or vwap (weighted by quantity)",
        choices=("close", "vwap"),
    )
    holidays: Text = setting(
        "", "CSV of holidays and events (holiday,ds,lower_window,upper_window); empty: none"
    )
    stale_hours: Hours = setting(48.0, "a forecast trained longer ago (market clock) is refused")
    keep: Amount = setting(10, "published forecasts that are kept", COUNT)
    served_days: Days = setting(
        2, "days of past minutes that Postgres serves forecasts of; the dashboard looks one back"
    )
    judge_windows: Amount = setting(
        48, "recent origins from which a new forecast is judged by a day"
    )
    judge_window_minutes: Minutes = setting(720, "minutes between two of them", COUNT)
    max_error_ratio: FloatRatio = setting(
        1.02, "a forecast whose error exceeds so many times that of the last price is refused"
    )
    min_band_coverage: FloatRatio = setting(
        0.7, "a forecast whose 80 % band covered a smaller share lately is refused", SHARE
    )
    max_band_coverage: FloatRatio = setting(
        0.9, "a forecast whose 80 % band covered more is refused", SHARE
    )
    worse_share: FloatRatio = setting(
        0.1, "share by which a new forecast's error may exceed that of the one in use"
    )
    largest_jump: FloatRatio = setting(
        0.2, "a forecast beginning farther from the last price than this share is refused"
    )
    widest_factor: FloatRatio = setting(
        20.0, "a forecast with a bound so many times above or below the last price is refused"
    )
    min_coverage: FloatRatio = setting(
        0.2, "share of its span's minutes with a price that a model must have seen", SHARE
    )
    evaluate_origins: Amount = setting(12, "times that an evaluation forecasts from", COUNT)
    evaluate_every_minutes: Minutes = setting(480, "minutes between two of them", COUNT)
    short_seconds: WholeSeconds = setting(
        14_400, "seconds of tickers a short-term forecast is made from"
    )
    short_minutes: Minutes = setting(10, "minutes a short-term forecast covers", COUNT)

    @property
    def all_symbols(self) -> tuple[str, ...]:
        """Every symbol that is forecast, each once, the main one first."""
        return tuple(dict.fromkeys((self.symbol, *self.symbols)))


@dataclass(frozen=True)
class QualitySettings:
    """The hourly check of the streamed tables."""

    hours: Hours = setting(2.0, "hours before now that check_lake looks at")
    price_band: FloatRatio = setting(
        0.02, "share by which a venue's price may lie off the suppliers' in the same minute"
    )
    archive_hours: Hours = setting(
        0.0, "a history file that ends longer before now (or `until`) is refused; 0: any may come"
    )
    fresh_s: FloatSeconds = setting(
        300.0, "a streamed table without a row for so many seconds is stale"
    )
    pages: Amount = setting(
        500, "newest quality pages that `clean_world` leaves in var/WORLD/quality"
    )

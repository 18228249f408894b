"""The settings of the slow loop: history, training, judging, publishing, and the lake's checks."""

from dataclasses import dataclass

from include.setting_fields import BASIS_POINTS, COUNT, SHARE, Secret, setting


@dataclass(frozen=True)
class ForecastSettings:
    """History, training and the published forecast."""

    history: str = setting(
        "", "history: a path, an URL or kaggle:OWNER/DATASET; empty: the simulator's Kaggle file"
    )
    kaggle_url: str = setting("https://www.kaggle.com", "base URL of Kaggle's API")
    kaggle_user: str = setting("", "Kaggle user name; empty: the key is a token")
    kaggle_key: Secret = setting(Secret(""), "Kaggle API key or token")
    symbol: str = setting("BTC-USD", "symbol that is forecast, and whose history is ingested")
    symbols: tuple[str, ...] = setting(
        (), "further symbols that are forecast each night, BASE-QUOTE, separated by commas"
    )
    venue: str = setting(
        "", "venue whose trades a symbol's forecast is made of, if it has any; empty: the trader's"
    )
    horizon_minutes: int = setting(150_000, "minutes a published forecast covers", COUNT)
    train_days: int = setting(365, "days of history the nightly model is trained on; 0: all")
    hold_bps: float = setting(
        0.0, "a predicted move of fewer basis points has the side `hold`; 0: none has", BASIS_POINTS
    )
    likelihood: str = setting(
        "changes",
        "what the model is fitted to: changes (of the price) or levels (stock Prophet)",
        choices=("changes", "levels"),
    )
    target: str = setting(
        "close",
        "which price of a minute is fitted: close, or vwap (weighted by quantity)",
        choices=("close", "vwap"),
    )
    holidays: str = setting(
        "", "CSV of holidays and events (holiday,ds,lower_window,upper_window); empty: none"
    )
    stale_hours: float = setting(48.0, "a forecast trained longer ago (market clock) is refused")
    keep: int = setting(10, "published forecasts that are kept", COUNT)
    served_days: int = setting(
        2, "days of past minutes that Postgres serves forecasts of; the dashboard looks one back"
    )
    judge_windows: int = setting(48, "recent origins from which a new forecast is judged by a day")
    judge_window_minutes: int = setting(720, "minutes between two of them")
    max_error_ratio: float = setting(
        1.02, "a forecast whose error exceeds so many times that of the last price is refused"
    )
    min_band_coverage: float = setting(
        0.7, "a forecast whose 80 % band covered a smaller share lately is refused", SHARE
    )
    max_band_coverage: float = setting(
        0.9, "a forecast whose 80 % band covered more is refused", SHARE
    )
    worse_share: float = setting(
        0.1, "share by which a new forecast's error may exceed that of the one in use"
    )
    largest_jump: float = setting(
        0.2, "a forecast beginning farther from the last price than this share is refused"
    )
    widest_factor: float = setting(
        20.0, "a forecast with a bound so many times above or below the last price is refused"
    )
    min_coverage: float = setting(
        0.2, "share of its span's minutes with a price that a model must have seen", SHARE
    )
    evaluate_origins: int = setting(12, "times that an evaluation forecasts from")
    evaluate_every_minutes: int = setting(480, "minutes between two of them")
    short_seconds: int = setting(14_400, "seconds of tickers a short-term forecast is made from")
    short_minutes: int = setting(10, "minutes a short-term forecast covers", COUNT)

    @property
    def all_symbols(self) -> tuple[str, ...]:
        """Every symbol that is forecast, each once, the main one first."""
        return tuple(dict.fromkeys((self.symbol, *self.symbols)))


@dataclass(frozen=True)
class QualitySettings:
    """The hourly check of the streamed tables."""

    hours: float = setting(2.0, "hours before now that check_lake looks at")
    price_band: float = setting(
        0.02, "share by which a venue's price may lie off the suppliers' in the same minute"
    )
    archive_hours: float = setting(
        0.0, "a history file that ends longer before now (or `until`) is refused; 0: any may come"
    )
    fresh_s: float = setting(300.0, "a streamed table without a row for so many seconds is stale")
    pages: int = setting(500, "newest quality pages that `clean_world` leaves in var/WORLD/quality")

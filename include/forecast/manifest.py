"""What a published forecast states about itself; light, so that every process can read it."""

from datetime import date, datetime
from typing import Annotated

import msgspec

AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]


class Band(msgspec.Struct, frozen=True):
    """Half widths in units of the realised volatility, at some distances ahead (ascending)."""

    ahead: tuple[int, ...]
    quantiles: tuple[float, ...]


class Holiday(msgspec.Struct, frozen=True):
    """A named day (UTC), and how many days before (0 or negative) and after it belong to it."""

    holiday: str
    ds: date
    lower_window: int = 0
    upper_window: int = 0


class JudgedHorizon(msgspec.Struct, frozen=True):
    """What the gate found up to `horizon` minutes ahead (from the horizon before); null: nothing.

    `error_ratio` is the error over that of the last price, `coverage` the share of prices inside
    the 80 % band.
    """

    horizon: int
    error_ratio: float | None = None
    coverage: float | None = None


class Manifest(msgspec.Struct, frozen=True):
    """What a forecast states about itself.

    `versions` are the Delta versions of its inputs, `plots` the pictures beside it; a move of less
    than `hold_bps` basis points has the side `hold`. It was fitted
    by `likelihood`, `holidays` and `target` (`recipe`) and starts from `last_price`, the close of
    `trained_until`. `volatility` and `band` are those of its 80 % interval (`bands`). Of landed
    trades those of `venue` counted; empty: none had landed, or all counted. `judged` are the gate's
    figures; empty: it has not looked at it.
    """

    forecast_id: str
    symbol: str
    world: str
    sha256: str
    rows: int
    first_ds: AwareTime
    last_ds: AwareTime
    trained_until: AwareTime
    made_at: AwareTime
    model: str
    fitted_by: str
    versions: dict[str, int]
    metrics: dict[str, float]
    trained_from: AwareTime | None = None
    plots: tuple[str, ...] = ()
    hold_bps: float = 0.0
    last_price: float = 0.0
    likelihood: str = "levels"
    holidays: tuple[Holiday, ...] = ()
    volatility: float = 0.0
    band: Band | None = None
    target: str = "close"
    venue: str = ""
    judged: tuple[JudgedHorizon, ...] = ()

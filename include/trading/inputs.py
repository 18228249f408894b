"""All that a rule may see when it decides, as one value with one canonical text. Pure.

The text is kept with every decision (`Decision.inputs`), so that the decision can be derived again.
"""

from decimal import Decimal
from typing import Annotated, Protocol, TypeVar

import msgspec

from include.errors import WireError
from include.market.anchoring import Anchor, PublishedCurve, reanchor
from include.market.events import MAIN_ACCOUNT, VERSION, Top
from include.market.predicted_move import ForecastSide, Move, bps_of, move_ahead, side_of
from include.market.time import MINUTE_US
from include.trading.account import Account
from include.trading.money import STEP, normalize, round_half_even
from include.trading.reasons import Reason

_S = TypeVar("_S", bound=msgspec.Struct)


BookLevel = tuple[Decimal, Decimal]  # price, quantity
MAX_MINUTES = 24 * 60  # how far ahead a turn of the side is looked for


class RecordId(msgspec.Struct, frozen=True):
    """Which Kafka record: topic, partition and offset."""

    topic: str
    partition: int
    offset: int


class Signal(msgspec.Struct, frozen=True):
    """One message of market.signals; `window_start` and `timestamp` (its end) in µs UTC.

    A window in which no change came has the type `silent`, made by the trader itself.
    """

    venue: str
    symbol: str
    type: str
    value: Decimal
    timestamp: int
    window_start: int
    v: Annotated[int, msgspec.Meta(ge=VERSION, le=VERSION)] = VERSION


class SeenTop(msgspec.Struct, frozen=True):
    """The last top of the book with a venue time (µs UTC); `best` is null: the book was invalid.

    `unchanged_until` (µs UTC) is set where its connection went on without another top until then.
    `bids` and `asks` are the levels that an order may reach, best first, where slippage is allowed
    and they are known; else there is the best bid and ask alone.
    """

    venue_time: int
    best: Top | None
    record_id: RecordId | None = None
    bids: tuple[BookLevel, ...] = ()
    asks: tuple[BookLevel, ...] = ()
    unchanged_until: int | None = None


class SeenForecast(msgspec.Struct, frozen=True):
    """The forecast that was in use. `fault` is the reason where there was none to use.

    `side` is that of the move a decision acts on, `side_now` that of the move into the minute that
    begins at the window's end; `rise_bps` is how far the price is to rise until the side turns,
    where that is asked for and the side is buy. `level`, `lower` and `upper` are the predicted
    close at the move's end with its 80 % bounds, re-anchored at `anchor`; null without a price.
    """

    forecast_id: str | None = None
    trained_until: int | None = None
    side: ForecastSide | None = None
    fault: Reason | None = None
    side_now: ForecastSide | None = None
    rise_bps: Decimal | None = None
    anchor: Anchor | None = None
    level: float | None = None
    lower: float | None = None
    upper: float | None = None


class Parameters(msgspec.Struct, frozen=True):
    """The numbers of the rule, of risk and of the venue. A limit of 0 is no limit."""

    ratio_low: Decimal
    ratio_high: Decimal
    balance_share: Decimal
    lookahead_minutes: int
    fee_bps: Decimal
    forecast_stale_us: int
    book_stale_us: int
    minimum: Decimal = Decimal("0.00001")
    step: Decimal = STEP
    price_step: Decimal = STEP
    slippage_bps: Decimal = Decimal(0)
    imbalance_threshold: Decimal = Decimal("0.5")
    half_spread_bps: Decimal = Decimal(5)
    average_band_bps: Decimal = Decimal(10)
    largest_order: Decimal = Decimal(0)
    largest_position: Decimal = Decimal(0)
    daily_loss: Decimal = Decimal(0)
    orders_per_minute: int = 0
    hold_bps: float = 0.0
    already_in_share: Decimal = Decimal(0)
    edge_times: Decimal = Decimal(0)
    stop_loss_bps: Decimal = Decimal(0)
    max_drawdown: Decimal = Decimal(0)


class Inputs(msgspec.Struct, frozen=True):
    """What a decision is derived from. `vetoes` are reasons from outside, such as `halted`.

    `rule_digest` is the SHA-256 of the file of a user's own rule; null for a rule of Tickhouse's.
    `account_name` is the name of the account, which the trader may have several of.
    """

    rule: str
    signal: Signal
    forecast: SeenForecast
    top: SeenTop | None
    account: Account
    parameters: Parameters
    vetoes: tuple[Reason, ...] = ()
    record_id: RecordId | None = None
    rule_digest: str | None = None
    account_name: str = MAIN_ACCOUNT


class ForecastSides(PublishedCurve, Protocol):
    """What the trader needs of a published forecast; times in µs UTC."""

    @property
    def forecast_id(self) -> str:
        """Which published forecast it is."""

    def side_at(self, minute_us: int) -> ForecastSide | None:
        """The side of the move into a minute; null where the forecast has none."""


_encoder = msgspec.json.Encoder(decimal_format="string", order="deterministic")
_decoder = msgspec.json.Decoder(Inputs)


def canonical_json(inputs: Inputs) -> str:
    """The one JSON text of these inputs."""
    return _encoder.encode(inputs).decode()


def normalize_inputs(inputs: Inputs) -> Inputs:
    """The inputs with one spelling of each number: Kafka has 1.50, Delta 1.50000000."""
    return _normalize(inputs)


def read(text: str) -> Inputs:
    """The inputs of a decision.

    Raises:
        WireError: the text is not the inputs of a decision.
    """
    try:
        return _decoder.decode(text)
    except msgspec.MsgspecError as error:
        raise WireError(f"not the inputs of a decision: {error}") from error


def see_forecast(
    forecast: ForecastSides | None,
    *,
    window_end: int,
    fault: Reason | None,
    parameters: Parameters,
    anchor: Anchor | None = None,
) -> SeenForecast:
    """The forecast of the move that a decision at this window's end (µs) acts on.

    `anchor` is where the forecast is put now; null: nowhere, the decision has no price.
    """
    if forecast is None:
        return SeenForecast(fault=fault or Reason.FORECAST_MISSING)
    move = move_ahead(window_end, lookahead_minutes=parameters.lookahead_minutes)
    side = _side_of(forecast, move, hold_bps=parameters.hold_bps)
    asks_for_rise = parameters.edge_times > 0 and side == "buy"
    anchored = reanchor(forecast, anchor, move.end) if anchor else None
    return SeenForecast(
        forecast_id=forecast.forecast_id,
        trained_until=forecast.trained_until,
        side=side,
        side_now=forecast.side_at(move.start),
        rise_bps=_rise_bps(forecast, move.start) if asks_for_rise else None,
        anchor=anchor if anchored else None,
        **(anchored._asdict() if anchored else {}),
    )


def _rise_bps(forecast: ForecastSides, start: int) -> Decimal | None:
    """From the close at `start` to the last one before a minute whose side is sell."""
    end = start
    for minute in range(start + MINUTE_US, start + (MAX_MINUTES + 1) * MINUTE_US, MINUTE_US):
        if forecast.side_at(minute) in {"sell", None}:
            break
        end = minute
    before, after = forecast.level_at(start), forecast.level_at(end)
    if before is None or after is None:
        return None
    return round_half_even(Decimal(repr(bps_of(before, after))))


def _side_of(forecast: ForecastSides, move: Move, *, hold_bps: float) -> ForecastSide | None:
    """The file's own side where the move is of one minute, else that of the levels at its ends."""
    if move.end - move.start == MINUTE_US:
        return forecast.side_at(move.end)
    before, after = forecast.level_at(move.start), forecast.level_at(move.end)
    return None if before is None or after is None else side_of(before, after, hold_bps=hold_bps)


def _normalize(struct: _S) -> _S:
    changes: dict[str, object] = {}
    for name in struct.__struct_fields__:
        field = getattr(struct, name)
        if isinstance(field, Decimal):
            changes[name] = normalize(field)
        elif isinstance(field, msgspec.Struct):
            changes[name] = _normalize(field)
        elif name in {"bids", "asks"}:
            changes[name] = tuple(
                (normalize(price), normalize(quantity)) for price, quantity in field
            )
    return msgspec.structs.replace(struct, **changes) if changes else struct

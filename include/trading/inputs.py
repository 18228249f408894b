"""All that a rule may see when it decides, as one value with one canonical text. Pure.

The text is kept with every decision (`Decision.inputs`), so that the decision can be derived again.
"""

from decimal import Decimal
from typing import Annotated, Protocol, TypeVar

import msgspec

from include.errors import WireError
from include.market.events import VERSION, Side, Top
from include.market.time import MINUTE_US
from include.trading.account import Account
from include.trading.money import normalize
from include.trading.reasons import Reason

_S = TypeVar("_S", bound=msgspec.Struct)


Level = tuple[Decimal, Decimal]  # price, quantity


class RecordId(msgspec.Struct, frozen=True):
    """Which Kafka record: topic, partition and offset."""

    topic: str
    partition: int
    offset: int


class Signal(msgspec.Struct, frozen=True):
    """One message of market.signals; `window_start` and `timestamp` (its end) in µs UTC."""

    venue: str
    symbol: str
    type: str
    value: Decimal
    timestamp: int
    window_start: int
    v: Annotated[int, msgspec.Meta(ge=VERSION, le=VERSION)] = VERSION


class SeenTop(msgspec.Struct, frozen=True):
    """The last top of the book with a venue time (µs UTC); `best` is null: the book was invalid.

    `bids` and `asks` are the levels that an order may reach, best first, where slippage is allowed
    and they are known; else there is the best bid and ask alone.
    """

    venue_time: int
    best: Top | None
    record_id: RecordId | None = None
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()


class SeenForecast(msgspec.Struct, frozen=True):
    """What the forecast said. `fault` is the reason where there was none to use."""

    forecast_id: str | None = None
    trained_until: int | None = None
    side: Side | None = None
    fault: Reason | None = None


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
    step: Decimal = Decimal("0.00000001")
    price_step: Decimal = Decimal("0.00000001")
    slippage_bps: Decimal = Decimal(0)
    imbalance_threshold: Decimal = Decimal("0.5")
    half_spread_bps: Decimal = Decimal(5)
    largest_order: Decimal = Decimal(0)
    largest_position: Decimal = Decimal(0)
    daily_loss: Decimal = Decimal(0)
    orders_per_minute: int = 0


class Inputs(msgspec.Struct, frozen=True):
    """What a decision is derived from. `vetoes` are reasons from outside, such as `halted`."""

    rule: str
    signal: Signal
    forecast: SeenForecast
    top: SeenTop | None
    account: Account
    parameters: Parameters
    vetoes: tuple[Reason, ...] = ()
    record_id: RecordId | None = None


class ForecastSides(Protocol):
    """What the trader needs of a published forecast; times in µs UTC."""

    @property
    def forecast_id(self) -> str:
        """Which published forecast it is."""

    @property
    def trained_until(self) -> int:
        """The last minute that its model saw."""

    def side_at(self, minute_us: int) -> Side | None:
        """The side of a minute; null where the forecast says nothing."""


_encoder = msgspec.json.Encoder(decimal_format="string", order="deterministic")
_decoder = msgspec.json.Decoder(Inputs)


def canonical(inputs: Inputs) -> str:
    """The one JSON text of these inputs."""
    return _encoder.encode(inputs).decode()


def normalize_inputs(inputs: Inputs) -> Inputs:
    """The inputs with one spelling of each number: Kafka says 1.50, Delta 1.50000000."""
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
    forecast: ForecastSides | None, *, window_end: int, lookahead_minutes: int, fault: Reason | None
) -> SeenForecast:
    """What the forecast says of the minute so many minutes after the one the window ends in."""
    if forecast is None:
        return SeenForecast(fault=fault or Reason.FORECAST_MISSING)
    minute = window_end - window_end % MINUTE_US + lookahead_minutes * MINUTE_US
    return SeenForecast(
        forecast_id=forecast.forecast_id,
        trained_until=forecast.trained_until,
        side=forecast.side_at(minute),
    )


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

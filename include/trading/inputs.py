"""All that a rule may see when it decides, as one value with one canonical text.

The text is kept with every decision (`Decision.inputs`), so that the decision can be derived again.
"""

from decimal import Decimal
from typing import Literal, Protocol, TypeVar

import msgspec

from include.errors import WireError
from include.market.events import Side, Top
from include.trading.account import Account
from include.trading.money import plain

MINUTE_US = 60_000_000
_S = TypeVar("_S", bound=msgspec.Struct)


Level = tuple[Decimal, Decimal]  # price, quantity


class Place(msgspec.Struct, frozen=True):
    """Where a record lies in Kafka."""

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
    v: Literal[1] = 1


class SeenTop(msgspec.Struct, frozen=True):
    """The last top of the book that has a venue time; null `top`: the book was invalid then.

    `bids` and `asks` are the levels that an order may reach, best first, where slippage is allowed
    and they are known; else there is the top alone.
    """

    venue_time: int
    top: Top | None
    place: Place | None = None
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()


class SeenForecast(msgspec.Struct, frozen=True):
    """What the forecast said. `fault` is a reason code where there was none to use."""

    forecast_id: str | None = None
    trained_until: int | None = None
    side: Side | None = None
    fault: str | None = None


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
    imbalance_least: Decimal = Decimal("0.5")
    half_spread_bps: Decimal = Decimal(5)
    largest_order: Decimal = Decimal(0)
    largest_position: Decimal = Decimal(0)
    daily_loss: Decimal = Decimal(0)
    orders_per_minute: int = 0


class Inputs(msgspec.Struct, frozen=True):
    """What a decision is derived from. `blocks` are reasons from outside, such as `halted`."""

    rule: str
    signal: Signal
    forecast: SeenForecast
    book: SeenTop | None
    account: Account
    parameters: Parameters
    blocks: tuple[str, ...] = ()
    place: Place | None = None


class Forecast(Protocol):
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


def in_plain(inputs: Inputs) -> Inputs:
    """The inputs with one spelling of each number: Kafka says 1.50, Delta 1.50000000."""
    return _in_plain(inputs)


def read(text: str) -> Inputs:
    """The inputs of a decision.

    Raises:
        WireError: the text is not the inputs of a decision.
    """
    try:
        return _decoder.decode(text)
    except msgspec.MsgspecError as error:
        raise WireError(f"not the inputs of a decision: {error}") from error


def asked_of(
    forecast: Forecast | None, *, window_end: int, lookahead_minutes: int, fault: str | None
) -> SeenForecast:
    """What the forecast says of the minute so many minutes after the one the window ends in."""
    if forecast is None:
        return SeenForecast(fault=fault or "forecast_missing")
    minute = window_end - window_end % MINUTE_US + lookahead_minutes * MINUTE_US
    return SeenForecast(
        forecast_id=forecast.forecast_id,
        trained_until=forecast.trained_until,
        side=forecast.side_at(minute),
    )


def _in_plain(struct: _S) -> _S:
    changed: dict[str, object] = {}
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if isinstance(value, Decimal):
            changed[name] = plain(value)
        elif isinstance(value, msgspec.Struct):
            changed[name] = _in_plain(value)
        elif name in {"bids", "asks"}:
            changed[name] = tuple((plain(price), plain(quantity)) for price, quantity in value)
    return msgspec.structs.replace(struct, **changed) if changed else struct

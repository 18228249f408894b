"""What a new order of the simulated Gemini has to be. Pure.

Source: docs.gemini.com, "Create new order", "Error codes".
"""

from dataclasses import dataclass
from decimal import Decimal

from streaming.simulator.gemini_pairs import PAIRS
from streaming.simulator.gemini_parameters import GeminiError
from streaming.simulator.json_fields import Fields, read_decimal
from streaming.simulator.price_path import CENT

_MAX_MONEY = Decimal(10) ** 15  # above it neither amounts nor prices are counted exactly
_MAX_ID = 100
_MAX_STOP_SHARE = Decimal("0.5")
LIMIT, STOP_LIMIT = "exchange limit", "exchange stop limit"
_OPTIONS = {"immediate-or-cancel", "fill-or-kill", "maker-or-cancel"}


@dataclass(frozen=True)
class OrderForm:
    """A limit order that may be placed; `option` is empty for one that may rest.

    With a `stop_price` it waits until the last price is that, or beyond.
    """

    symbol: str
    amount: Decimal
    price: Decimal
    side: str
    option: str
    client_order_id: str | None
    stop_price: Decimal | None = None


def read_order(params: Fields) -> OrderForm:
    """The order that the parameters ask for.

    Raises:
        GeminiError: the refusal, with the reason of the parameter that is wrong.
    """
    symbol = str(params.get("symbol")).lower()
    if symbol not in PAIRS:
        raise GeminiError(400, "InvalidSymbol", f"Symbol {params.get('symbol')!r} is not known")
    min_amount = PAIRS[symbol].min_amount
    amount = _read_money(params, "amount", "InvalidQuantity", PAIRS[symbol].unit)
    price = _read_money(params, "price", "InvalidPrice", CENT)
    if (side := params.get("side")) not in ("buy", "sell"):
        raise GeminiError(400, "InvalidSide", f"Side {str(side)!r} is neither buy nor sell")
    if params.get("type") not in (LIMIT, STOP_LIMIT):
        raise GeminiError(400, "InvalidOrderType", f"Type {params.get('type')!r} is not supported")
    option = _read_option(params.get("options") or [])
    stop_price = _read_stop(params, side, price)
    if stop_price and option:
        message = f"Option '{option}' is not supported for stop-limit orders"
        raise GeminiError(400, "UnsupportedOption", message)
    if amount < min_amount:
        raise GeminiError(400, "InvalidQuantity", f"amount {amount} is below {min_amount}")
    if params.get("margin_order", False) is not False:
        raise GeminiError(400, "UnsupportedOption", "margin_order: there is no margin account")
    client_order_id = _read_id(params.get("client_order_id"))
    return OrderForm(symbol, amount, price, str(side), option, client_order_id, stop_price)


def _read_stop(params: Fields, side: object, price: Decimal) -> Decimal | None:
    """The stop price of a stop-limit order; null for another, whose own must be a price too."""
    if params["type"] == LIMIT and "stop_price" not in params:
        return None
    stop_price = _read_money(params, "stop_price", "InvalidStopPrice", CENT)
    if params["type"] == LIMIT:
        return None
    if stop_price > price if side == "buy" else stop_price < price:
        message = f"stop_price {stop_price} of a {side} is beyond its price {price}"
        raise GeminiError(400, f"InvalidStopPrice{str(side).capitalize()}", message)
    if abs(stop_price - price) > price * _MAX_STOP_SHARE:
        message = f"stop_price {stop_price} is more than 50% away from the price {price}"
        raise GeminiError(400, "InvalidStopPriceRatio", message)
    return stop_price


def _read_option(options: object) -> str:
    if not isinstance(options, list):
        raise GeminiError(400, "OptionsMustBeArray", "options is not an array")
    for option in options:
        if not isinstance(option, str) or option not in _OPTIONS:
            raise GeminiError(400, "UnsupportedOption", f"Option {option!r} is not known")
    if len(options) > 1:
        raise GeminiError(400, "ConflictingOptions", f"Options {options} cannot be combined")
    return options[0] if options else ""


def _read_id(sent_id: object) -> str | None:
    if sent_id is None:
        return None
    if not isinstance(sent_id, str):
        message = f"client_order_id {sent_id!r} is not a string"
        raise GeminiError(400, "ClientOrderIdMustBeString", message)
    if len(sent_id) > _MAX_ID:
        message = f"client_order_id is longer than {_MAX_ID} characters"
        raise GeminiError(400, "ClientOrderIdTooLong", message)
    return sent_id


def _read_money(params: Fields, name: str, reason: str, step: Decimal) -> Decimal:
    try:
        money = read_decimal(params[name])
    except KeyError:
        raise GeminiError(400, "MissingOrderField", f"{name} is missing") from None
    except ValueError:
        raise GeminiError(400, reason, f"{name} {params[name]!r} is no number") from None
    if not 0 < money < _MAX_MONEY or money % step:
        raise GeminiError(400, reason, f"{name} {money} is no positive multiple of {step}")
    return money

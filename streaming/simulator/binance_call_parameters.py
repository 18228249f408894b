"""The parameters that the simulated Binance's addresses take, and what a call weighs. Pure.

Source: binance/binance-spot-api-docs, rest-api.md (2026-07-17).
"""

from collections.abc import Callable

from streaming.simulator import binance_info as info
from streaming.simulator import binance_parameters as p
from streaming.simulator.binance_candles import INTERVALS
from streaming.simulator.binance_orders import KINDS
from streaming.simulator.binance_parameters import Param
from streaming.simulator.json_fields import Values

_FEW, _MANY = 20, 100
_EACH, _MAX_ROWS = 4, 1000  # the weight of a window for each symbol


def weigh_by_symbols(single: int, few: int, many: int) -> Callable[[Values], int]:
    """The weight of up to 20 symbols, of up to 100, and of all."""

    def weigh(values: Values) -> int:
        if "symbol" in values:
            return single
        symbols = len(values.get("symbols", ()))
        if not symbols or symbols > _MANY:
            return many
        return single if symbols <= _FEW else few

    return weigh


def weigh_depth(values: Values) -> int:
    """The weight of a book by its levels."""
    limit = values.get("limit", 100)
    return next(
        (weight for size, weight in ((100, 5), (500, 25), (1000, 50)) if limit <= size), 250
    )


def weigh_windows(values: Values) -> int:
    """The weight of a window by its symbols."""
    return min(200, _EACH * len(values.get("symbols", [""])))


def weigh_rules(values: Values) -> int:
    """The weight of the rules of some symbols, and of all."""
    if "symbol" in values:
        return 2
    return min(40, 2 * len(values["symbols"])) if "symbols" in values else 40


def limit_to(max_rows: int = _MAX_ROWS) -> Param:
    """The parameter of how many rows, at most `max_rows`."""
    return Param("limit", p.read_limit(max_rows), "5")


SYMBOL = Param("symbol", p.read_symbol, "BTCUSDT", mandatory=True)
MAYBE_SYMBOL = Param("symbol", p.read_symbol, "BTCUSDT")
SYMBOLS = Param("symbols", p.read_symbols, '["BTCUSDT","ETHUSDT"]')
FROM_ID = Param("fromId", p.read_whole, "1000")
TIMES = (
    Param("startTime", p.read_whole, "1700000000000"),
    Param("endTime", p.read_whole, "1700000300000"),
)
ZONE = Param("timeZone", p.read_zone, "-1:00")
STATUS = Param(
    "symbolStatus",
    p.read_choice(-1122, "Invalid symbolStatus.", "TRADING", "HALT", "BREAK", "CANCEL_ONLY"),
    "TRADING",
)
TICKER_TYPE = Param("type", p.read_choice(-1139, "Invalid ticker type.", "FULL", "MINI"), "MINI")
INTERVAL = Param("interval", p.read_choice(-1120, "Invalid interval.", *INTERVALS), "15m", True)
KLINE = (SYMBOL, INTERVAL, *TIMES, ZONE, limit_to())
SYMBOL_CHOICE = (MAYBE_SYMBOL, SYMBOLS, STATUS)

BLOCK_ID = Param("fromId", p.read_whole, "1", mandatory=True)
MARGIN_PAIRS = (  # clients sign it, though it needs no signature
    MAYBE_SYMBOL,
    *(Param(name, p.read_whole, "5000") for name in ("timestamp", "recvWindow")),
    Param("signature", p.read_signature, "0" * 64),
)
ORDER_ID = Param("orderId", p.read_whole, "1")
ORIGINAL_ID = Param("origClientOrderId", p.read_text, "test-1")
CLIENT_ID = Param("newClientOrderId", p.read_text, "test-1")
RESTRICTIONS = Param(
    "cancelRestrictions",
    p.read_choice(
        -1145,
        "Invalid cancelRestrictions; has to be either ONLY_NEW or ONLY_PARTIALLY_FILLED.",
        "ONLY_NEW",
        "ONLY_PARTIALLY_FILLED",
    ),
    "ONLY_NEW",
)
PEGS = ("PRIMARY_PEG", "MARKET_PEG")
MONEY = ("quantity", "quoteOrderQty", "price", "stopPrice", "icebergQty")
ORDER = (
    SYMBOL,
    Param("side", p.read_choice(-1117, "Invalid side.", "BUY", "SELL"), "BUY", True),
    Param("type", p.read_choice(-1116, "Invalid orderType.", *KINDS), "MARKET", True),
    Param("timeInForce", p.read_choice(-1115, "Invalid timeInForce.", "GTC", "IOC", "FOK"), "GTC"),
    *(Param(name, p.read_money, "0.001") for name in MONEY),
    CLIENT_ID,
    *(Param(name, p.read_whole, "1000001") for name in ("strategyId", "strategyType")),
    Param("trailingDelta", p.read_whole, "100"),
    Param(
        "newOrderRespType",
        p.read_word(
            "ACK",
            "RESULT",
            "FULL",
        ),
        "FULL",
    ),
    Param(
        "selfTradePreventionMode",
        p.read_word("NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"),
        "NONE",
    ),
    Param("pegPriceType", p.read_choice(-1210, "Invalid pegPriceType.", *PEGS), "PRIMARY_PEG"),
    Param(
        "pegOffsetType",
        p.read_choice(-1211, "Invalid pegOffsetType.", "PRICE_LEVEL"),
        "PRICE_LEVEL",
    ),
    Param("pegOffsetValue", p.read_whole, "1"),
)
TEST_ORDER = (*ORDER, Param("computeCommissionRates", p.read_boolean, "true"))
NEW_QUANTITY = Param("newQty", p.read_money, "0.0005", mandatory=True)
AMEND = (SYMBOL, ORDER_ID, ORIGINAL_ID, CLIENT_ID, NEW_QUANTITY)
CANCEL = (SYMBOL, ORDER_ID, ORIGINAL_ID, CLIENT_ID, RESTRICTIONS)
REPLACE = (
    *ORDER,
    Param(
        "cancelReplaceMode",
        p.read_word(
            "STOP_ON_FAILURE",
            "ALLOW_FAILURE",
        ),
        "STOP_ON_FAILURE",
        True,
    ),
    Param("cancelNewClientOrderId", p.read_text, "test-2"),
    Param("cancelOrigClientOrderId", p.read_text, "test-1"),
    Param("cancelOrderId", p.read_whole, "1"),
    Param(
        "orderRateLimitExceededMode",
        p.read_word(
            "DO_NOTHING",
            "CANCEL_ONLY",
        ),
        "DO_NOTHING",
    ),
    RESTRICTIONS,
)
HISTORY = (SYMBOL, ORDER_ID, *TIMES, limit_to())
INFO = (
    MAYBE_SYMBOL,
    SYMBOLS,
    Param("permissions", info.read_permissions, "SPOT"),
    Param("showPermissionSets", p.read_boolean, "true"),
    STATUS,
)

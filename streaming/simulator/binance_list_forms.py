"""The parameters of the simulated Binance's order lists: each order's, by a prefix. Pure.

Source: binance/binance-spot-api-docs, rest-api.md, "Order lists", errors.md.
"""

from dataclasses import dataclass

from streaming.simulator import binance_call_parameters as c
from streaming.simulator import binance_parameters as p
from streaming.simulator.binance_order import STOP_KINDS
from streaming.simulator.binance_orders import reject
from streaming.simulator.binance_parameters import BinanceError, Param
from streaming.simulator.json_fields import Values

_OCO_KINDS = ("LIMIT_MAKER", *STOP_KINDS)
_PRICES = "The relationship of the prices for the orders is not correct."
_OF_ORDER = (
    "type timeInForce price stopPrice icebergQty strategyId strategyType trailingDelta"
    " pegPriceType pegOffsetType pegOffsetValue"
).split()


def _params(
    prefix: str, kinds: tuple[str, ...] | None, *, more: tuple[str, ...] = ()
) -> list[Param]:
    """The parameters of one order of a list, such as `abovePrice`; `kinds` are its types."""
    of_order = {param.name: param for param in c.ORDER}
    code, message = (
        (-1158, "Order type not supported in OCO.")
        if kinds == _OCO_KINDS
        else (-1116, "Invalid orderType.")
    )
    params = [Param(f"{prefix}ClientOrderId", p.read_text, f"test-{prefix}")]
    for name in (*_OF_ORDER, *more):
        param = of_order[name]
        read = p.read_choice(code, message, *kinds) if name == "type" and kinds else param.read
        example = kinds[0] if name == "type" and kinds else param.example
        spelling = prefix + name[0].upper() + name[1:]
        params.append(Param(spelling, read, example, name == "type" or name in more))
    return params


_LIST = (
    c.SYMBOL,
    Param("listClientOrderId", p.read_text, "test-list"),
    *(param for param in c.ORDER if param.name in {"newOrderRespType", "selfTradePreventionMode"}),
)
_SIDE = next(param for param in c.ORDER if param.name == "side")
_QUANTITY = Param("quantity", p.read_money, "0.001", mandatory=True)
OCO = (*_LIST, _SIDE, _QUANTITY, *_params("above", _OCO_KINDS), *_params("below", _OCO_KINDS))
_WORKING = [
    param
    for param in _params("working", ("LIMIT", "LIMIT_MAKER"), more=("side", "quantity"))
    if param.name not in {"workingStopPrice", "workingTrailingDelta"}
]
OTO = (*_LIST, *_WORKING, *_params("pending", None, more=("side", "quantity")))
OTOCO = (
    *_LIST,
    *_WORKING,
    Param("pendingSide", _SIDE.read, "SELL", mandatory=True),
    Param("pendingQuantity", p.read_money, "0.001", mandatory=True),
    *_params("pendingAbove", _OCO_KINDS),
    *(
        Param(param.name, param.read, param.example, mandatory=False)
        for param in _params("pendingBelow", _OCO_KINDS)
    ),
)
LEGACY_OCO = (
    *_LIST,
    _SIDE,
    _QUANTITY,
    Param("price", p.read_money, "90000", mandatory=True),
    Param("stopPrice", p.read_money, "50000", mandatory=True),
    Param("stopLimitPrice", p.read_money, "50000"),
    Param(
        "stopLimitTimeInForce",
        p.read_choice(-1115, "Invalid timeInForce.", "GTC", "IOC", "FOK"),
        "GTC",
    ),
    Param("trailingDelta", p.read_whole, "100"),
    *(
        param
        for prefix in ("limit", "stop")
        for param in (
            Param(f"{prefix}ClientOrderId", p.read_text, f"test-{prefix}"),
            Param(f"{prefix}StrategyId", p.read_whole, "1000001"),
            Param(f"{prefix}StrategyType", p.read_whole, "1000001"),
            Param(f"{prefix}IcebergQty", p.read_money, "0.001"),
        )
    ),
)
LIST_ID = Param("orderListId", p.read_whole, "1")
CANCEL_LIST = (
    c.SYMBOL,
    LIST_ID,
    Param("listClientOrderId", p.read_text, "test-list"),
    Param("newClientOrderId", p.read_text, "test-2"),
)
QUERY_LIST = (LIST_ID, Param("origClientOrderId", p.read_text, "test-list"))


def order_values(values: Values, prefix: str) -> Values:
    """One order's parameters, without their prefix; side and quantity may be the list's."""
    names = {name: name for name in ("symbol", "side", "quantity", "selfTradePreventionMode")}
    of_order = {name: values[name] for name in names if name in values}
    for spelling, value in values.items():
        name = spelling.removeprefix(prefix)
        if spelling != name and name[0].isupper():
            plain = name[0].lower() + name[1:]
            of_order["newClientOrderId" if plain == "clientOrderId" else plain] = value
    return of_order


def legacy_values(values: Values) -> Values:
    """The old OCO's parameters in the words of the present one."""
    is_sell, is_limit = values["side"] == "SELL", "stopLimitPrice" in values
    limit, stop = ("above", "below") if is_sell else ("below", "above")
    spellings = {"price": f"{limit}Price", "stopPrice": f"{stop}StopPrice"}
    spellings |= {"stopLimitPrice": f"{stop}Price", "stopLimitTimeInForce": f"{stop}TimeInForce"}
    spellings |= {"trailingDelta": f"{stop}TrailingDelta"}
    for name in ("ClientOrderId", "StrategyId", "StrategyType", "IcebergQty"):
        spellings |= {f"limit{name}": limit + name, f"stop{name}": stop + name}
    kinds = {f"{limit}Type": "LIMIT_MAKER"}
    kinds[f"{stop}Type"] = "STOP_LOSS_LIMIT" if is_limit else "STOP_LOSS"
    return {spellings.get(name, name): value for name, value in values.items()} | kinds


@dataclass(frozen=True)
class _Rule:
    """Where an order of an OCO has to be, and the refusal of another place."""

    side: str
    kind: str
    is_above: bool
    code: int
    message: str


_RULES = (
    _Rule("BUY", "LIMIT", False, -1165, "A limit order in a buy OCO must be below."),
    _Rule("SELL", "LIMIT", True, -1166, "A limit order in a sell OCO must be above."),
    _Rule("BUY", "STOP", True, -1196, "A stop loss order in a buy OCO must be above."),
    _Rule("SELL", "STOP", False, -1197, "A stop loss order in a sell OCO must be below."),
    _Rule("BUY", "TAKE", False, -1198, "A take profit order in a buy OCO must be below."),
    _Rule("SELL", "TAKE", True, -1199, "A take profit order in a sell OCO must be above."),
)


def check_pair(above: Values, below: Values) -> None:
    """Check that two orders can exclude each other: their types, and their prices.

    Raises:
        BinanceError: they are both limit orders, on the wrong side, or the upper is the lower.
    """
    if above["type"] == below["type"] == "LIMIT_MAKER":
        raise BinanceError(400, -1168, "At least one OCO order must be contingent.")
    for order, is_above in ((above, True), (below, False)):
        for rule in _RULES:
            is_of = order["side"] == rule.side and order["type"].startswith(rule.kind)
            if is_of and rule.is_above != is_above:
                raise BinanceError(400, rule.code, rule.message)
    upper, lower = (order.get("stopPrice", order.get("price")) for order in (above, below))
    if upper is not None and lower is not None and upper <= lower:
        raise reject(_PRICES)

"""What Binance documents and the simulated one refuses: OPO lists, SOR, listen keys.

Source: binance/binance-spot-api-docs, rest-api.md and web-socket-api.md: method, path, name;
errors.md for what it answers where a symbol's `opoAllowed` is false. Listen keys
are gone from its documents since 2026-02-20.
"""

from streaming.simulator.binance_parameters import BinanceError

_V3 = "/api/v3"
_OPO = tuple(
    ("POST", f"{_V3}/orderList/{kind}", f"orderList.place.{kind}") for kind in ("opo", "opoco")
)
UNSUPPORTED = (
    *_OPO,
    ("POST", f"{_V3}/sor/order", "sor.order.place"),
    ("POST", f"{_V3}/sor/order/test", "sor.order.test"),
    *((method, f"{_V3}/userDataStream", "") for method in ("POST", "PUT", "DELETE")),
    ("", "", "userDataStream.subscribe.listenToken"),
    ("GET", "/sapi/v1/account/apiRestrictions/ipRestriction", ""),
)
_REFUSALS = dict.fromkeys(_OPO, (-2010, "OPO orders are not supported for this symbol."))
_BY_ADDRESS = {
    address: refusal for (_, path, name), refusal in _REFUSALS.items() for address in (path, name)
}


def refuse_unsupported(address: str) -> BinanceError:
    """The refusal of such a call, by its path or by its name on the WebSocket API."""
    code, message = _BY_ADDRESS.get(address, (-1020, "This operation is not supported."))
    return BinanceError(400, code, message)

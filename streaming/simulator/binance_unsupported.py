"""What Binance documents and the simulated one refuses: OPO lists, SOR, amendments, listen keys.

Source: binance/binance-spot-api-docs, rest-api.md and web-socket-api.md: method, path, name.
"""

_V3 = "/api/v3"
UNSUPPORTED = (
    *(("POST", f"{_V3}/orderList/{kind}", f"orderList.place.{kind}") for kind in ("opo", "opoco")),
    ("POST", f"{_V3}/sor/order", "sor.order.place"),
    ("POST", f"{_V3}/sor/order/test", "sor.order.test"),
    ("PUT", f"{_V3}/order/amend/keepPriority", "order.amend.keepPriority"),
    ("GET", f"{_V3}/order/amendments", "order.amendments"),
    *((method, f"{_V3}/userDataStream", "") for method in ("POST", "PUT", "DELETE")),
    ("", "", "userDataStream.subscribe.listenToken"),
)

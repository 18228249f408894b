"""What the simulated Gemini answers: a row for each address; router and tests are made of them.

Source: docs.gemini.com, "Market data", "Orders", "Fund management", "Websocket API".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streaming.simulator import gemini_account_answers as private
from streaming.simulator import gemini_parameters as p
from streaming.simulator import gemini_public_answers as public
from streaming.simulator.gemini_pairs import NETWORKS
from streaming.simulator.gemini_parameters import GeminiParam
from streaming.simulator.json_fields import Values


@dataclass(frozen=True)
class GeminiCall:
    """One address: GET for public calls, a signed POST for others.

    `params` are those of the query or the payload, and those in braces in the path. `answer`
    gets the account of a signed call; else what is public of the symbol that the path names, or
    of all symbols; and the parameters' values.
    """

    path: str
    params: tuple[GeminiParam, ...]
    answer: Callable[[Any, Values], object]
    signed: bool = False

    @property
    def method(self) -> str:
        """The HTTP method."""
        return "POST" if self.signed else "GET"


_SYMBOL = GeminiParam("symbol", p.read_symbol, "btcusd", reason="InvalidSymbol")
_TIME = GeminiParam("timestamp", p.read_time_ms, 1_700_000_000, reason="InvalidTimestampInPayload")
_ORDER_ID = GeminiParam("order_id", p.read_whole, 1, reason="InvalidOrderId")
_CLIENT_ID = GeminiParam("client_order_id", p.read_text, "mine", reason="ClientOrderIdMustBeString")
_NETWORK = GeminiParam("network", p.read_one_of(*NETWORKS.values()), "bitcoin")
_CURRENCY = GeminiParam("currency", p.read_currency, "btc", reason="InvalidCurrency")
_TOKEN = GeminiParam("token", p.read_currency, "btc")
_ORDER: dict[str, object] = {  # read as a whole
    "symbol": "btcusd",
    "amount": "0.01",
    "price": "10000.00",
    "stop_price": "9000.00",
    "side": "buy",
    "type": "exchange limit",
    "options": [],
    "client_order_id": "mine",
    "margin_order": False,
}
PUBLIC = (
    GeminiCall("/v1/symbols", (), public.list_symbols),
    GeminiCall("/v1/symbols/details/all", (), public.describe_all),
    GeminiCall("/v1/symbols/details/{symbol}", (_SYMBOL,), public.describe),
    GeminiCall(
        "/v1/network/{token}", (GeminiParam("token", p.read_currency, "btc"),), public.name_networks
    ),
    GeminiCall("/v1/feepromos", (), public.list_fee_promotions),
    GeminiCall("/v1/pricefeed", (), public.list_prices),
    GeminiCall("/v1/pubticker/{symbol}", (_SYMBOL,), public.quote),
    GeminiCall("/v2/ticker/{symbol}", (_SYMBOL,), public.summarize_day),
    GeminiCall(
        "/v1/book/{symbol}",
        (_SYMBOL, *(GeminiParam(f"limit_{side}", p.read_whole, 5) for side in ("bids", "asks"))),
        public.list_levels,
    ),
    GeminiCall(
        "/v1/trades/{symbol}",
        (
            _SYMBOL,
            _TIME,
            GeminiParam("since", p.read_time_ms, 1_700_000_000),
            GeminiParam("since_tid", p.read_whole, 0),
            GeminiParam("limit_trades", p.read_limit(500), 5),
            GeminiParam("include_breaks", p.read_boolean, "true"),
        ),
        public.list_trades,
    ),
    GeminiCall(
        "/v2/candles/{symbol}/{frame}",
        (_SYMBOL, GeminiParam("frame", p.read_one_of(*public.FRAMES_S), "1m")),
        public.list_candles,
    ),
    GeminiCall("/v1/auction/{symbol}", (_SYMBOL,), public.describe_auction),
    GeminiCall(
        "/v1/auction/{symbol}/history",
        (
            _SYMBOL,
            _TIME,
            GeminiParam("limit_auction_results", p.read_limit(500), 5),
            GeminiParam("since", p.read_time_ms, 1_700_000_000),
            GeminiParam("include_indicative", p.read_boolean, "true"),
        ),
        public.list_auctions,
    ),
)
SIGNED = tuple(
    GeminiCall(f"/v1/{name}", params, answer, signed=True)
    for name, params, answer in (
        (
            "order/new",
            tuple(GeminiParam(name, p.read_any, example) for name, example in _ORDER.items()),
            private.place_order,
        ),
        (
            "order/status",
            (_ORDER_ID, _CLIENT_ID, GeminiParam("include_trades", p.read_boolean, True)),
            private.show_order,
        ),
        ("order/cancel", (_ORDER_ID,), private.cancel_order),
        ("order/cancel/all", (), private.cancel_orders),
        ("order/cancel/session", (), private.cancel_orders),
        ("orders", (), private.list_live_orders),
        (
            "orders/history",
            (_SYMBOL, _TIME, GeminiParam("limit_orders", p.read_limit(500), 5)),
            private.list_past_orders,
        ),
        (
            "mytrades",
            (_SYMBOL, _TIME, GeminiParam("limit_trades", p.read_limit(500), 5)),
            private.list_trades,
        ),
        ("tradevolume", (), private.list_volumes),
        ("notionalvolume", (_SYMBOL,), private.list_fees),
        ("heartbeat", (), private.confirm),
        ("balances", (), private.list_balances),
        (
            "notionalbalances/{currency}",
            (GeminiParam("currency", p.read_currency, "usd"),),
            private.list_notional_balances,
        ),
        (
            "transfers",
            (_CURRENCY, _TIME, GeminiParam("limit_transfers", p.read_limit(50), 5)),
            private.list_nothing,
        ),
        ("custodyaccountfees", (_TIME,), private.list_nothing),
        ("addresses/{network}", (_NETWORK, _TIME), private.list_nothing),
        ("account", (), private.describe_account),
        ("roles", (), private.list_roles),
    )
)
_PREDICTIONS = "prediction-markets/{path:.+}"
_UNSUPPORTED_V1 = (
    "withdraw/{currency}",
    "withdraw/{network}/feeEstimate",
    "deposit/{network}/newAddress",
    "transactions",
    "payments/methods",
    *(f"payments/{path}" for path in ("addbank", "addbank/cad", "sen/withdraw")),
    "account/create",
    "account/list",
    "account/rename",
    "account/transfer/{currency}",
    *(f"approvedAddresses/{verb}{{network}}" for verb in ("", "account/")),
    *(f"approvedAddresses/{{network}}/{verb}" for verb in ("request", "remove")),
    "wrap/{symbol}",
    *(f"instant/{verb}" for verb in ("quote", "execute")),
    *(f"clearing/{verb}" for verb in ("new", "status", "cancel", "confirm", "list", "trades")),
    *(f"clearing/broker/{verb}" for verb in ("new", "list")),
    *(f"staking/{verb}" for verb in ("stake", "unstake", "history", "rewards")),
    *(f"balances/{product}" for product in ("staking", "earn")),
    *(f"earn/{verb}" for verb in ("history", "interest")),
    "margin",
    *(f"margin/{name}" for name in ("account", "rates", "order/preview")),
    _PREDICTIONS,
    "positions",
    "perpetuals/fundingPayment",
    "perpetuals/fundingpaymentreport/records.json",
    "oauth/revokeByToken",
)
_FX_RATE = "/v2/fxrate/{symbol}/{timestamp}"
_WITHDRAW = "/v2/withdraw/{network}/{currency}"
_UNSUPPORTED_V2 = (_FX_RATE, "/v2/transfers", _WITHDRAW, f"{_WITHDRAW}/feeEstimate")
_UNSUPPORTED_GET = (
    _FX_RATE,
    "/v2/derivatives/candles/{symbol}/{frame}",
    *(f"/v1/{name}/{{symbol}}" for name in ("fundingamount", "riskstats")),
    *(f"/v1/{name}" for name in ("earn/rates", "staking/rates", _PREDICTIONS)),
    "/v2/network/{token}",
    "/v2/networks/{network}/assets",
    "/v1/fundingamountreport/records.xlsx",
    "/v1/perpetuals/fundingpaymentreport/records.xlsx",
)
# documented, but of markets and services that are not simulated: refused, once signed well
UNSUPPORTED = (
    *(
        GeminiCall(path, (), private.refuse, signed=True)
        for path in (*_UNSUPPORTED_V2, *(f"/v1/{name}" for name in _UNSUPPORTED_V1))
    ),
    *(GeminiCall(path, (), private.refuse) for path in _UNSUPPORTED_GET),
)
CALLS = PUBLIC + SIGNED

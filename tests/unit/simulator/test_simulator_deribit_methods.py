"""Every method of the simulated Deribit: good calls, missing and malformed parameters, log-ins.

Shapes are those of Deribit's documents (docs.deribit.com, API reference).
"""

import base64
import hashlib
import hmac
import time
from typing import Any

import pytest

from streaming.simulator.deribit_methods import METHODS, Scope
from tests.support.simulated_deribit import post
from tests.support.simulated_venues import SECRET, differences, simulated_venues

NAME = "BTC-PERPETUAL"
NUMBER = (int, float)


def fields(text: str, kind: Any) -> dict[str, Any]:
    return dict.fromkeys(text.split(), kind)


TRADE = fields("trade_seq timestamp tick_direction", int) | fields(
    "price amount mark_price index_price contracts", NUMBER
)
TRADE |= {"trade_id": str, "instrument_name": NAME, "direction": str}
BOOK = {"bids": [[float, float]], "asks": [[float, float]], "change_id": int}
TICKER = fields(
    "index_price last_price settlement_price min_price max_price open_interest mark_price"
    " interest_value best_bid_price best_bid_amount best_ask_price best_ask_amount"
    " estimated_delivery_price current_funding funding_8h",
    NUMBER,
) | {
    "timestamp": int,
    "state": "open",
    "instrument_name": NAME,
    "stats": fields("high low price_change volume volume_usd volume_notional", NUMBER),
}
INSTRUMENT = {
    "instrument_name": NAME,
    "kind": "future",
    "settlement_period": "perpetual",
    "is_active": True,
    "price_index": "btc_usd",
    "state": "open",
} | fields("tick_size contract_size min_trade_amount maker_commission taker_commission", float)
SUMMARY = fields(
    "bid_price ask_price mid_price mark_price last open_interest high low volume volume_usd"
    " volume_notional estimated_delivery_price current_funding funding_8h price_change",
    NUMBER,
) | {"instrument_name": NAME, "base_currency": "BTC", "quote_currency": "USD"}
ORDER = fields("order_id direction order_state order_type time_in_force label", str) | fields(
    "price amount filled_amount average_price max_show", float
)
ORDER |= fields("creation_timestamp last_update_timestamp", int) | {"instrument_name": NAME}
FILL = {"trade_id": str, "order_id": str, "liquidity": str, "fee": float, "fee_currency": "BTC"}
PLACED = {"order": ORDER, "trades": [FILL]}
POSITION = fields("size size_currency average_price mark_price total_profit_loss", float)
POSITION |= {"direction": "buy", "instrument_name": NAME, "kind": "future"}
ACCOUNT = fields("balance equity available_funds initial_margin maintenance_margin", float)
ACCOUNT |= fields("additional_reserve locked_balance projected_delta_total options_gamma", float)
ACCOUNT |= {"currency": "BTC", "portfolio_margining_enabled": False, "delta_total_map": dict}
OWNER = fields("username email system_name self_trading_reject_mode", str) | {"type": "main"}
FUNDING = fields("timestamp", int) | fields("interest_1h interest_8h index_price", float)
NONE: dict[str, Any] = {"count": 0, "data": []}
SETTLEMENT = fields("position mark_price index_price funding profit_loss", float) | {
    "type": "settlement",
    "timestamp": int,
    "instrument_name": NAME,
}
NO_SETTLEMENT = {"settlements": [], "continuation": "none"}
SHAPES: dict[str, Any] = {
    "public/auth": {"access_token": str, "refresh_token": str, "expires_in": int, "scope": str},
    "public/hello": {"version": str},
    "public/test": {"version": str},
    "public/set_heartbeat": "ok",
    "public/disable_heartbeat": "ok",
    "public/subscribe": ["ticker.BTC-PERPETUAL.100ms"],
    "public/unsubscribe": [],
    "public/unsubscribe_all": "ok",
    "private/subscribe": ["ticker.BTC-PERPETUAL.100ms"],
    "private/unsubscribe": [],
    "private/unsubscribe_all": "ok",
    "private/logout": "ok",
    "private/enable_cancel_on_disconnect": "ok",
    "private/disable_cancel_on_disconnect": "ok",
    "private/get_cancel_on_disconnect": {"scope": "connection", "enabled": False},
    "public/get_time": int,
    "public/status": {"locked": "false", "locked_currencies": []},
    "public/get_currencies": [{"currency": "BTC", "coin_type": "BITCOIN"}],
    "public/get_instruments": [INSTRUMENT],
    "public/get_instrument": INSTRUMENT,
    "public/get_expirations": {"btc": {"future": ["PERPETUAL"], "option": []}},
    "public/get_contract_size": {"contract_size": 10},
    "public/get_index": {"BTC": float, "edp": float},
    "public/get_index_price": {"index_price": float, "estimated_delivery_price": float},
    "public/get_index_price_names": ["btc_usd"],
    "public/get_supported_index_names": ["btc_usd"],
    "public/ticker": TICKER,
    "public/get_order_book": TICKER | BOOK,
    "public/get_order_book_by_instrument_id": TICKER | BOOK,
    "public/get_book_summary_by_instrument": [SUMMARY],
    "public/get_book_summary_by_currency": [SUMMARY],
    **{
        f"public/get_last_trades_by_{way}": {"trades": [TRADE], "has_more": bool}
        for way in ("instrument", "instrument_and_time", "currency", "currency_and_time")
    },
    "public/get_trade_volumes": [{"currency": "BTC", "futures_volume": float}],
    **{
        f"public/{name}": []
        for name in ("get_announcements", "get_combo_ids", "get_combos", "get_rfqs")
    },
    "public/get_mark_price_history": [],
    "public/get_tradingview_chart_data": {"status": "ok", "ticks": [int]}
    | fields("open high low close volume cost", [float]),
    "public/get_funding_rate_history": [FUNDING],
    "public/get_funding_rate_value": float,
    "public/get_funding_chart_data": {"data": [{"timestamp": int}], "interest_8h": float},
    "public/get_historical_volatility": [[int, float]],
    "public/get_index_chart_data": [[int, float]],
    "public/get_last_settlements_by_instrument": {
        "settlements": [SETTLEMENT],
        "continuation": str,
    },
    "public/get_last_settlements_by_currency": {"settlements": [SETTLEMENT], "continuation": str},
    "public/get_delivery_prices": {
        "data": [{"date": str, "delivery_price": float}],
        "records_total": int,
    },
    "private/buy": PLACED,
    "private/sell": PLACED,
    "private/edit": {"order": ORDER, "trades": []},
    "private/edit_by_label": {"order": ORDER | {"amount": 20.0}, "trades": []},
    "private/cancel": ORDER,
    "private/cancel_all": 1,
    "private/cancel_all_by_currency": 1,
    "private/cancel_all_by_instrument": 1,
    "private/cancel_all_by_currency_pair": 1,
    "private/cancel_all_by_kind_or_type": 1,
    "private/cancel_by_label": 1,
    "private/close_position": PLACED,
    "private/get_order_state": ORDER,
    "private/get_order_state_by_label": [ORDER],
    "private/get_open_orders": [ORDER],
    "private/get_open_orders_by_currency": [ORDER],
    "private/get_open_orders_by_instrument": [ORDER],
    "private/get_open_orders_by_label": [ORDER],
    "private/get_order_history_by_currency": [ORDER],
    "private/get_order_history_by_instrument": [ORDER],
    **{
        f"private/get_user_trades_by_{way}": {"trades": [FILL], "has_more": False}
        for way in ("instrument", "currency", "instrument_and_time", "currency_and_time")
    },
    "private/get_user_trades_by_order": [],
    "private/get_position": POSITION,
    "private/get_positions": [POSITION],
    "private/get_account_summary": ACCOUNT,
    "private/get_account_summaries": {"summaries": [ACCOUNT]},
    "private/get_margins": fields("buy sell min_price max_price", float)
    | fields("buy_taker_fee buy_maker_fee sell_taker_fee sell_maker_fee", float),
    "private/get_subaccounts": [{"type": "main", "receive_notifications": False}],
    "private/get_subaccounts_details": [{"uid": 1, "positions": [POSITION]}],
    "private/get_settlement_history_by_instrument": NO_SETTLEMENT,
    "private/get_settlement_history_by_currency": NO_SETTLEMENT,
    "private/get_trigger_order_history": {"entries": [], "continuation": "none"},
    "private/get_order_margin_by_ids": [{"order_id": "SIM-1", "initial_margin": 0.000004}],
    "private/get_user_locks": [{"currency": "BTC", "locked": False}],
    "private/get_access_log": {"records_total": 0, "data": []},
    "private/get_deposits": NONE,
    "private/get_withdrawals": NONE,
    "private/get_transfers": NONE,
    "private/get_transaction_log": {"logs": [], "continuation": None},
}
EXTRA: dict[str, dict[str, Any]] = {
    "public/auth": {"client_id": "account-k", "client_secret": SECRET},
    "private/buy": {"type": "market", "amount": 10},
    "private/sell": {"type": "market", "amount": 10},
    "private/edit": {"amount": 20},
    "private/edit_by_label": {"amount": 20, "label": "test"},
    "private/get_order_state_by_label": {"label": "test"},
    "private/get_open_orders_by_label": {"label": "test"},
}
LIMIT = {"instrument_name": NAME, "amount": 10, "type": "limit", "price": 50_000, "label": "test"}


def good_params(name: str) -> dict[str, Any]:
    params = {param.name: param.example for param in METHODS[name].params if param.mandatory}
    return params | EXTRA.get(name, {})


class Asking:
    """A websocket that logs in, and asks one request after another."""

    def __init__(self, socket: Any) -> None:
        self.socket, self.asked = socket, 0

    async def ask(self, method: str, params: Any) -> Any:
        self.asked += 1
        body = {"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params}
        await self.socket.send_json(body)
        while True:
            reply = await self.socket.receive_json()
            if "method" not in reply:
                assert reply["id"] == self.asked and reply["usOut"] >= reply["usIn"]
                return reply

    async def log_in(self) -> None:
        grant = {"grant_type": "client_credentials", "client_id": "account-k"}
        assert "result" in await self.ask("public/auth", grant | {"client_secret": SECRET})


def test_every_method_has_a_documented_shape() -> None:
    assert set(SHAPES) == set(METHODS)


@pytest.mark.parametrize("name", METHODS)
async def test_a_good_call_has_the_documented_fields(name: str) -> None:
    async with simulated_venues() as (session, base):
        async with session.ws_connect(f"{base}/ws/api/v2/") as socket:
            asking = Asking(socket)
            await asking.log_in()
            assert (await asking.ask("private/buy", LIMIT))["result"]["order"][
                "order_id"
            ] == "SIM-1"
            market = {"instrument_name": NAME, "amount": 10, "type": "market"}
            assert (await asking.ask("private/buy", market))["result"]["trades"]
            params = good_params(name)
            if "start_timestamp" in params:
                now_ms = int(time.time() * 1000)
                hours = 3 if "trades" not in name else 1
                params |= {"start_timestamp": now_ms - hours * 3_600_000, "end_timestamp": now_ms}
            reply = await asking.ask(name, params)
            shape = [ORDER] if name.startswith("private/get_order_history") else SHAPES[name]
            if name.startswith("private/get_user_trades") and name.endswith("and_time"):
                assert reply["result"]["trades"]
            assert differences(shape, reply.get("result", reply)) == []


@pytest.mark.parametrize("name", METHODS)
async def test_what_is_malformed_or_missing_is_refused_with_its_name(name: str) -> None:
    async with simulated_venues() as (session, base):
        async with session.ws_connect(f"{base}/ws/api/v2") as socket:
            asking = Asking(socket)
            await asking.log_in()
            for param in METHODS[name].params:
                for value in ({}, [1], "&%$ü" if param.example is True else None):
                    params = good_params(name) | {param.name: value}
                    if value is None:
                        params.pop(param.name)
                    reply = await asking.ask(name, params)
                    if value is None and not param.mandatory:
                        continue
                    assert reply["error"]["code"] == -32602, (param.name, value, reply)
                    assert reply["error"]["data"]["param"] == param.name
            if any(
                param.name == "instrument_name" and param.mandatory
                for param in METHODS[name].params
            ):
                reply = await asking.ask(name, good_params(name) | {"instrument_name": "DOGE"})
                empty = ([], 0, {"trades": [], "has_more": False})
                assert reply.get("result") in empty or reply["error"]["code"] == 10020, reply


@pytest.mark.parametrize("name", [n for n, m in METHODS.items() if m.scope is not Scope.PUBLIC])
async def test_a_private_method_without_a_log_in_is_refused(name: str) -> None:
    async with simulated_venues() as (session, base):
        reply = await post(session, base, name, good_params(name))
        assert reply["error"]["code"] == 13009
        assert reply["id"] == 7


async def test_http_takes_get_post_bearer_basic_and_signatures() -> None:
    async with simulated_venues() as (session, base):
        async with session.get(f"{base}/api/v2/public/get_index_price?index_name=btc_usd") as reply:
            assert (await reply.json())["result"]["index_price"] > 0
        grant = {"grant_type": "client_credentials", "client_id": "account-k"}
        login = await post(session, base, "public/auth", grant | {"client_secret": SECRET})
        bearer = f"Bearer {login['result']['access_token']}"
        basic = "Basic " + base64.b64encode(f"account-k:{SECRET}".encode()).decode()
        for header in (bearer, basic):
            reply = await post(
                session,
                base,
                "private/get_account_summary",
                {"currency": "BTC"},
                Authorization=header,
            )
            assert reply["result"]["equity"] == 1.0
        asked = {"currency": "BTC", "extended": True}
        extended = await post(
            session, base, "private/get_account_summary", asked, Authorization=basic
        )
        assert differences(ACCOUNT | OWNER, extended["result"]) == []
        for header in ("Bearer nosuch", "Basic !!", "Basic " + base64.b64encode(b"a:b").decode()):
            reply = await post(session, base, "private/get_positions", {}, Authorization=header)
            assert reply["error"]["code"] in {13009, 13004}
        token = {"access_token": login["result"]["access_token"]}
        assert (await post(session, base, "private/get_positions", token))["result"] == []
        target = "/api/v2/private/get_positions?currency=BTC"
        stamp = str(int(time.time() * 1000))
        text = f"{stamp}\nabcd\nGET\n{target}\n\n"
        signature = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
        signed = f"deri-hmac-sha256 id=account-k,ts={stamp},sig={signature},nonce=abcd"
        async with session.get(base + target, headers={"Authorization": signed}) as reply:
            assert (await reply.json())["result"] == []
        socket_only = await post(session, base, "public/subscribe", {"channels": []})
        assert socket_only["error"]["code"] == 10030


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/api/v2", "no JSON", -32700),
        ("/api/v2", "[]", -32600),
        ("/api/v2/", '{"params":{}}', -32600),
        ("/api/v2", '{"method":"public/nosuch"}', -32601),
        ("/api/v2", '{"method":"public/get_time","params":[]}', None),
        ("/api/v2", '{"method":"public/ticker","params":[1]}', -32602),
        ("/api/v2/public/get_time/", "{}", None),
        ("/api/v2/public/nosuch", "", -32601),
        ("/api/v2/public/", "", -32601),
        ("/api/v2/private/nosuch/deeper", "", -32601),
    ],
)
async def test_every_request_gets_a_json_rpc_answer(path: str, body: str, code: int | None) -> None:
    async with simulated_venues() as (session, base):
        async with session.post(base + path, data=body) as reply:
            envelope = await reply.json()
            assert envelope["jsonrpc"] == "2.0" and envelope["testnet"] is False
            assert envelope.get("error", {}).get("code") == code
            assert reply.status == (200 if code is None else 400)


CHANNELS: dict[str, Any] = {
    "book.BTC-PERPETUAL.100ms": {"type": "snapshot", "bids": [["new", float, float]]},
    "book.BTC-PERPETUAL.none.10.100ms": {"bids": [[float, float]], "change_id": int},
    "book.BTC-PERPETUAL.5.1.100ms": {"bids": [[float, float]], "asks": [[float, float]]},
    "trades.BTC-PERPETUAL.100ms": [TRADE],
    "trades.future.BTC.100ms": [TRADE],
    "ticker.BTC-PERPETUAL.agg2": TICKER,
    "incremental_ticker.BTC-PERPETUAL": TICKER | {"type": "snapshot"},
    "quote.BTC-PERPETUAL": fields("best_bid_price best_ask_amount", float),
    "perpetual.BTC-PERPETUAL.raw": {"interest": float, "index_price": float},
    "chart.trades.BTC-PERPETUAL.1": {"tick": int, "open": float, "volume": float, "cost": float},
    "deribit_price_index.btc_usd": {"price": float, "index_name": "btc_usd", "timestamp": int},
    "platform_state": {"maintenance": False},
}


async def test_every_channel_sends_and_unknown_ones_are_left_out_of_the_answer() -> None:
    async with simulated_venues() as (session, base):
        async with session.ws_connect(f"{base}/ws/api/v2") as socket:
            asking = Asking(socket)
            await asking.log_in()
            unknown = ["book.DOGE.100ms", "nosuch", "book.BTC-PERPETUAL.3.10.100ms"]
            reply = await asking.ask("public/subscribe", {"channels": [*CHANNELS, *unknown]})
            assert reply["result"] == list(CHANNELS)
            received: dict[str, Any] = {}
            while set(received) != set(CHANNELS):
                message = await socket.receive_json(timeout=20)
                received.setdefault(message["params"]["channel"], message["params"]["data"])
            for channel, shape in CHANNELS.items():
                assert differences(shape, received[channel], channel) == []
            level = received["book.BTC-PERPETUAL.5.1.100ms"]
            assert level["bids"][0][0] % 5 == 0 and len(level["asks"]) == 1
            again = await asking.ask(
                "public/unsubscribe", {"channels": ["quote.BTC-PERPETUAL", "x"]}
            )
            assert again["result"] == ["quote.BTC-PERPETUAL"]
            assert (await asking.ask("public/subscribe", {"channels": ["nosuch"]}))["result"] == []


async def test_the_accounts_own_channels_follow_its_orders() -> None:
    async with simulated_venues() as (session, base):
        async with session.ws_connect(f"{base}/ws/api/v2") as socket:
            asking = Asking(socket)
            channels = [
                f"user.{kind}.BTC-PERPETUAL.raw" for kind in ("orders", "trades", "changes")
            ]
            channels.append("user.portfolio.btc")
            refused = await asking.ask("private/subscribe", {"channels": channels})
            assert refused["error"]["code"] == 13009
            await asking.log_in()
            reply = await asking.ask("private/subscribe", {"channels": channels})
            assert reply["result"] == channels
            market = {"instrument_name": NAME, "amount": 10, "type": "market"}
            await asking.ask("private/buy", market)
            received: dict[str, Any] = {}
            while set(received) != set(channels):
                message = await socket.receive_json(timeout=20)
                received[message["params"]["channel"]] = message["params"]["data"]
            assert received[channels[0]]["order_state"] == "filled"
            assert received[channels[1]][0]["amount"] == 10.0
            assert received[channels[2]]["positions"][0]["size"] == 10.0
            assert received[channels[3]]["currency"] == "BTC"


async def test_candles_are_the_sums_of_the_trades() -> None:
    async with simulated_venues() as (session, base):
        begin = int(time.time()) // 60 * 60_000 - 120_000
        span = {"instrument_name": NAME, "start_timestamp": begin, "end_timestamp": begin + 59_999}
        candles = await post(
            session, base, "public/get_tradingview_chart_data", span | {"resolution": "1"}
        )
        page = await post(
            session,
            base,
            "public/get_last_trades_by_instrument_and_time",
            span | {"count": 1000, "sorting": "asc"},
        )
        trades, result = page["result"]["trades"], candles["result"]
        assert len(trades) == 60 and result["ticks"] == [begin]
        prices = [trade["price"] for trade in trades]
        ends = [result[name][0] for name in ("open", "high", "low", "close")]
        assert ends == [prices[0], max(prices), min(prices), prices[-1]]
        assert result["cost"][0] == sum(trade["amount"] for trade in trades)

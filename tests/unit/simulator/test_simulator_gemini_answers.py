"""Every address of the simulated Gemini: good calls, bad values; addresses that no venue has.

Shapes are those of docs.gemini.com.
"""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession

from streaming.simulator.gemini_calls import CALLS, PUBLIC, UNSUPPORTED, GeminiCall
from streaming.simulator.gemini_parameters import GeminiParam, read_any, read_text
from tests.support.simulated_gemini import ORDER, post_gemini, sign_gemini
from tests.support.simulated_venues import differences, simulated_venues


def fields(text: str, kind: type) -> dict[str, Any]:
    return dict.fromkeys(text.split(), kind)


LEVEL = fields("price amount timestamp", str)
DETAILS = fields("symbol base_currency quote_currency min_order_size status", str) | fields(
    "tick_size quote_increment", float
)
ORDER_FIELDS = (
    fields("order_id id symbol exchange avg_execution_price side type timestamp", str)
    | fields("executed_amount price original_amount remaining_amount", str)
    | fields("is_live is_cancelled is_hidden was_forced", bool)
    | {"timestampms": int, "options": [str]}
)
MY_TRADE = (
    fields("price amount type fee_currency fee_amount order_id exchange symbol", str)
    | fields("timestamp timestampms tid", int)
    | fields("aggressor is_auction_fill", bool)
)
NOTIONAL = {"notional_volume": float}
VOLUME = fields("symbol base_currency notional_currency data_date", str) | fields(
    "total_volume_base buy_maker_base sell_taker_notional", float
)
CANCELLED = {"result": "ok", "details": {"cancelledOrders": [int], "cancelRejects": []}}
SHAPES: dict[str, Any] = {
    "/v1/symbols": [str],
    "/v1/symbols/details/all": [DETAILS],
    "/v1/symbols/details/{symbol}": DETAILS,
    "/v1/network/{token}": {"token": "BTC", "network": ["bitcoin"]},
    "/v1/feepromos": {"symbols": []},
    "/v1/pricefeed": [{"pair": str, "price": str, "percentChange24h": str}],
    "/v1/pubticker/{symbol}": fields("bid ask last", str)
    | {"volume": {"BTC": str, "USD": str, "timestamp": int}},
    "/v2/ticker/{symbol}": fields("symbol open high low close bid ask", str) | {"changes": [str]},
    "/v1/book/{symbol}": {"bids": [LEVEL], "asks": [LEVEL]},
    "/v1/trades/{symbol}": [fields("price amount exchange type", str) | {"tid": int}],
    "/v2/candles/{symbol}/{frame}": [[int, float, float, float, float, float]],
    "/v1/auction/{symbol}": fields("next_auction_ms next_update_ms last_auction_eid", int),
    "/v1/auction/{symbol}/history": [
        fields("auction_price auction_quantity highest_bid_price lowest_ask_price", str)
        | fields("collar_price auction_result event_type", str)
        | fields("auction_id eid timestamp timestampms", int)
    ],
    "/v1/order/new": ORDER_FIELDS,
    "/v1/order/status": ORDER_FIELDS,
    "/v1/order/cancel": ORDER_FIELDS | {"is_live": False, "reason": "Requested"},
    "/v1/order/cancel/all": CANCELLED,
    "/v1/order/cancel/session": CANCELLED,
    "/v1/orders": [ORDER_FIELDS | {"is_live": True}],
    "/v1/orders/history": [ORDER_FIELDS | {"is_live": False}],
    "/v1/mytrades": [MY_TRADE],
    "/v1/tradevolume": [[VOLUME]],
    "/v1/notionalvolume": fields("date", str)
    | fields("last_updated_ms web_maker_fee_bps fix_auction_fee_bps block_taker_fee_bps", int)
    | fields("api_maker_fee_bps api_taker_fee_bps api_auction_fee_bps", int)
    | {"notional_30d_volume": float, "notional_1d_volume": [{"date": str} | NOTIONAL]},
    "/v1/heartbeat": {"result": "ok"},
    "/v1/balances": [fields("type currency amount available availableForWithdrawal", str)],
    "/v1/notionalbalances/{currency}": [
        fields("currency amount available availableForWithdrawal amountNotional", str)
        | fields("availableNotional availableForWithdrawalNotional", str)
    ],
    "/v1/transfers": [],
    "/v1/custodyaccountfees": [],
    "/v1/addresses/{network}": [],
    "/v1/account": {"account": {"accountName": str, "shortName": str}, "users": [dict]},
    "/v1/roles": {"isAuditor": False, "isFundManager": False, "isTrader": True},
}
BY_PATH = {call.path: call for call in CALLS}
MALFORMED = ("-1", "1.5", "", "&%$ü", "9" * 40, "nosuch")


async def ask(
    session: ClientSession, base: str, call: GeminiCall, params: dict[str, Any]
) -> tuple[int, Any]:
    """Status and JSON of a call; parameters in braces go into the path."""
    in_path = {param.name for param in call.params if f"{{{param.name}}}" in call.path}
    path = call.path.format(**{name: params[name] for name in in_path})
    others = {name: value for name, value in params.items() if name not in in_path}
    if call.signed:
        return await post_gemini(session, base, path, **others)
    async with session.get(base + path, params=others) as reply:
        return reply.status, await reply.json()


def good_params(call: GeminiCall) -> dict[str, Any]:
    """What a call needs: what stands in its path, an order for a new one."""
    wanted = [param for param in call.params if f"{{{param.name}}}" in call.path]
    return {param.name: param.example for param in wanted} | (
        ORDER if call.path == "/v1/order/new" else {}
    )


async def place_two(session: ClientSession, base: str) -> dict[str, Any]:
    """Place one order that fills and one that rests; gives the parameters that name it."""
    taking = ORDER | {"price": "1e6", "amount": "0.001"}
    status, filled = await post_gemini(session, base, "/v1/order/new", **taking)
    assert (status, float(filled["remaining_amount"])) == (200, 0)
    _, order = await post_gemini(session, base, "/v1/order/new", **ORDER, client_order_id="mine")
    assert order["is_live"]
    return {"order_id": order["order_id"]}


def test_every_address_has_a_documented_shape() -> None:
    assert set(SHAPES) == set(BY_PATH)


@pytest.mark.parametrize("path", SHAPES)
async def test_a_good_call_has_the_documented_fields(path: str) -> None:
    async with simulated_venues() as (session, base):
        named = await place_two(session, base)
        names = {param.name for param in BY_PATH[path].params} & set(named)
        params = good_params(BY_PATH[path]) | {name: named[name] for name in names}
        status, reply = await ask(session, base, BY_PATH[path], params)
        assert (status, differences(SHAPES[path], reply)) == (200, [])
        assert reply or SHAPES[path] in ([], {})
        if path in ("/v1/order/cancel/all", "/v1/order/cancel/session"):
            assert reply["details"]["cancelledOrders"] == [int(named["order_id"])]
            assert await post_gemini(session, base, "/v1/orders") == (200, [])


@pytest.mark.parametrize("path", SHAPES)
async def test_each_parameter_is_taken_and_a_malformed_one_is_refused(path: str) -> None:
    call = BY_PATH[path]
    async with simulated_venues() as (session, base):
        await place_two(session, base)
        for param in call.params:
            params = good_params(call) | {param.name: param.example}
            params |= {"client_order_id": "mine"} if param.name == "include_trades" else {}
            if param.name != "order_id":
                status, reply = await ask(session, base, call, params)
                assert status == 200, (param.name, reply)
            for value in bad_values(call, param):
                status, reply = await ask(session, base, call, params | {param.name: value})
                assert status == 400 or (status == 404 and not value), (param, value, reply)
                assert (reply["result"], bool(reply["message"])) == ("error", True)


def bad_values(call: GeminiCall, param: GeminiParam) -> list[Any]:
    if param.name == "options":
        return ["x", [{}], ["nosuch"], ["fill-or-kill"] * 2]
    if param.name == "client_order_id" or param.read is read_text:
        return [5, "x" * 101] if param.read is read_any else [5]
    texts = [text for text in MALFORMED if text or f"{{{param.name}}}" not in call.path]
    if param.name in ("price", "stop_price", "amount"):
        texts = [text for text in texts if text != "1.5"] + ["NaN", "1e40", "Infinity", "0"]
    return [*texts, *([None, [], {}] if call.signed and "{" not in call.path else [])]


@pytest.mark.parametrize("call", UNSUPPORTED, ids=lambda call: f"{call.method} {call.path}")
async def test_what_is_not_simulated_is_refused_in_the_sandboxs_words(call: GeminiCall) -> None:
    async with simulated_venues() as (session, base):
        names = {"currency": "btc", "network": "bitcoin", "symbol": "btcusd", "frame": "1m"}
        path = call.path.replace(":.+", "").format(timestamp=1, token="btc", path="x/y", **names)
        if call.signed:
            status, reply = await post_gemini(session, base, path)
        else:
            async with session.get(base + path) as answer:
                status, reply = answer.status, await answer.json()
        assert (status, reply["reason"]) == (403, "EndpointUnavailableInThisEnvironment")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("X-GEMINI-APIKEY", "MissingApikeyHeader"),
        ("X-GEMINI-PAYLOAD", "MissingPayloadHeader"),
        ("X-GEMINI-SIGNATURE", "MissingSignatureHeader"),
    ],
)
async def test_a_request_that_is_not_signed_is_refused(header: str, reason: str) -> None:
    async with simulated_venues() as (session, base):
        headers = sign_gemini("/v1/balances")
        for changed in (None, "ü", "not-valid"):
            sent = {name: value for name, value in headers.items() if name != header}
            sent |= {} if changed is None else {header: changed}
            async with session.post(f"{base}/v1/balances", headers=sent) as reply:
                refused = (await reply.json())["reason"]
                assert reply.status == 400 and refused.startswith(("Invalid", reason))
                assert changed or refused == reason


@pytest.mark.parametrize("nonce", ["soon", None, float("inf"), [], -5])
async def test_a_nonce_that_is_none_is_refused(nonce: Any) -> None:
    async with simulated_venues() as (session, base):
        status, reply = await post_gemini(session, base, "/v1/balances", nonce=nonce)
        assert (status, reply["reason"]) == (400, "InvalidNonce")


async def test_the_account_is_valued_in_another_currency_at_the_last_price() -> None:
    async with simulated_venues() as (session, base):
        taking = ORDER | {"price": "1e6", "amount": "0.001"}
        _, filled = await post_gemini(session, base, "/v1/order/new", **taking)
        feed, *_ = (await ask(session, base, BY_PATH["/v1/pricefeed"], {}))[1]
        _, rows = await post_gemini(session, base, "/v1/notionalbalances/usd")
        bitcoin, _, _, dollars = rows
        assert float(dollars["amountNotional"]) == pytest.approx(float(dollars["amount"]))
        worth = float(bitcoin["amountNotional"]) / float(bitcoin["amount"])
        assert worth == pytest.approx(float(feed["price"]), rel=0.001)
        _, rows = await post_gemini(session, base, "/v1/notionalbalances/btc")
        assert rows[0]["amountNotional"] == "0.00100000"
        _, fees = await post_gemini(session, base, "/v1/notionalvolume")
        paid = float(filled["executed_amount"]) * float(filled["avg_execution_price"])
        assert fees["notional_30d_volume"] == pytest.approx(paid)


async def test_limits_and_times_choose_the_rows() -> None:
    async with simulated_venues() as (session, base):
        await place_two(session, base)
        for side in ("bids", "asks"):
            params = {"symbol": "BTCUSD", f"limit_{side}": 3}
            _, book = await ask(session, base, BY_PATH["/v1/book/{symbol}"], params)
            assert len(book[side]) == 3
        for path in ("/v1/mytrades", "/v1/orders/history"):
            assert len((await post_gemini(session, base, path))[1]) == 1
            late = await post_gemini(session, base, path, timestamp=99_999_999_999)
            assert late == (200, [])


async def test_a_history_is_walked_from_the_highest_time_of_the_page_before() -> None:
    """The steps of docs.gemini.com, "List past trades", until an empty page."""
    async with simulated_venues() as (session, base):
        for price in ("200000.00", "200001.00", "200002.00"):
            await post_gemini(session, base, "/v1/order/new", **ORDER | {"price": price})
            await asyncio.sleep(0.01)
        for path, limit, number in (
            ("/v1/mytrades", "limit_trades", "tid"),
            ("/v1/orders/history", "limit_orders", "order_id"),
        ):
            _, newest = await post_gemini(session, base, path)
            numbers, since, page = list[int](), 0, [{}]
            while page:
                _, page = await post_gemini(session, base, path, timestamp=since, **{limit: 1})
                numbers += [int(row[number]) for row in page]
                since = page[0]["timestampms"] + 1 if page else since
            assert numbers == [int(row[number]) for row in newest][::-1] and len(numbers) >= 3
        async with session.get(f"{base}/v1/trades/btcusd?limit_trades=500") as reply:
            trades = await reply.json()
        params = {"timestamp": trades[-1]["timestampms"], "limit_trades": 1}
        async with session.get(f"{base}/v1/trades/btcusd", params=params) as reply:
            assert [row["tid"] for row in await reply.json()] == [trades[-1]["tid"]]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/nosuch", "reason"),
        ("/v2/nosuch", "reason"),
        ("/api/v2/nosuch/", "reason"),
        ("/api/v3/nosuch", "code"),
        ("/0/public/Nosuch", "error"),
        ("/products/BTC-USD/nosuch", "message"),
        ("/data/nosuch", "Message"),
    ],
)
async def test_an_address_that_no_venue_has_is_refused_as_json(path: str, name: str) -> None:
    async with simulated_venues() as (session, base):
        for method in ("GET", "POST"):
            async with session.request(method, base + path) as reply:
                assert name in await reply.json()


async def test_a_private_address_takes_no_get_and_a_public_one_no_post() -> None:
    async with simulated_venues() as (session, base):
        for call in CALLS[:: len(PUBLIC) - 1]:
            method = "GET" if call.signed else "POST"
            async with session.request(method, base + call.path) as reply:
                assert (await reply.json())["reason"] == "EndpointNotFound"

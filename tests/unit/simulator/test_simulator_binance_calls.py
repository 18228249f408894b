"""Every address of the simulated Binance: good calls, bad symbols, malformed parameters.

Shapes are those of Binance's documents (rest-api.md, web-socket-api.md).
"""

import time
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from yarl import URL

from streaming.simulator.binance_calls import CALLS, PUBLIC, Call
from streaming.simulator.binance_parameters import read_text
from tests.support.simulated_venues import differences, sign_binance, simulated_venues

LEVEL = [str, str]


def fields(text: str, kind: type) -> dict[str, type]:
    return dict.fromkeys(text.split(), kind)


TRADE = (
    fields("id time", int)
    | fields("price qty quoteQty", str)
    | fields("isBuyerMaker isBestMatch", bool)
)
AGGREGATE = fields("a f l T", int) | fields("p q", str) | fields("m M", bool)
KLINE = [int, str, str, str, str, str, int, str, int, str, str, str]
MINI = fields("symbol openPrice highPrice lowPrice lastPrice volume quoteVolume", str) | fields(
    "openTime closeTime firstId lastId count", int
)
WINDOW = MINI | fields("priceChange priceChangePercent weightedAvgPrice", str)
DAY = WINDOW | fields("prevClosePrice lastQty bidPrice bidQty askPrice askQty", str)
LIMIT = fields("rateLimitType interval", str) | fields("intervalNum limit", int)
SYMBOL = (
    fields("symbol status baseAsset quoteAsset defaultSelfTradePreventionMode", str)
    | fields("baseAssetPrecision quotePrecision quoteAssetPrecision", int)
    | fields("baseCommissionPrecision quoteCommissionPrecision", int)
    | fields("icebergAllowed ocoAllowed otoAllowed quoteOrderQtyMarketAllowed", bool)
    | fields("allowTrailingStop cancelReplaceAllowed amendAllowed isSpotTradingAllowed", bool)
    | fields("isMarginTradingAllowed", bool)
    | {"orderTypes": [str], "filters": [{"filterType": str}], "permissions": [str]}
    | {"permissionSets": [[str]], "allowedSelfTradePreventionModes": [str]}
)
INFO = {
    "timezone": "UTC",
    "serverTime": int,
    "rateLimits": [LIMIT],
    "exchangeFilters": [],
    "symbols": [SYMBOL],
}
ACK = fields("symbol clientOrderId", str) | fields("orderId orderListId", int)
AMOUNTS = fields(
    "price origQty executedQty cummulativeQuoteQty status timeInForce type side"
    " selfTradePreventionMode",
    str,
)
ORDER = ACK | AMOUNTS | fields("time updateTime workingTime", int) | {"isWorking": bool}
COMMISSION = fields("commission commissionAsset", str)
FILL = COMMISSION | fields("price qty", str) | {"tradeId": int}
MY_TRADE = (
    COMMISSION
    | fields("price qty quoteQty symbol", str)
    | fields("isBuyer isMaker isBestMatch", bool)
    | fields("id orderId orderListId time", int)
)
NEW_ORDER = ACK | AMOUNTS | {"transactTime": int, "fills": [FILL]}
CANCELLED = ACK | AMOUNTS | {"origClientOrderId": str, "transactTime": int}
RATES = fields("maker taker", str)
ORDER_LIST = (
    fields("contingencyType listStatusType listOrderStatus listClientOrderId symbol", str)
    | fields("orderListId transactionTime", int)
    | {"orders": [fields("symbol clientOrderId", str) | {"orderId": int}]}
)
PLACED_LIST = ORDER_LIST | {"orderReports": [ACK | AMOUNTS | {"transactTime": int}]}
SHAPES: dict[str, Any] = {
    "ping": {},
    "time": {"serverTime": int},
    "exchangeInfo": INFO,
    "depth": {"lastUpdateId": int, "bids": [LEVEL], "asks": [LEVEL]},
    "trades.recent": [TRADE],
    "trades.historical": [TRADE],
    "trades.aggregate": [AGGREGATE],
    "klines": [KLINE],
    "uiKlines": [KLINE],
    "avgPrice": {"mins": 5, "price": str, "closeTime": int},
    "ticker.24hr": DAY,
    "ticker.tradingDay": WINDOW,
    "ticker": WINDOW,
    "ticker.price": fields("symbol price", str),
    "ticker.book": fields("symbol bidPrice bidQty askPrice askQty", str),
    "executionRules": {"symbolRules": [{"symbol": str, "rules": []}]},
    "referencePrice": {"symbol": str, "referencePrice": str, "timestamp": int},
    "referencePrice.calculation": {"calculationType": "ARITHMETIC_MEAN", "bucketCount": int},
    "blockTrades.historical": [],
    "myFilters": {"exchangeFilters": [], "symbolFilters": [{"filterType": str}]},
    "order.place": NEW_ORDER,
    "order.test": {},
    "order.status": ORDER,
    "order.cancel": CANCELLED,
    "order.amend.keepPriority": {
        "transactTime": int,
        "executionId": int,
        "amendedOrder": {"orderId": 1, "qty": "0.00050000", "status": "NEW", "workingTime": int},
    },
    "order.amendments": [],
    "openOrders.cancelAll": [CANCELLED],
    "order.cancelReplace": {
        "cancelResult": "SUCCESS",
        "newOrderResult": "SUCCESS",
        "cancelResponse": CANCELLED,
        "newOrderResponse": NEW_ORDER,
    },
    "openOrders.status": [ORDER],
    "allOrders": [ORDER],
    "myTrades": [
        {**COMMISSION, "id": int}
        | fields("price qty quoteQty symbol", str)
        | fields("isBuyer isMaker", bool)
    ],
    "account.status": {
        "balances": [fields("asset free locked", str)],
        "canTrade": True,
        "commissionRates": RATES,
        "accountType": "SPOT",
        "permissions": ["SPOT"],
    },
    "account.commission": {"symbol": str, "standardCommission": RATES, "taxCommission": RATES},
    "account.rateLimits.orders": [LIMIT | {"count": int}],
    "myPreventedMatches": [],
    "myAllocations": [],
    "openOrderLists.status": [ORDER_LIST],
    "allOrderLists": [ORDER_LIST],
    **{f"orderList.place{way}": PLACED_LIST for way in ("", ".oco", ".oto", ".otoco")},
    "orderList.cancel": ORDER_LIST | {"orderReports": [CANCELLED]},
    "orderList.status": ORDER_LIST,
    "/fapi/v1/ping": {},
    "/dapi/v1/ping": {},
    "/fapi/v1/time": {"serverTime": int},
    "/dapi/v1/time": {"serverTime": int},
    "/fapi/v1/exchangeInfo": {"serverTime": int, "symbols": [], "assets": []},
    "/dapi/v1/exchangeInfo": {"serverTime": int, "symbols": [], "assets": []},
    "/sapi/v1/capital/config/getall": [{"coin": str, "networkList": [], "free": str}],
    "/sapi/v1/system/status": {"status": 0, "msg": "normal"},
    "/sapi/v1/account/status": {"data": "Normal"},
    "/sapi/v1/account/apiTradingStatus": {"data": {"isLocked": False, "updateTime": int}},
    "/sapi/v1/account/apiRestrictions": {"enableReading": True, "enableWithdrawals": False},
    "/sapi/v1/asset/tradeFee": [fields("symbol makerCommission takerCommission", str)],
    "/sapi/v1/account/info": {"vipLevel": 0, "isMarginEnabled": False},
    "/sapi/v3/asset/getUserAsset": [
        fields("asset free locked freeze withdrawing ipoable btcValuation", str)
    ],
    "/sapi/v1/asset/get-funding-asset": [],
    "/sapi/v1/asset/wallet/balance": [{"activate": bool, "balance": str, "walletName": str}],
    "/sapi/v1/asset/dribblet": {"total": 0, "userAssetDribblets": []},
    "/sapi/v1/asset/assetDividend": {"rows": [], "total": 0},
    "/sapi/v1/capital/deposit/hisrec": [],
    "/sapi/v1/capital/withdraw/history": [],
    "/sapi/v1/margin/allPairs": [],
    "/sapi/v1/margin/isolated/allPairs": [],
}
RESTING = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"} | {
    "quantity": "0.001",
    "price": "60000.00",
}
# what a call needs beyond its mandatory parameters' examples
EXTRA = {
    "order.place": {"quantity": "0.001"},
    "order.test": {"quantity": "0.001"},
    "order.status": {"orderId": "1"},
    "order.cancel": {"orderId": "1"},
    "order.amend.keepPriority": {"orderId": "1"},
    "order.cancelReplace": {"quantity": "0.001", "cancelOrderId": "1"},
    "orderList.place.oco": {
        "side": "SELL",
        "abovePrice": "200000",
        "belowType": "STOP_LOSS",
        "belowStopPrice": "20000",
    },
    "orderList.place.oto": {
        "workingPrice": "60000",
        "workingTimeInForce": "GTC",
        "pendingType": "MARKET",
    },
    "orderList.place.otoco": {
        "workingPrice": "60000",
        "workingTimeInForce": "GTC",
        "pendingSide": "SELL",
        "pendingAbovePrice": "90000",
    },
    "orderList.place": {"side": "SELL", "price": "200000", "stopPrice": "20000"},
    "orderList.cancel": {"orderListId": "1"},
    "orderList.status": {"orderListId": "1"},
    "ticker": {"symbol": "BTCUSDT"},
    "ticker.24hr": {"symbol": "BTCUSDT"},
    "ticker.tradingDay": {"symbol": "BTCUSDT"},
    "ticker.price": {"symbol": "BTCUSDT"},
    "ticker.book": {"symbol": "BTCUSDT"},
}
BY_NAME = {call.name or call.path: call for call in CALLS}
NAMES = list(BY_NAME)
MALFORMED = ("-1", "1e5", "", "&%$ü", "9" * 40)


async def ask(session: Any, base: str, call: Call, params: dict[str, str]) -> tuple[int, Any, Any]:
    """Status, JSON and headers of a REST call."""
    query = sign_binance(params, int(time.time() * 1000)) if call.signed else urlencode(params)
    url = URL(f"{base}{call.path}?{query}", encoded=True)
    headers = {"X-MBX-APIKEY": "account-k"} if call.signed else {}
    async with session.request(call.method, url, headers=headers) as reply:
        assert reply.content_type == "application/json", await reply.text()
        return reply.status, await reply.json(), reply.headers


def good_params(name: str) -> dict[str, str]:
    mandatory = {param.name: param.example for param in BY_NAME[name].params if param.mandatory}
    return mandatory | EXTRA.get(name, {})


async def place_resting_and_filled(session: Any, base: str) -> None:
    status, order, _ = await ask(session, base, BY_NAME["order.place"], RESTING)
    assert (status, order["orderId"], order["status"]) == (200, 1, "NEW")
    market = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "50"}
    status, order, _ = await ask(session, base, BY_NAME["order.place"], market)
    assert (status, order["status"], order["fills"] != []) == (200, "FILLED", True)
    assert 49 < Decimal(order["cummulativeQuoteQty"]) <= 50


def test_every_address_has_a_documented_shape() -> None:
    assert set(SHAPES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
async def test_a_good_call_has_the_documented_fields(name: str) -> None:
    async with simulated_venues() as (session, base):
        await place_resting_and_filled(session, base)
        if "List" in name and "place" not in name:
            oco = BY_NAME["orderList.place.oco"]
            assert (await ask(session, base, oco, good_params(oco.name)))[0] == 200
        call = BY_NAME[name]
        status, reply, headers = await ask(session, base, call, good_params(name))
        assert status == 200, reply
        assert differences(SHAPES[name], reply) == []
        assert int(headers["X-MBX-USED-WEIGHT"]) > 0 and "X-MBX-USED-WEIGHT-1M" in headers
        assert isinstance(SHAPES[name], dict) or SHAPES[name] == [] or reply


@pytest.mark.parametrize("name", [call.name or call.path for call in PUBLIC])
async def test_each_optional_parameter_is_taken(name: str) -> None:
    call = BY_NAME[name]
    async with simulated_venues() as (session, base):
        for param in call.params:
            params = good_params(name) | {param.name: param.example}
            if param.name == "symbols":
                params.pop("symbol", None)
            status, reply, _ = await ask(session, base, call, params)
            assert status == 200, (param.name, reply)


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_malformed_missing_or_unknown_is_refused_in_binances_words(name: str) -> None:
    call = BY_NAME[name]
    async with simulated_venues() as (session, base):
        for param in call.params:
            for text in MALFORMED if param.read is not read_text else MALFORMED[-2:]:
                status, reply, _ = await ask(
                    session, base, call, good_params(name) | {param.name: text}
                )
                is_valid = (param.name, text) == ("timeZone", "-1")
                assert is_valid or (status == 400 and reply["code"] <= -1013), (param, text, reply)
            if param.mandatory:
                params = good_params(name)
                del params[param.name]
                status, reply, _ = await ask(session, base, call, params)
                message = f"Mandatory parameter '{param.name}' was not sent"
                assert (status, reply["code"]) == (400, -1102) and message in reply["msg"]
            if param.name == "symbol":
                params = good_params(name) | {"symbol": "NOSUCHPAIR"}
                status, reply, _ = await ask(session, base, call, params)
                assert (status, reply) == (400, {"code": -1121, "msg": "Invalid symbol."}), name
        status, reply, _ = await ask(session, base, call, good_params(name) | {"nosuch": "1"})
        assert (status, reply["code"] in {-1101, -1104}) == (400, True)
        for path in (f"{call.path}/nosuch", f"{call.path}Nosuch"):
            async with session.get(base + path) as unknown:
                body = await unknown.json()
                assert unknown.status == 404
                assert body == {"code": -5000, "msg": f"Path {path}, Method GET is invalid"}


async def test_rules_are_of_symbols_or_of_a_status_but_not_of_both() -> None:
    async with simulated_venues() as (session, base):

        async def rules(query: str) -> Any:
            async with session.get(f"{base}/api/v3/executionRules?{query}") as reply:
                return reply.status, await reply.json(), reply.headers["X-MBX-USED-WEIGHT"]

        status, named, weight = await rules("symbol=BTCUSDT")
        assert (status, named["symbolRules"], weight) == (
            200,
            [{"symbol": "BTCUSDT", "rules": []}],
            "2",
        )
        assert (await rules("symbolStatus=HALT"))[1] == {"symbolRules": []}
        status, refused, _ = await rules("symbol=BTCUSDT&symbolStatus=TRADING")
        assert (status, refused["code"]) == (400, -1128)


async def test_the_reference_price_is_the_mean_that_its_calculation_says() -> None:
    async with simulated_venues() as (session, base):
        url = f"{base}/api/v3/referencePrice"
        async with session.get(f"{url}/calculation?symbol=BTCUSDT") as reply:
            calculation = await reply.json()
        assert (calculation["bucketCount"], calculation["bucketWidthMs"]) == (10, 1000)
        async with session.get(f"{url}?symbol=BTCUSDT") as reply:
            mean = await reply.json()
        ends = f"startTime={mean['timestamp'] - 9000}&endTime={mean['timestamp']}"
        candles = f"{base}/api/v3/klines?symbol=BTCUSDT&interval=1s&{ends}"
        async with session.get(candles) as reply:
            closes = [Decimal(row[4]) for row in await reply.json()]
        assert len(closes) == 10  # each a cent from the middle price at most
        assert abs(sum(closes) / 10 - Decimal(mean["referencePrice"])) <= Decimal("0.011")

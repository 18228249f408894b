"""The simulated Binance's stop orders and order lists, second by second, and their events.

Prices are those of the ticker. typed-binance demands fields of each report (`v`, `W`) that Binance
gives only where they apply, so it does not validate the events.
"""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from streaming.simulator import binance_account_answers as private
from streaming.simulator import binance_list_answers as lists
from streaming.simulator.binance_account import BinanceAccount
from streaming.simulator.binance_parameters import BinanceError
from streaming.simulator.binance_venue import BinanceVenue
from streaming.simulator.clock import Clock
from streaming.simulator.json_fields import Fields
from streaming.simulator.price_path import make_paths
from tests.support.client_libraries import import_client
from tests.support.simulated_venues import SECRET, simulated_venues

AT_MS = 1_750_000_000_000
BTC = "BTCUSDT"
ORDER = {"symbol": BTC, "side": "SELL", "quantity": Decimal("0.01")}


class BinanceHours:
    """An account whose time passes by the second."""

    def __init__(self) -> None:
        self.ms = AT_MS
        self.clock = Clock(lambda: self.ms * 1000)
        self.account = BinanceAccount(BinanceVenue(make_paths(7), self.clock))

    def last(self) -> Decimal:
        return self.account.last_price(BTC, self.ms)

    def tick(self) -> Decimal:
        self.ms += 1000
        self.account.fill_resting()
        return self.last()

    def order(self, number: int) -> Fields:
        return private.order_status(self.account, {"symbol": BTC, "orderId": number})

    def statuses(self) -> list[str]:
        orders = sorted(self.account.matching.orders)
        return [self.order(number)["status"] for number in orders]

    def list_events(self) -> list[tuple[str, str]]:
        return [(e["l"], e["L"]) for e in self.account.events if e["e"] == "listStatus"]


@pytest.mark.parametrize(
    ("side", "kind", "sign"),
    [
        ("BUY", "STOP_LOSS", 1),
        ("SELL", "STOP_LOSS", -1),
        ("BUY", "TAKE_PROFIT", -1),
        ("SELL", "TAKE_PROFIT", 1),
    ],
)
def test_a_stop_order_is_executed_in_the_first_second_at_its_price(
    side: str, kind: str, sign: int
) -> None:
    hours = BinanceHours()
    stop = hours.last() + sign * 40
    values = ORDER | {"side": side, "type": kind, "stopPrice": stop}
    placed = private.new_order(hours.account, values)
    assert set(placed) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    waiting = hours.order(1)
    assert (waiting["status"], waiting["isWorking"], waiting["workingTime"]) == ("NEW", False, -1)
    while (hours.last() - stop) * sign < 0:
        assert hours.statuses() == ["NEW"]
        hours.tick()
    done = hours.order(1)
    assert (done["status"], done["isWorking"]) == ("FILLED", True)
    assert done["workingTime"] == hours.ms
    reports = [e["x"] for e in hours.account.events if e["e"] == "executionReport"]
    assert reports[0] == "NEW" and set(reports[1:]) == {"TRADE"}


def oco(hours: BinanceHours, **more: Any) -> Fields:
    last = hours.last()
    values = ORDER | {
        "aboveType": "LIMIT_MAKER",
        "abovePrice": last + 60,
        "belowType": "STOP_LOSS_LIMIT",
        "belowStopPrice": last - 60,
        "belowPrice": last - 3000,
        "belowTimeInForce": "GTC",
    }
    return lists.place_oco(hours.account, values | more)


def test_of_an_oco_one_order_ends_the_other() -> None:
    hours, first = BinanceHours(), BinanceHours()
    first.account.balances["BTC"] = Decimal("0.01")  # as much as one of the two needs
    placed = oco(first)
    assert [r["type"] for r in placed["orderReports"]] == ["STOP_LOSS_LIMIT", "LIMIT_MAKER"]
    assert first.account.available_balance("BTC") == 0
    level, (low, high) = first.last(), (first.last() - 60, first.last() + 60)
    while low < level < high and first.statuses() == ["NEW", "NEW"]:
        level = first.tick()
    stopped = level <= low
    assert first.statuses() == (["FILLED", "EXPIRED"] if stopped else ["EXPIRED", "FILLED"])
    loser = first.order(2 if stopped else 1)
    assert loser["expiryReason"] == "OCO_TRIGGER"
    assert first.list_events() == [("EXEC_STARTED", "EXECUTING"), ("ALL_DONE", "ALL_DONE")]

    oco(hours, listClientOrderId="mine")
    assert lists.open_lists(hours.account, {})[0]["listClientOrderId"] == "mine"
    private.cancel_order(hours.account, {"symbol": BTC, "orderId": 1})
    assert hours.statuses() == ["CANCELED", "CANCELED"]
    assert lists.open_lists(hours.account, {}) == []
    status = lists.list_status(hours.account, {"origClientOrderId": "mine"})
    assert status["listOrderStatus"] == "ALL_DONE"


def test_of_an_oto_the_pending_orders_are_placed_once_the_working_one_is_filled() -> None:
    hours = BinanceHours()
    last = hours.last()
    working: Fields = {"workingType": "LIMIT", "workingSide": "BUY", "workingTimeInForce": "GTC"}
    working |= {"workingPrice": last - 40, "workingQuantity": Decimal("0.02")}
    values = {"symbol": BTC, **working, "pendingSide": "SELL", "pendingQuantity": Decimal("0.01")}
    values |= {"pendingAboveType": "TAKE_PROFIT", "pendingAboveStopPrice": last + 20}
    values |= {"pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": last - 5000}
    placed = lists.place_otoco(hours.account, values)
    assert placed["contingencyType"] == "OTO"
    reports = [(r["status"], "workingTime" in r) for r in placed["orderReports"]]
    assert reports == [("NEW", True), ("PENDING_NEW", False), ("PENDING_NEW", False)]
    while hours.statuses() == ["NEW", "PENDING_NEW", "PENDING_NEW"]:
        hours.tick()
    assert hours.statuses() == ["FILLED", "NEW", "NEW"]
    while hours.statuses() == ["FILLED", "NEW", "NEW"]:
        hours.tick()
    assert hours.statuses() == ["FILLED", "EXPIRED", "FILLED"]
    assert hours.list_events()[-1] == ("ALL_DONE", "ALL_DONE")

    at_once = values | {"workingPrice": last + 1000, "workingType": "LIMIT"}
    placed = lists.place_otoco(hours.account, at_once | {"pendingAboveStopPrice": last - 9})
    assert [r["status"] for r in placed["orderReports"]] == ["FILLED"] + ["PENDING_NEW"] * 2
    assert hours.order(6)["expiryReason"] == "REJECTED"  # its stop price is reached already

    unfilled = working | {"workingPrice": last - 5000, "workingTimeInForce": "IOC"}
    pending = {"pendingType": "MARKET", "pendingSide": "SELL", "pendingQuantity": Decimal("0.01")}
    lists.place_oto(hours.account, {"symbol": BTC, **unfilled, **pending})
    assert hours.order(8)["expiryReason"] == "OTO_PHASE_ONE_EXPIRED"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"side": "BUY"}, -1165),
        ({"aboveType": "STOP_LOSS_LIMIT", "aboveTimeInForce": "GTC"}, -1197),
        ({"belowType": "LIMIT_MAKER"}, -1168),
        ({"belowType": "TAKE_PROFIT"}, -1199),
        ({"belowStopPrice": Decimal(500_000)}, -2010),
        ({"aboveTimeInForce": "GTC"}, -1106),
        ({"belowTrailingDelta": 100}, -2010),
        ({"abovePegPriceType": "PRIMARY_PEG"}, -2010),
        ({"selfTradePreventionMode": "EXPIRE_MAKER"}, -1013),
        ({"aboveClientOrderId": "x", "belowClientOrderId": "x"}, -2010),
        ({"quantity": Decimal(5)}, -2010),
        ({"belowStrategyType": 5}, -1134),
    ],
)
def test_a_list_that_cannot_be_placed_is_refused_whole(more: Fields, code: int) -> None:
    hours = BinanceHours()
    with pytest.raises(BinanceError) as refusal:
        oco(hours, **more)
    assert refusal.value.code == code, refusal.value
    assert not hours.account.matching.orders and not hours.account.lists


def check_python_binance(base: str) -> None:
    client = import_client("binance.client").Client("account-k", SECRET, ping=False)
    client.API_URL = f"{base}/api"
    last = round(float(client.get_symbol_ticker(symbol=BTC)["price"]))
    order = {"symbol": BTC, "side": "SELL", "quantity": "0.001"}
    placed = client.create_oco_order(
        **order,
        aboveType="LIMIT_MAKER",
        abovePrice=str(last + 5000),
        belowType="STOP_LOSS",
        belowStopPrice=str(last - 5000),
    )
    assert [row["orderId"] for row in placed["orders"]] == [1, 2]
    assert {row["orderListId"] for row in client.get_open_orders(symbol=BTC)} == {1}
    gone = client.v3_delete_order_list(symbol=BTC, orderListId=1)
    assert [row["status"] for row in gone["orderReports"]] == ["CANCELED"] * 2
    stop = client.create_order(
        **order, type="TAKE_PROFIT_LIMIT", timeInForce="GTC", price=str(last), stopPrice=last + 5000
    )
    assert client.get_order(symbol=BTC, orderId=stop["orderId"])["isWorking"] is False
    assert client.cancel_order(symbol=BTC, orderId=stop["orderId"])["status"] == "CANCELED"


async def test_python_binance_places_lists_and_stop_orders() -> None:
    async with simulated_venues() as (_, base):
        await asyncio.to_thread(check_python_binance, base)


async def test_typed_binance_gets_the_events_of_a_list_on_its_stream() -> None:
    async with simulated_venues() as (_, base), asyncio.timeout(60):
        urls = {"http": base, "ws": f"{base.replace('http', 'ws')}/ws-api/v3"}
        library = import_client("typed_binance").Binance
        async with library.new(
            api_key="account-k", secret_key=SECRET, urls={"spot": urls}
        ) as client:
            trading, kinds = client.spot.ws.trading, list[str]()
            above = {"above_type": "LIMIT_MAKER", "above_price": "200000.00"}
            below = {"below_type": "STOP_LOSS", "below_stop_price": "20000.00"}
            async with client.spot.ws.user_data.events(validate=False) as events:
                placed = await trading.order_list_place_oco(
                    symbol=BTC, side="SELL", quantity="0.01", **above, **below
                )
                await trading.order_list_cancel(symbol=BTC, order_list_id=placed["orderListId"])
                async for push in events:
                    kinds.append(push["event"]["e"])
                    if kinds.count("listStatus") == 2:
                        break
            assert kinds.count("executionReport") == 4
            assert [
                row["listOrderStatus"] for row in await client.spot.http.account.all_order_lists()
            ] == ["ALL_DONE"]

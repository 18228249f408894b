"""An amended order of the simulated Binance keeps its place with less quantity, or is refused.

What is refused with which words is of Binance's errors.md; typed-binance checks the answers.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.client_libraries import import_client
from tests.support.simulated_venues import SECRET, simulated_venues

BTC = "BTCUSDT"
ORDER = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}


@asynccontextmanager
async def spot() -> AsyncIterator[Any]:
    async with simulated_venues() as (_, base):
        sockets = base.replace("http", "ws")
        urls = {"http": base, "streams": f"{sockets}/stream", "ws": f"{sockets}/ws-api/v3"}
        client = import_client("typed_binance").Binance.new(
            api_key="account-k", secret_key=SECRET, urls={"spot": urls}
        )
        async with client as connected:
            yield connected.spot


def resting(quantity: str, client_id: str) -> dict[str, str]:
    return ORDER | {"quantity": quantity, "price": "60000.00", "newClientOrderId": client_id}


async def test_an_amendment_frees_money_and_is_listed() -> None:
    async with spot() as venue:
        trading, account = venue.http.trading, venue.http.account
        placed = await trading.order(resting("0.01", "first"))
        number = placed["orderId"]
        amended = await trading.amend_keep_priority(
            symbol=BTC, order_id=number, new_qty="0.004", new_client_order_id="second"
        )
        assert amended["amendedOrder"]["qty"] == "0.00400000"
        again = await venue.ws.trading.order_amend_keep_priority(
            symbol=BTC, orig_client_order_id="second", new_qty="0.003"
        )
        rows = await account.order_amendments(BTC, order_id=number)
        assert [(row["origClientOrderId"], float(row["newQty"])) for row in rows] == [
            ("first", 0.004),
            ("second", 0.003),
        ]
        assert [row["executionId"] for row in rows] == [
            amended["executionId"],
            again["executionId"],
        ]
        order = await account.order(symbol=BTC, order_id=number)
        assert (order["status"], float(order["origQty"])) == ("NEW", 0.003)
        balances = {
            row["asset"]: float(row["locked"]) for row in (await account.info())["balances"]
        }
        assert balances["USDT"] == pytest.approx(180)


REFUSED = {
    "more": ({"new_qty": "0.02"}, "quantity increase"),
    "as much": ({"new_qty": "0.01"}, "would change no state"),
    "no whole lot": ({"new_qty": "0.0000001"}, "LOT_SIZE"),
    "too little": ({"new_qty": "0.00002"}, "NOTIONAL"),
    "another's id": ({"new_qty": "0.005", "new_client_order_id": "other"}, "Duplicate order"),
    "no such order": ({"new_qty": "0.005", "order_id": 77}, "Unknown order"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_may_not_be_amended_is_refused_in_binances_words(name: str) -> None:
    changes, words = REFUSED[name]
    async with spot() as venue:
        placed = await venue.http.trading.order(resting("0.01", "first"))
        await venue.http.trading.order(resting("0.01", "other"))
        arguments = {"order_id": placed["orderId"]} | changes
        with pytest.raises(Exception, match=words):
            await venue.http.trading.amend_keep_priority(symbol=BTC, **arguments)
        assert await venue.http.account.order_amendments(BTC, order_id=placed["orderId"]) == []


async def test_an_order_is_amended_ten_times_at_most() -> None:
    async with spot() as venue:
        number = (await venue.http.trading.order(resting("0.02", "first")))["orderId"]
        for turn in range(10):
            await venue.http.trading.amend_keep_priority(
                symbol=BTC, order_id=number, new_qty=f"0.{19 - turn:03}"
            )
        with pytest.raises(Exception, match="MAX_NUM_ORDER_AMENDS"):
            await venue.http.trading.amend_keep_priority(
                symbol=BTC, order_id=number, new_qty="0.001"
            )

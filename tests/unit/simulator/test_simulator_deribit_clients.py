"""Public clients of Deribit against the simulator, with nothing changed but their addresses.

What they refuse or misread is the simulator's fault. typed-deribit validates each answer and
each message against Deribit's own schema.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.support.client_libraries import import_client
from tests.support.simulated_venues import SECRET, simulated_venues

NAME = "BTC-PERPETUAL"
LOW = 60_000.0


def check_book(book: dict[str, Any]) -> None:
    bids, asks = ([price for price, _ in book[side]] for side in ("bids", "asks"))
    assert bids == sorted(bids, reverse=True) and asks == sorted(asks) and bids[0] < asks[0]


async def test_deribit_py_reads_the_market_over_http() -> None:
    client = import_client("deribit.rest").DeribitREST()
    async with simulated_venues() as (_, base):
        client.BASE_URL = f"{base}/api/v2"
        try:
            (listed,) = await client.get_instruments("BTC", kind="future")
            assert listed["instrument_name"] == NAME
            assert await client.get_instruments("BTC") == []  # options
            check_book(await client.get_order_book(NAME, depth=5))
            ticker = await client.get_ticker(NAME)
            assert ticker["best_bid_price"] < ticker["best_ask_price"]
            trades = (await client.get_last_trades_by_instrument(NAME, count=3))["trades"]
            assert len(trades) == 3
            (summary,) = await client.get_book_summary_by_currency("BTC", kind="future")
            assert summary["mark_price"] == pytest.approx(ticker["mark_price"], rel=0.01)
        finally:
            await client.close()


async def test_deribit_py_follows_channels_orders_and_cancels() -> None:
    client = import_client("deribit.ws").DeribitWS("account-k", SECRET)
    async with simulated_venues() as (_, base):
        client.url = f"{base.replace('http', 'ws')}/ws/api/v2"
        await client.connect()
        try:
            messages: asyncio.Queue[Any] = asyncio.Queue()
            channels = [f"{kind}.{NAME}.100ms" for kind in ("ticker", "trades", "book")]
            assert await client.subscribe(channels, messages.put) == channels
            found = [await asyncio.wait_for(messages.get(), 30) for _ in range(40)]
            changes = [message for message in found if "change_id" in message]
            assert changes[0]["type"] == "snapshot"
            assert len(changes) > 2
            for before, after in pairwise(changes):
                assert after["prev_change_id"] == before["change_id"]
            assert any(isinstance(message, list) for message in found)
            placed = await client.buy(NAME, 10, price=LOW)
            gone = await client.cancel(placed["order"]["order_id"])
            assert (placed["order"]["order_state"], gone["order_state"]) == ("open", "cancelled")
            assert await client.get_positions("BTC", kind="future") == []
            assert (await client.get_user_trades_by_instrument(NAME))["trades"] == []
            assert await client.unsubscribe(channels[:1]) == channels[:1]
            assert await client.unsubscribe_all() == "ok"
        finally:
            await client.close()


def check_deribit_wrapper() -> None:
    client = import_client("deribit_wrapper").DeribitClient(
        env="test", client_id="account-k", client_secret=SECRET, simulated=False
    )
    try:
        assert client.currencies == ["BTC"]
        assert list(client.get_instruments("BTC")["instrument_name"]) == [NAME]
        assert client.get_contract_size(NAME) == 10
        market = client.get_market_book(["BTC"])
        assert list(market["instrument_name"]) == [NAME]
        assert client.mid_price(NAME) == pytest.approx(client.last_price(NAME), rel=0.01)
        began = datetime.now(UTC) - timedelta(days=3)
        candles = client.get_market_data_history(NAME, began, datetime.now(UTC), resolution="60")
        assert len(candles) > 60
        assert client.instrument_margins(NAME, 10, LOW)["buy_maker_fee"] == 0

        placed = client.order(NAME, 10, LOW, label="mine")
        order_id = placed["order"]["order_id"]
        assert list(client.get_open_orders()["label"]) == ["mine"]
        client.cancel_orders()
        assert list(client.get_orders([order_id])["order_state"]) == ["cancelled"]
        assert client.market_order(NAME, 20)["order"]["order_state"] == "filled"
        assert list(client.get_positions("BTC")["size"]) == [20]
        assert client.close_position(NAME)["order"]["direction"] == "sell"
        summary = client.get_account_summary("BTC")
        assert 0.99 < float(summary["equity"].iloc[0]) < 1
    finally:
        client.close()


async def test_deribit_wrapper_reads_orders_and_cancels(monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows its two addresses by name; one of them is replaced."""
    addresses = import_client("deribit_wrapper.base").DeribitBase._DeribitBase__ENVS
    async with simulated_venues() as (_, base):
        monkeypatch.setitem(addresses, "test", base)
        await asyncio.to_thread(check_deribit_wrapper)


def typed_client(base: str) -> Any:
    client = import_client("typed_deribit").Deribit.new(client_id="account-k", client_secret=SECRET)
    client.rpc_client.base_url = f"{base}/api/v2"
    client.ws_client.conn.url = f"{base.replace('http', 'ws')}/ws/api/v2"
    return client


async def test_typed_deribit_finds_the_market_as_the_schema_says() -> None:
    async with simulated_venues() as (_, base), typed_client(base) as client:
        market, support = client.market_data, client.supporting
        began, now = datetime.now(UTC) - timedelta(hours=2), datetime.now(UTC)
        span = {"start_timestamp": began, "end_timestamp": now}
        assert (await support.status())["locked"] == "false"
        assert [row["currency"] for row in await market.get_currencies()] == ["BTC"]
        (listed,) = await market.get_instruments("BTC")
        assert listed == await market.get_instrument(NAME)
        assert (await market.ticker(NAME))["instrument_name"] == NAME
        check_book(await market.get_order_book(NAME))
        check_book(await market.get_order_book_by_instrument_id(listed["instrument_id"]))
        chart = await market.get_tradingview_chart_data(NAME, resolution="1", **span)
        assert 118 < len(chart["ticks"]) < 122
        assert len(await market.get_funding_rate_history(NAME, **span)) in {2, 3}
        trades = await market.get_last_trades_by_instrument_and_time(NAME, **span, count=5)
        assert len(trades["trades"]) == 5
        assert len(await market.get_index_chart_data("btc_usd", range="1d")) > 100
        settled = await market.get_last_settlements_by_currency(currency="BTC", count=2)
        assert len(settled["settlements"]) == 2 and settled["continuation"] != "none"
        for answer in (
            market.get_book_summary_by_currency("BTC"),
            market.get_delivery_prices("btc_usd"),
            market.get_funding_chart_data(NAME, length="8h"),
            market.get_historical_volatility("BTC"),
            market.get_index_price("btc_usd"),
            market.get_trade_volumes(),
        ):
            assert await answer


async def test_typed_deribit_orders_and_reads_its_account_as_the_schema_says() -> None:
    async with simulated_venues() as (_, base), typed_client(base) as client:
        trading, account = client.trading, client.account
        order = {"instrument_name": NAME, "amount": 10, "type": "limit", "price": LOW}
        placed = await trading.buy(order | {"label": "mine"})
        order_id = placed["order"]["order_id"]
        assert (await trading.get_order_state(order_id))["order_state"] == "open"
        (margin,) = await trading.get_order_margin_by_ids([order_id])
        assert margin["order_id"] == order_id and margin["initial_margin"] > 0
        changed = await trading.edit_by_label(label="mine", instrument_name=NAME, contracts=2)
        assert changed["order"]["amount"] == 20
        (details,) = await account.get_subaccounts_details("BTC", with_open_orders=True)
        assert [row["order_id"] for row in details["open_orders"]] == [order_id]
        assert (await trading.cancel(order_id))["order_state"] == "cancelled"
        bought = await trading.buy({"instrument_name": NAME, "contracts": 3, "type": "market"})
        assert bought["order"]["order_state"] == "filled" and bought["trades"]
        (position,) = await account.get_positions("BTC")
        assert position["size"] == 30
        fills = await trading.get_user_trades_by_currency(currency="BTC")
        assert sum(fill["amount"] for fill in fills["trades"]) == 30
        margins = await trading.get_margins(NAME, amount=10, price=LOW)
        assert margins["buy_taker_fee"] > margins["buy_maker_fee"] == 0
        assert (await account.get_account_summary("BTC"))["equity"] < 1
        assert len(await account.get_subaccounts()) == 1
        closed = await trading.close_position({"instrument_name": NAME, "type": "market"})
        assert closed["order"]["direction"] == "sell"
        everything = bought["trades"] + closed["trades"]
        gained = sum(fill["profit_loss"] - fill["fee"] for fill in everything)
        balance = (await account.get_account_summary("BTC"))["balance"]
        assert balance == pytest.approx(1 + gained, abs=2e-8)


async def test_typed_deribit_follows_each_channel_as_the_schema_says() -> None:
    async def first(stream: Any, count: int = 2) -> list[Any]:
        async with stream as messages:
            found = []
            async for message in messages:
                found.append(message)
                if len(found) == count:
                    return found
        raise AssertionError("the stream ended")

    async with simulated_venues() as (_, base), typed_client(base) as client:
        streams = client.streams.market_data
        async with asyncio.timeout(60):
            per_instrument = [
                streams.book(NAME, interval="100ms"),
                streams.ticker(NAME, interval="100ms"),
                streams.trades_by_instrument(NAME, interval="100ms"),
                streams.perpetual(NAME, interval="100ms"),
                streams.incremental_ticker(NAME),
                streams.quote(NAME),
            ]
            by_index = [
                stream("btc_usd")
                for stream in (
                    streams.price_index,
                    streams.price_statistics,
                    streams.price_ranking,
                    streams.estimated_expiration_price,
                )
            ]
            found = await asyncio.gather(*map(first, per_instrument + by_index))
        assert [len(messages) for messages in found] == [2] * len(found)
        assert (found[0][0]["type"], found[0][1]["type"]) == ("snapshot", "change")

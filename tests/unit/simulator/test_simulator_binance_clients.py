"""Public clients of Binance against the simulator, with nothing changed but their addresses.

What they refuse or misread is the simulator's fault. typed-binance validates each answer and
each message against Binance's own schema; binance-sdk-spot is Binance's own.
"""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from tests.support.client_libraries import import_client
from tests.support.simulated_venues import SECRET, simulated_venues

BTC = "BTCUSDT"
KEYS = {"api_key": "account-k", "api_secret": SECRET}
LIMIT = {"symbol": BTC, "side": "BUY", "type": "LIMIT"}


def socket_url(base: str) -> str:
    return base.replace("http", "ws")


def check_sdk_rest(base: str) -> None:
    spot = import_client("binance_sdk_spot.spot")
    api = spot.Spot(spot.ConfigurationRestAPI(base_path=base, **KEYS)).rest_api
    info = api.exchange_info(symbol=BTC).data()
    assert [symbol.base_asset for symbol in info.symbols] == ["BTC"]
    book = api.depth(symbol=BTC, limit=5).data()
    assert len(book.bids) == len(book.asks) == 5
    ask = Decimal(book.asks[0][0])
    assert ask > Decimal(book.bids[0][0])
    assert len(api.klines(symbol=BTC, interval="1m", limit=3).data()) == 3
    assert len(api.get_trades(symbol=BTC, limit=3).data()) == 3
    tickers = api.ticker24hr().data().actual_instance
    assert {ticker.symbol for ticker in tickers} == {BTC, "ETHUSDT"}
    mean = Decimal(api.reference_price(symbol=BTC).data().reference_price)
    assert abs(mean / ask - 1) < Decimal("0.01")
    rules = api.execution_rules(symbols=[BTC]).data().symbol_rules
    assert [(rule.symbol, rule.rules) for rule in rules] == [(BTC, [])]
    assert api.my_filters(symbol=BTC).data().symbol_filters

    low = float(round(ask * Decimal("0.9"), 2))
    order = LIMIT | {"time_in_force": "GTC", "quantity": 0.01, "price": low}
    placed = api.new_order(**order).data()
    assert [row.order_id for row in api.get_open_orders(symbol=BTC).data()] == [placed.order_id]
    moved = api.order_cancel_replace(
        **order | {"price": low - 1},
        cancel_replace_mode="STOP_ON_FAILURE",
        cancel_order_id=placed.order_id,
    ).data()
    assert (moved.cancel_result, moved.new_order_result) == ("SUCCESS", "SUCCESS")
    (gone,) = api.delete_open_orders(symbol=BTC).data()
    assert gone.order_id == moved.new_order_response.order_id
    bought = api.new_order(symbol=BTC, side="BUY", type="MARKET", quote_order_qty=100).data()
    assert bought.status == "FILLED"
    fills = api.my_trades(symbol=BTC).data()
    assert sum(Decimal(fill.qty) for fill in fills) == Decimal(bought.executed_qty)


async def test_binance_sdk_spot_reads_orders_and_cancels_over_http() -> None:
    async with simulated_venues() as (_, base):
        await asyncio.to_thread(check_sdk_rest, base)


async def test_binance_sdk_spot_follows_streams_and_orders_over_the_websocket() -> None:
    spot = import_client("binance_sdk_spot.spot")
    async with simulated_venues() as (_, base):
        client = spot.Spot(
            config_ws_api=spot.ConfigurationWebSocketAPI(
                stream_url=f"{socket_url(base)}/ws-api/v3", **KEYS
            ),
            config_ws_streams=spot.ConfigurationWebSocketStreams(stream_url=socket_url(base)),
        )
        streams = await client.websocket_streams.create_connection()
        try:
            messages: asyncio.Queue[Any] = asyncio.Queue()
            for stream in (
                await streams.agg_trade(symbol="btcusdt"),
                await streams.diff_book_depth(symbol="btcusdt"),
                await streams.reference_price(symbol="btcusdt"),
            ):
                stream.on("message", messages.put_nowait)
            kinds = set[str]()
            async with asyncio.timeout(60):
                while len(kinds) < 3:
                    kinds.add(type(await messages.get()).__name__)
        finally:
            await streams.close_connection(close_session=True)
        api = await client.websocket_api.create_connection()
        try:
            order = LIMIT | {"time_in_force": "GTC", "quantity": 0.01, "price": 60_000}
            placed = (await api.order_place(**order)).data().result
            order_id = {"symbol": BTC, "order_id": placed.order_id}
            assert (await api.order_status(**order_id)).data().result.status == "NEW"
            assert (await api.order_cancel(**order_id)).data().result.status == "CANCELED"
            assert (await api.session_subscriptions()).data().result == []
        finally:
            await api.close_connection(close_session=True)


def typed_client(base: str) -> Any:
    urls = {"http": base, "streams": f"{socket_url(base)}/stream"}
    return import_client("typed_binance").Binance.new(
        api_key="account-k",
        secret_key=SECRET,
        urls={"spot": urls | {"ws": f"{socket_url(base)}/ws-api/v3"}},
    )


async def test_typed_binance_finds_the_market_as_the_schema_says() -> None:
    async with simulated_venues() as (_, base), typed_client(base) as client:
        market, general, sockets = client.spot.http.market, client.spot.ws.general, client.spot.ws
        info = await market.exchange_info()
        assert [row["symbol"] for row in info["symbols"]] == [BTC, "ETHUSDT"]
        limits = [row["rateLimitType"] for row in (await general.exchange_info())["rateLimits"]]
        assert limits[-1] == "CONNECTIONS" and info["rateLimits"][-1] != "CONNECTIONS"
        for answer in (
            market.avg_price(BTC),
            market.order_book(BTC),
            market.agg_trades(BTC),
            market.recent_trades(BTC),
            market.historical_trades(BTC),
            market.klines(symbol=BTC, interval="1h"),
            market.ui_klines(symbol=BTC, interval="1d", limit=10),
            market.ticker_24hr(),
            market.ticker_trading_day(symbol=BTC),
            market.ticker_window(BTC),
            market.ticker_price(),
            market.book_ticker(),
            general.execution_rules(),
            sockets.market.reference_price(BTC),
            sockets.market.reference_price_calculation(BTC),
            sockets.market.ticker_24hr(BTC),
            sockets.market.klines(symbol=BTC, interval="1m"),
        ):
            assert await answer
        assert await sockets.market.block_trades_historical(BTC, from_id=1) == []


async def test_typed_binance_orders_and_cancels_as_the_schema_says() -> None:
    async with simulated_venues() as (_, base), typed_client(base) as client:
        order = LIMIT | {"timeInForce": "GTC", "quantity": "0.01", "price": "60000.00"}
        account, over_socket = client.spot.http.account, client.spot.ws.trading
        placed = await client.spot.http.trading.order(order)
        assert (await account.order(symbol=BTC, order_id=placed["orderId"]))["status"] == "NEW"
        moved = await over_socket.order_cancel_replace(
            order | {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": placed["orderId"]}
        )
        assert moved["cancelResult"] == moved["newOrderResult"] == "SUCCESS"
        (gone,) = await over_socket.open_orders_cancel_all(BTC)
        assert gone["status"] == "CANCELED"
        market_order = {"symbol": BTC, "side": "SELL", "type": "MARKET", "quantity": "0.5"}
        sold = await over_socket.order_place(market_order)
        assert sold["status"] == "FILLED"
        fills = await account.my_trades(BTC)
        assert sum(fill["qty"] for fill in fills) == Decimal("0.5")
        balances = {row["asset"]: row["free"] for row in (await account.info())["balances"]}
        assert balances["BTC"] == Decimal("0.5")
        assert (await account.my_filters(BTC))["symbolFilters"]
        assert (await account.commission(BTC))["standardCommission"]["taker"] > 0


async def test_typed_binance_follows_each_stream_as_the_schema_says() -> None:
    async def first(stream: Any) -> list[Any]:
        async with stream as messages:
            found = []
            async for message in messages:
                found.append(message)
                if len(found) == 2:
                    return found
        raise AssertionError("the stream ended")

    async with simulated_venues() as (_, base), typed_client(base) as client:
        streams = client.spot.streams
        wanted = [
            *(
                stream("btcusdt")
                for stream in (
                    streams.agg_trade,
                    streams.trade,
                    streams.avg_price,
                    streams.book_ticker,
                    streams.diff_depth,
                    streams.mini_ticker,
                    streams.ticker,
                    streams.reference_price,
                )
            ),
            streams.kline("btcusdt", interval="1m"),
            streams.partial_depth("btcusdt", levels=5),
            streams.ticker_window("btcusdt", window="1h"),
            streams.mini_ticker_all(),
        ]
        async with asyncio.timeout(60):
            found = await asyncio.gather(*map(first, wanted))
        trades, depth = found[0], found[4]
        assert trades[1]["a"] == trades[0]["a"] + 1
        assert depth[1]["U"] == depth[0]["u"] + 1


async def check_trio_binance(base: str) -> None:
    client = import_client("trio_binance.client").AsyncClient("account-k", SECRET)
    client.API_URL, client.MARGIN_API_URL = f"{base}/api", f"{base}/sapi"
    async with client:
        assert (await client.get_symbol_info(BTC))["baseAsset"] == "BTC"
        assert len((await client.get_order_book(symbol=BTC, limit=5))["asks"]) == 5
        assert await client.get_klines(symbol=BTC, interval="1m")
        assert await client.get_margin_all_pairs() == []
        assert (await client.get_system_status())["msg"] == "normal"
        (fee,) = await client.get_trade_fee(symbol=BTC)
        assert Decimal(fee["takerCommission"]) == Decimal("0.001")
        placed = await client.order_limit_buy(symbol=BTC, quantity="0.01", price="60000")
        order = {"symbol": BTC, "orderId": placed["orderId"]}
        assert [row["orderId"] for row in await client.get_open_orders()] == [order["orderId"]]
        assert (await client.cancel_order(**order))["status"] == "CANCELED"
        assert (await client.get_order(**order))["status"] == "CANCELED"
        assert Decimal((await client.get_asset_balance("USDT"))["free"]) == 10_000


async def follow_by_trio_binance(base: str) -> None:
    sockets = import_client("trio_binance.streams").BinanceSocketManager
    client = import_client("trio_binance.client").AsyncClient()
    async with client:
        manager = await sockets.create(client)
        async with manager.connect():
            await manager.subscribe(["btcusdt@aggTrade", "ethusdt@ticker"])
            seen = set[str]()
            async for message in manager.get_next_message():
                seen.add(message["stream"])
                if len(seen) == 2:
                    break


async def test_trio_binance_reads_orders_cancels_and_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It runs in a loop of its own; what it orders with it sends as JSON."""
    trio = import_client("trio")
    sockets = import_client("trio_binance.streams").BinanceSocketManager
    async with simulated_venues() as (_, base):
        monkeypatch.setitem(sockets.URLS["main"], "spot", socket_url(base))
        for check in (check_trio_binance, follow_by_trio_binance):
            await asyncio.to_thread(trio.run, check, base)

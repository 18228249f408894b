"""The simulated price suppliers: every address, bad values, and what ccxt makes of them.

Shapes are those of docs.cdp.coinbase.com/exchange, bitstamp.net/api, docs.kraken.com.
"""

import time
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import ccxt.async_support as ccxt
import pytest

from streaming.simulator.price_path import make_paths
from streaming.simulator.supplier_calls import SUPPLIER_CALLS
from streaming.simulator.supplier_history import candles_of, cents_text, summarize_span, trades_of
from streaming.simulator.suppliers import SimulatedSupplier
from tests.support.simulated_venues import differences, simulated_venues


def fields(text: str, kind: type) -> dict[str, Any]:
    return dict.fromkeys(text.split(), kind)


PRODUCT = fields("id base_currency quote_currency quote_increment base_increment status", str)
CURRENCY = fields("id name status", str)
MARKET = fields("name market_symbol base_currency counter_currency", str)
TICKER = fields("timestamp open high low last volume vwap bid ask", str)
KRAKEN_LEVEL = [str, str, int]
CANDLE = fields("timestamp open high low close volume", str)
HISTORIC = {"time": int} | fields("high low open close volumefrom volumeto", float)
HISTORY = tuple(f"/data/v2/{name}" for name in ("histominute", "histohour", "histoday"))
OLDER = tuple(path.replace("v2/", "") for path in HISTORY)
DAY = fields("OPEN24HOUR HIGH24HOUR LOW24HOUR VOLUME24HOUR VOLUME24HOURTO PRICE", float) | fields(
    "CHANGE24HOUR CHANGEPCT24HOUR CHANGEDAY CHANGEPCTDAY", float
)
DAY |= fields("FROMSYMBOL TOSYMBOL MARKET LASTMARKET LASTTRADEID", str) | {"LASTUPDATE": int}
DAY_TEXTS = dict.fromkeys(DAY, str)
VOLUMES = fields("id base_currency quote_currency display_name spot_volume_24hour", str) | fields(
    "spot_volume_30day rfq_volume_24hour conversion_volume_30day", str
)
SHAPES: dict[str, Any] = {
    "/products": [PRODUCT],
    "/products/volume-summary": [VOLUMES | {"market_types": ["spot"]}],
    "/products/{pair}": PRODUCT,
    "/products/{pair}/ticker": fields("ask bid volume price size time", str) | {"trade_id": int},
    "/products/{pair}/book": {"bids": [[str, str, int]], "asks": [[str, str, int]]},
    "/products/{pair}/trades": [fields("side size price time", str) | {"trade_id": int}],
    "/products/{pair}/candles": [[int, float, float, float, float, float]],
    "/products/{pair}/stats": fields("open high low last volume volume_30day", str),
    "/currencies": [CURRENCY],
    "/currencies/{currency}": CURRENCY,
    "/time": {"iso": str, "epoch": float},
    "/api/v2/markets/": [MARKET],
    "/api/v2/trading-pairs-info/": [MARKET],
    "/api/v2/ticker/{pair}/": TICKER,
    "/api/v2/ticker/": [TICKER | {"pair": str}],
    "/api/v2/ticker_hour/{pair}/": TICKER,
    "/api/v2/currencies/": [{"name": str, "currency": str, "type": str, "decimals": int}],
    "/api/v2/eur_usd/": {"buy": str, "sell": str},
    "/api/v2/order_book/{pair}/": {"timestamp": str, "bids": [[str, str]], "asks": [[str, str]]},
    "/api/v2/transactions/{pair}/": [fields("date tid amount type price", str)],
    "/api/v2/ohlc/{pair}/": {"data": {"pair": "BTC/USD", "ohlc": [CANDLE]}},
    "/0/public/Assets": {"XXBT": {"altname": "XBT"}},
    "/0/public/AssetPairs": {"XXBTZUSD": {"altname": "XBTUSD", "wsname": "XBT/USD"}},
    "/0/public/Ticker": {"XXBTZUSD": {"a": [str] * 3, "c": [str] * 2, "o": str}},
    "/0/public/Depth": {"XXBTZUSD": {"bids": [KRAKEN_LEVEL], "asks": [KRAKEN_LEVEL]}},
    "/0/public/Trades": {"XXBTZUSD": [[str, str, float, str, "l", "", int]], "last": str},
    "/0/public/OHLC": {"XXBTZUSD": [[int, str, str, str, str, str, str, int]], "last": int},
    "/0/public/Spread": {"XXBTZUSD": [[int, str, str]], "last": int},
    "/0/public/Time": {"unixtime": int, "rfc1123": str},
    "/0/public/SystemStatus": {"status": "online", "timestamp": str},
    "/data/price": {"USD": float, "EUR": float},
    "/data/pricemulti": {"BTC": {"USD": float, "EUR": float}},
    "/data/pricemultifull": {
        "RAW": {"BTC": {"USD": DAY, "EUR": DAY}},
        "DISPLAY": {"BTC": {"USD": DAY_TEXTS, "EUR": DAY_TEXTS}},
    },
    "/data/generateAvg": {"RAW": DAY, "DISPLAY": DAY_TEXTS},
    "/data/pricehistorical": {"BTC": {"USD": float, "EUR": float}},
    "/data/dayAvg": {"USD": float, "ConversionType": {"type": "direct"}},
    **{path: {"Response": "Success", "Data": {"Data": [HISTORIC]}} for path in HISTORY},
    **{path: {"Response": "Success", "Data": [HISTORIC], "TimeTo": int} for path in OLDER},
    "/v1/pubticker/{pair:(?i:btceur)}": fields("bid ask last", str) | {"volume": dict},
}
NAMES = ("Ticker", "Depth", "Trades", "OHLC", "Spread")
QUERIES = {
    "/api/v2/ohlc/{pair}/": "?step=60&limit=10",
    "/data/price": "?fsym=BTC&tsyms=USD,EUR",
    "/data/pricemulti": "?fsyms=BTC,NONE&tsyms=USD,EUR",
    "/data/pricemultifull": "?fsyms=BTC,NONE&tsyms=USD,EUR",
    "/data/generateAvg": "?fsym=BTC&tsym=USD&e=Kraken,Coinbase",
    "/data/pricehistorical": "?fsym=BTC&tsyms=USD,EUR&ts=1790000000",
    "/data/dayAvg": "?fsym=BTC&tsym=USD&avgType=MidHighLow",
    **dict.fromkeys(HISTORY + OLDER, "?fsym=BTC&tsym=EUR&limit=3"),
    **{f"/0/public/{name}": "?pair=XBTUSD" for name in NAMES},
}
BAD = {
    "/products/NO-PAIR/book": "message",
    "/products/BTCUSD/book": "message",
    "/products/NO-PAIR": "message",
    "/products/NO-PAIR/trades": "message",
    "/products/BTC-USD/book?level=9": "message",
    "/products/BTC-USD/trades?limit=-1": "message",
    "/products/BTC-USD/trades?limit=many": "message",
    "/products/BTC-USD/trades?after=x": "message",
    "/products/BTC-USD/candles?granularity=7": "message",
    "/products/BTC-USD/candles?start=yesterday": "message",
    "/products/BTC-USD/candles?granularity=60&start=2024-01-01&end=2024-02-01": "message",
    "/currencies/NOSUCH": "message",
    "/api/v2/order_book/nopair/": "reason",
    "/api/v2/transactions/nopair/": "reason",
    "/api/v2/transactions/btcusd/?time=year": "errors",
    "/api/v2/ohlc/btcusd/": "errors",
    "/api/v2/ohlc/btcusd/?step=7&limit=5": "errors",
    "/api/v2/ohlc/btcusd/?step=60&limit=1001": "errors",
    "/api/v2/ohlc/btcusd/?step=60&limit=5&start=soon": "errors",
    "/0/public/Depth?pair=NOPAIR": "error",
    "/0/public/Depth": "error",
    "/0/public/Depth?pair=XBTUSD&count=0": "error",
    "/0/public/AssetPairs?pair=NOPAIR": "error",
    "/0/public/Trades?pair=XBTUSD&since=soon": "error",
    "/0/public/Trades?pair=XBTUSD&count=-5": "error",
    "/0/public/OHLC?pair=XBTUSD&interval=7": "error",
    "/0/public/Ticker?pair=XBTUSD,NOPAIR": "error",
    "/0/public/Spread?pair=XBTUSD&since=soon": "error",
    "/0/public/Assets?asset=NONE": "error",
    "/0/private/Balance": "error",
    "/0/public/NoSuch": "error",
    "/api/v2/ticker_hour/nopair/": "reason",
    "/data/pricemulti?fsyms=NONE&tsyms=USD": "Message",
    "/data/pricemulti?fsyms=BTC": "Message",
    "/data/v2/histohour?fsym=NONE&tsym=USD": "Message",
    "/data/v2/histohour?fsym=BTC&tsym=USD&limit=-1": "Message",
    "/data/price?tsyms=USD": "ParamWithError",
    "/data/price?fsym=BTC": "ParamWithError",
    "/data/pricemultifull?fsyms=NONE&tsyms=USD": "Message",
    "/data/generateAvg?fsym=BTC&tsym=USD&e=NoShop": "Message",
    "/data/pricehistorical?fsym=BTC&tsyms=NONE": "Message",
    "/data/dayAvg?fsym=BTC&tsym=USD&avgType=Mode": "Message",
    "/data/dayAvg?fsym=BTC&tsym=NONE": "Message",
    "/data/histoday?fsym=BTC&tsym=USD&e=Kraken": "Message",
    "/data/v2/histoday?fsym=BTC&tsym=USD&aggregate=31": "Message",
    "/data/v2/histoday?fsym=BTC&tsym=USD&allData=perhaps": "Message",
    "/accounts": "message",
    "/no/such/path": "message",
}
AT_S = 1_790_000_000
PAIRS = ("BTCUSD", "BTCEUR")


def test_every_address_has_a_documented_shape() -> None:
    assert set(SHAPES) == {call.path for call in SUPPLIER_CALLS}


@pytest.mark.parametrize("path", SHAPES)
async def test_a_good_call_has_the_documented_fields(path: str) -> None:
    pair = "BTC-USD" if path.startswith("/products") else "btcusd"
    if "btceur" in path:
        address = "/v1/pubticker/btceur"
    else:
        address = path.format(pair=pair, currency="BTC") + QUERIES.get(path, "")
    headers = {"Authorization": "Apikey for-tests"}
    async with simulated_venues() as (session, base):
        async with session.get(base + address, headers=headers) as reply:
            assert reply.status == 200
            answer = await reply.json()
    if path.startswith("/0/"):
        assert answer["error"] == []
        answer = answer["result"]
    assert answer and differences(SHAPES[path], answer) == []


@pytest.mark.parametrize("path", BAD)
async def test_what_is_bad_is_refused_in_the_suppliers_words(path: str) -> None:
    headers = {"Authorization": "Apikey for-tests"}
    async with simulated_venues() as (session, base):
        async with session.get(base + path, headers=headers) as reply:
            assert BAD[path] in await reply.json()
            named = path.startswith(("/0/", "/data/")) and "NoSuch" not in path
            assert reply.status in ((200,) if named else (400, 401, 404))


async def test_several_pairs_are_asked_for_at_once_or_all() -> None:
    async with simulated_venues() as (session, base):

        async def names(query: str) -> set[str]:
            async with session.get(f"{base}/0/public/{query}") as reply:
                return {*(await reply.json())["result"]}

        both = {"XXBTZUSD", "XXBTZEUR"}
        assert await names("Ticker") == await names("Ticker?pair=XBTUSD,XBT/EUR") == both
        assert await names("Ticker?pair=XXBTZEUR") == {"XXBTZEUR"}
        assert await names("AssetPairs?pair=XBTEUR,XBTUSD") == both
        assert await names("Assets?asset=XBT,ZEUR") == {"XXBT", "ZEUR"}


async def test_past_spreads_and_hours_are_those_of_the_tickers() -> None:
    async with simulated_venues() as (session, base):

        async def read(path: str) -> Any:
            headers = {"Authorization": "Apikey for-tests"}
            async with session.get(base + path, headers=headers) as reply:
                return await reply.json()

        spreads = (await read("/0/public/Spread?pair=XBTUSD"))["result"]["XXBTZUSD"]
        assert [row[0] for row in spreads] == list(range(spreads[0][0], spreads[0][0] + 200))
        ticker = (await read("/0/public/Ticker?pair=XBTUSD"))["result"]["XXBTZUSD"]
        newest = (await read("/0/public/Spread?pair=XBTUSD"))["result"]["XXBTZUSD"]
        assert [ticker["b"][0], ticker["a"][0]] in [row[1:] for row in newest]
        hours = (await read("/data/v2/histohour?fsym=BTC&tsym=USD&limit=3"))["Data"]
        times = [row["time"] for row in hours["Data"]]
        assert times == list(range(times[0], times[-1] + 1, 3600)) and len(times) >= 3
        assert hours["TimeTo"] - times[-1] in (0, 3600)  # an hour begins without a trade
        price = await read("/data/price?fsym=BTC&tsyms=USD")
        assert hours["Data"][-1]["close"] == pytest.approx(price["USD"], rel=0.001)


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize(("bias", "delay_s"), [("0.0001", 0), ("-0.0002", 1), ("0.0003", 0)])
def test_trades_have_the_tickers_prices_and_candles_sum_them(
    pair: str, bias: str, delay_s: int
) -> None:
    path = make_paths(7)["BTC-USD"]
    supplier = SimulatedSupplier(path, Decimal(bias), delay_s, 60)
    midnight = AT_S // 86_400 * 86_400
    trades = trades_of(supplier, pair, midnight - 3600, midnight + 3599)
    assert len(trades.seconds) > 2000
    for second, cents in zip(trades.seconds.tolist(), trades.cents.tolist(), strict=True):
        with localcontext() as context:  # as ccxt leaves it
            context.rounding = ROUND_HALF_UP
            assert cents_text(cents) == f"{supplier.price(pair, second)}"
    candles = candles_of(supplier, pair, 300, midnight - 3600, midnight + 3599)
    assert [candle.start_s for candle in candles] == list(
        range(midnight - 3600, midnight + 3600, 300)
    )
    for candle in candles:
        inside = trades.seconds // 300 * 300 == candle.start_s
        cents = trades.cents[inside].tolist()
        ends = [cents[0], max(cents), min(cents), cents[-1]]
        assert [candle.open, candle.high, candle.low, candle.close] == list(map(cents_text, ends))
        assert candle.volume == pytest.approx(trades.quantities[inside].sum())
        assert candle.trade_count == len(cents)


def test_there_is_nothing_before_the_path_begins_or_after_now() -> None:
    supplier = SimulatedSupplier(make_paths(7)["BTC-USD"], Decimal(0), 1, 60)
    assert candles_of(supplier, "BTCUSD", 60, 0, 1000) == []
    assert len(trades_of(supplier, "BTCUSD", AT_S + 5, AT_S).seconds) == 0


def test_a_span_is_the_sum_of_its_trades_and_holds_the_price_now() -> None:
    supplier = SimulatedSupplier(make_paths(7)["BTC-USD"], Decimal("0.001"), 2, 60)
    span, trades = (
        summarize_span(supplier, "BTCUSD", AT_S, 3600),
        trades_of(supplier, "BTCUSD", AT_S - 3599, AT_S),
    )
    price = supplier.price("BTCUSD", AT_S)
    values = [Decimal(cents) / 100 for cents in trades.cents.tolist()]
    assert (span.open, span.close) == (f"{values[0]:.2f}", f"{price}")
    assert (span.high, span.low) == (f"{max(*values, price)}", f"{min(*values, price)}")
    assert span.volume == pytest.approx(trades.quantities.sum())
    assert span.trade_count == len(values)
    empty = summarize_span(supplier, "BTCUSD", AT_S, 0)
    assert {empty.open, empty.high, empty.low, empty.mean_price} == {f"{price}"}
    assert (empty.volume, empty.trade_count) == (0, 0)


async def test_every_ticker_has_the_volume_that_was_traded() -> None:
    async with simulated_venues() as (session, base):

        async def ask(address: str) -> Any:
            async with session.get(f"{base}{address}") as reply:
                return await reply.json()

        coinbase = float((await ask("/products/BTC-USD/ticker"))["volume"])
        assert coinbase == pytest.approx(
            float((await ask("/products/BTC-USD/stats"))["volume"]), rel=0.01
        )
        bitstamp = await ask("/api/v2/ticker/btcusd/")
        assert float(bitstamp["volume"]) == pytest.approx(coinbase, rel=0.01)
        assert float(bitstamp["low"]) < float(bitstamp["last"]) < float(bitstamp["high"])
        (kraken,) = (await ask("/0/public/Ticker?pair=XBTUSD"))["result"].values()
        assert float(kraken["v"][1]) == pytest.approx(coinbase, rel=0.01)
        assert float(kraken["v"][0]) <= float(kraken["v"][1]) and kraken["t"][0] <= kraken["t"][1]
        assert float(kraken["l"][1]) < float(kraken["c"][0]) < float(kraken["h"][1])
        for address in ("/v1/pubticker/btceur", "/v1/pubticker/btcusd"):
            volume = (await ask(address))["volume"]
            assert float(volume["BTC"]) == pytest.approx(coinbase, rel=0.01)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/0/public/Ticker?pair=XBTUSD", "error"),
        ("/v1/pubticker/btceur", "reason"),
        ("/data/price?fsym=BTC&tsyms=USD", "Type"),
    ],
)
async def test_a_limit_is_refused_in_the_suppliers_words(address: str, name: str) -> None:
    headers = {"Authorization": "Apikey for-tests"}
    async with simulated_venues() as (session, base):
        for _ in range(301):
            async with session.get(base + address, headers=headers) as reply:
                status, answer = reply.status, await reply.json()
            if status != 200:
                break
        assert (status, name in answer) == (429, True) and int(reply.headers["Retry-After"]) > 0


async def test_pages_of_trades_meet_without_a_gap() -> None:
    async with simulated_venues() as (session, base):
        address = f"{base}/products/BTC-USD/trades"
        async with session.get(address, params={"limit": 20}) as reply:
            newest = [trade["trade_id"] for trade in await reply.json()]
        params = {"limit": 10, "after": newest[9]}
        async with session.get(address, params=params) as reply:
            assert [trade["trade_id"] for trade in await reply.json()] == newest[10:]
        address = f"{base}/0/public/Trades?pair=XBTUSD"
        async with session.get(f"{address}&since={newest[5]}&count=5") as reply:
            rows = (await reply.json())["result"]["XXBTZUSD"]
        assert [row[6] for row in rows] == newest[:5][::-1]


async def test_what_a_page_names_is_where_the_next_begins() -> None:
    async with simulated_venues() as (session, base):

        async def get(address: str) -> tuple[Any, Any]:
            async with session.get(base + address) as reply:
                return await reply.json(), reply.headers

        trades, headers = await get("/products/BTC-USD/trades?limit=5")
        assert headers["CB-BEFORE"] == str(trades[0]["trade_id"])
        older, _ = await get(f"/products/BTC-USD/trades?limit=5&after={headers['CB-AFTER']}")
        assert older[0]["trade_id"] < trades[-1]["trade_id"]
        assert "CB-AFTER" not in (await get("/products/BTC-USD/trades?after=5"))[1]
        since, pages = "0", []
        for _ in range(2):
            page, _ = await get(f"/0/public/Trades?pair=XBTUSD&count=3&since={since}")
            assert page["error"] == []
            since = page["result"]["last"]  # in nanoseconds
            pages += page["result"]["XXBTZUSD"]
        times = [row[6] for row in pages]
        assert times == sorted(set(times)) and times[5] < time.time() - 3600 and len(times) == 6


async def test_a_limit_of_candles_is_their_number_with_or_without_the_open_one() -> None:
    async with simulated_venues() as (session, base):
        address = f"{base}/api/v2/ohlc/btcusd/?step=3600&limit=3"
        for more, hours in (("", 0), ("&exclude_current_candle=true", 1)):
            async with session.get(address + more) as reply:
                rows = (await reply.json())["data"]["ohlc"]
            newest = int(time.time()) // 3600 - hours
            assert [int(row["timestamp"]) // 3600 for row in rows] == [
                newest - 2,
                newest - 1,
                newest,
            ]
        async with session.get(f"{address}&end={(newest - 5) * 3600 + 10}") as reply:
            assert len((await reply.json())["data"]["ohlc"]) == 3
        async with session.get(f"{address}&exclude_current_candle=perhaps") as reply:
            assert reply.status == 400


def moved(url: Any, base: str) -> Any:
    if isinstance(url, dict):
        return {name: moved(part, base) for name, part in url.items()}
    address = str(url).partition("://")[2]
    return base + ("/" + address.partition("/")[2] if "/" in address else "")


@pytest.mark.parametrize("venue", ["coinbaseexchange", "bitstamp", "kraken"])
async def test_ccxt_reads_markets_prices_books_trades_and_candles(venue: str) -> None:
    async with simulated_venues() as (_, base):
        client: Any = getattr(ccxt, venue)({"enableRateLimit": False})
        client.urls["api"] = moved(client.urls["api"], base)
        try:
            markets = await client.load_markets()
            assert {"BTC/USD", "BTC/EUR"} <= set(markets)
            ticker = await client.fetch_ticker("BTC/USD")
            book = await client.fetch_order_book("BTC/USD")
            assert book["bids"][0][0] < book["asks"][0][0]
            assert abs(book["bids"][0][0] / ticker["last"] - 1) < 0.001
            trades = await client.fetch_trades("BTC/USD")
            assert abs(trades[-1]["price"] / ticker["last"] - 1) < 0.001
            assert {trade["side"] for trade in trades} == {"buy", "sell"}
            for frame, limit in (("1m", None), ("1h", 5)):
                candles = await client.fetch_ohlcv("BTC/USD", frame, limit=limit)
                assert candles[-1][4] == pytest.approx(ticker["last"], rel=0.01)
                assert all(row[3] <= min(row[1], row[4]) <= row[2] for row in candles)
        finally:
            await client.close()


@pytest.mark.parametrize("day", [20_400, 20_717, 20_718])
def test_a_days_mid_prices_are_whole_cents_for_numpy_and_python_alike(day: int) -> None:
    path = make_paths(7)["BTC-USD"]
    mids = path.draw_day(day).mid.tolist()
    assert mids == [round(mid, 2) for mid in mids]
    assert [path.tick_at(day * 86_400 + at)[0] for at in range(0, 86_400, 7)] == mids[::7]

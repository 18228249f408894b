"""The simulated Binance's public answers, of REST and its WebSocket API. Pure but for time.

Source: binance/binance-spot-api-docs, rest-api.md, "General" and "Market data endpoints".
"""

from collections.abc import Callable

from include.market.time import DAY_S
from streaming.simulator import binance_tickers
from streaming.simulator.binance_book import make_levels
from streaming.simulator.binance_candles import CandleQuery, candles_of
from streaming.simulator.binance_parameters import BinanceError
from streaming.simulator.binance_streams import book_id
from streaming.simulator.binance_trades import number_at, single_trade, trade
from streaming.simulator.binance_venue import BinanceVenue
from streaming.simulator.json_fields import Fields, Values
from streaming.simulator.price_path import PricePath

_ROWS, _DEPTH = 500, 100
_DAY_MS = DAY_S * 1000


def ping(_venue: BinanceVenue, _values: Values) -> Fields:
    """An empty answer: the server is there."""
    return {}


def server_time(venue: BinanceVenue, _values: Values) -> Fields:
    """The venue's time."""
    return {"serverTime": venue.clock.now_ms()}


def depth(venue: BinanceVenue, values: Values) -> Fields:
    """The book of this second."""
    path, second = venue.path_of(values), int(venue.clock.now_s())
    limit = values.get("limit", _DEPTH)
    bids, asks = make_levels(path, second)
    return {
        "lastUpdateId": book_id(second),
        "bids": [[f"{p:.8f}", f"{q:.8f}"] for p, q in bids[:limit]],
        "asks": [[f"{p:.8f}", f"{q:.8f}"] for p, q in asks[:limit]],
    }


def recent_trades(venue: BinanceVenue, values: Values) -> list[Fields]:
    """The newest trades, oldest first."""
    path, end = venue.path(values["symbol"]), number_at(venue.clock.now_ms())
    start = max(0, end - values.get("limit", _ROWS))
    return [single_trade(path, number) for number in range(start, end)]


def historical_trades(venue: BinanceVenue, values: Values) -> list[Fields]:
    """The trades from an id on; the newest without one."""
    path, end = venue.path(values["symbol"]), number_at(venue.clock.now_ms())
    limit = values.get("limit", _ROWS)
    start = values.get("fromId", max(0, end - limit))
    return [single_trade(path, number) for number in range(start, min(end, start + limit))]


def aggregate_trades(venue: BinanceVenue, values: Values) -> list[Fields]:
    """The trades from an id, from a time, or the newest."""
    path, end = venue.path(values["symbol"]), number_at(venue.clock.now_ms())
    if "fromId" in values and {"startTime", "endTime"} & set(values):
        raise BinanceError(400, -1128, "Combination of optional parameters invalid.")
    limit = values.get("limit", _ROWS)
    if "endTime" in values:
        end = min(end, number_at(values["endTime"] + 1))
    start = max(0, end - limit)
    if "fromId" in values:
        start = values["fromId"]
    elif "startTime" in values:
        start = number_at(values["startTime"])
    return [trade(path, number) for number in range(start, min(end, start + limit))]


def make_klines(venue: BinanceVenue, values: Values) -> list[list[object]]:
    """The candles of an interval."""
    query = CandleQuery(
        values["interval"],
        values.get("startTime"),
        values.get("endTime"),
        values.get("limit", _ROWS),
        values.get("timeZone", 0),
    )
    path = venue.path(values["symbol"])
    return [candle.row() for candle in candles_of(path, query, venue.clock.now_ms())]


def average_price(venue: BinanceVenue, values: Values) -> Fields:
    """The average price of five minutes."""
    return binance_tickers.average(venue.path(values["symbol"]), venue.clock.now_ms())


def reference_price(venue: BinanceVenue, values: Values) -> Fields:
    """The reference price of this second."""
    second, name = int(venue.clock.now_s()), values["symbol"]
    price = binance_tickers.reference_price(venue.path(name), second)
    return {"symbol": name, "referencePrice": price, "timestamp": second * 1000}


def reference_calculation(venue: BinanceVenue, values: Values) -> Fields:
    """How the reference price is made."""
    venue.path_of(values)
    buckets = {"bucketCount": binance_tickers.REFERENCE_SECONDS, "bucketWidthMs": 1000}
    return {"symbol": values["symbol"], "calculationType": "ARITHMETIC_MEAN", **buckets}


def system_status(_venue: BinanceVenue, _values: Values) -> Fields:
    """That no maintenance is on."""
    return {"status": 0, "msg": "normal"}


def nothing(venue: BinanceVenue, values: Values) -> list[Fields]:
    """An empty list: what this market never has."""
    venue.names(values)
    return []


def ticker_24hr(venue: BinanceVenue, values: Values) -> object:
    """The rolling 24 hours of one symbol, or of some."""
    now_ms, mini = venue.clock.now_ms(), values.get("type") == "MINI"
    return _for_each(
        venue, values, lambda path, name: binance_tickers.last_day(path, name, now_ms, mini=mini)
    )


def trading_day(venue: BinanceVenue, values: Values) -> object:
    """The statistics since midnight of a time zone."""
    now_ms, mini = venue.clock.now_ms(), values.get("type") == "MINI"
    zone_ms = values.get("timeZone", 0) * 1000
    start_ms = (now_ms + zone_ms) // _DAY_MS * _DAY_MS - zone_ms

    def of_day(path: PricePath, name: str) -> Fields:
        fields = binance_tickers.window(path, name, start_ms, now_ms, mini=mini)
        return fields | {"closeTime": start_ms + _DAY_MS - 1}

    _require_symbols(values)
    return _for_each(venue, values, of_day)


def ticker_window(venue: BinanceVenue, values: Values) -> object:
    """The statistics of a rolling window."""
    now_ms, mini = venue.clock.now_ms(), values.get("type") == "MINI"
    size_ms = values.get("windowSize", _DAY_MS)
    _require_symbols(values)
    return _for_each(
        venue,
        values,
        lambda path, name: binance_tickers.rolling_window(path, name, size_ms, now_ms, mini=mini),
    )


def ticker_price(venue: BinanceVenue, values: Values) -> object:
    """The price of the newest trade."""
    newest = max(0, number_at(venue.clock.now_ms()) - 1)
    return _for_each(
        venue, values, lambda path, name: {"symbol": name, "price": trade(path, newest)["p"]}
    )


def ticker_book(venue: BinanceVenue, values: Values) -> object:
    """Best bid and ask."""
    second = int(venue.clock.now_s())
    return _for_each(
        venue,
        values,
        lambda path, name: {"symbol": name, **binance_tickers.best_prices(path, second)},
    )


def _require_symbols(values: Values) -> None:
    if not {"symbol", "symbols"} & set(values):
        message = "Param 'symbol' or 'symbols' must be sent, but both were empty/null!"
        raise BinanceError(400, -1102, message)


def _for_each(
    venue: BinanceVenue, values: Values, make: Callable[[PricePath, str], Fields]
) -> object:
    answers = [make(venue.symbols[name], name) for name in venue.names_of_status(values)]
    return answers[0] if "symbol" in values else answers

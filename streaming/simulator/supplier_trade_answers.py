"""The simulated suppliers' trades, candles, clocks and states.

Source: docs.cdp.coinbase.com/exchange, bitstamp.net/api, docs.kraken.com.
"""

from datetime import UTC, datetime

from aiohttp import web

from include.market.time import DAY_S
from streaming.simulator.json_fields import Fields
from streaming.simulator.supplier_history import (
    SupplierTrades,
    candles_of,
    cents_text,
    summarize_span,
    trades_of,
)
from streaming.simulator.supplier_parameters import (
    PAIRS,
    SupplierError,
    read_date_s,
    read_number,
    read_pair,
    read_word,
    refuse_bitstamp,
    refuse_coinbase,
    refuse_kraken,
)
from streaming.simulator.suppliers import SimulatedSupplier, kraken_name

COINBASE_FRAMES_S = (60, 300, 900, 3600, 21_600, 86_400)
BITSTAMP_FRAMES_S = (*(n * 60 for n in (1, 3, 5, 15, 30)), *(n * 3600 for n in (1, 2, 4, 6, 12)))
BITSTAMP_FRAMES_S += (DAY_S, 3 * DAY_S)
KRAKEN_FRAMES_MIN = (1, 5, 15, 30, 60, 240, 1440, 10_080, 21_600)
_SPANS_S = {"minute": 60, "hour": 3600, "day": DAY_S}
_VOLUME_SPANS = {"24hour": "volume", "30day": "volume_30day"}
_TIMES = range(10**18)
_MAX_CANDLES, _MAX_ROWS, _NS = 300, 1000, 1_000_000_000


def list_coinbase_trades(
    request: web.Request, supplier: SimulatedSupplier, now_s: int
) -> web.Response:
    """The trades, newest first, by `limit`, `before` and `after`; headers name the next pages'."""
    pair, limits = read_pair(request), range(1, _MAX_ROWS + 1)
    limit = read_number(request, "limit", 100, limits, refuse_coinbase)
    after = read_number(request, "after", now_s + 1, _TIMES, refuse_coinbase)
    before = read_number(request, "before", 0, _TIMES, refuse_coinbase)
    last_s = min(now_s, after - 1)
    trades = trades_of(supplier, pair, max(before + 1, last_s - 10 * limit), last_s)
    rows = [
        {
            "trade_id": second,
            "side": "sell" if bought else "buy",  # the maker's
            "size": f"{quantity:.8f}",
            "price": cents_text(cents),
            "time": _iso(second),
        }
        for second, cents, quantity, bought in _newest(trades, limit)
    ]
    headers = {"CB-BEFORE": rows[0]["trade_id"], "CB-AFTER": rows[-1]["trade_id"]} if rows else {}
    return web.json_response(rows, headers={name: str(tid) for name, tid in headers.items()})


def list_coinbase_candles(
    request: web.Request, supplier: SimulatedSupplier, now_s: int
) -> list[list[float]]:
    """`[time, low, high, open, close, volume]`, newest first."""
    pair = read_pair(request)
    frame_s = read_number(request, "granularity", 60, COINBASE_FRAMES_S, _refuse_granularity)
    end_s = read_date_s(request, "end", now_s)
    start_s = read_date_s(request, "start", end_s - (_MAX_CANDLES - 1) * frame_s)
    if (end_s - start_s) // frame_s > _MAX_CANDLES:
        message = "granularity too small for the requested time range."
        message += f" Count of aggregations requested exceeds {_MAX_CANDLES}"
        raise SupplierError(400, {"message": message})
    candles = candles_of(supplier, pair, frame_s, start_s, min(end_s, now_s))
    return [
        [c.start_s, *map(float, (c.low, c.high, c.open, c.close)), c.volume] for c in candles[::-1]
    ]


def _refuse_granularity(_name: str, _text: str) -> SupplierError:
    return SupplierError(400, {"message": "Unsupported granularity"})


def summarize_coinbase_day(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> Fields:
    """The last 24 hours, the volume of 30 days."""
    return _summarize_day(supplier, read_pair(request), now_s)


def list_coinbase_volumes(
    _request: web.Request, supplier: SimulatedSupplier, now_s: int
) -> list[Fields]:
    """Each product's volumes: all of it on the spot market."""
    rows = list[Fields]()
    for pair, name in PAIRS.items():
        day, (base, quote) = _summarize_day(supplier, pair, now_s), name.split("-")
        head = {"id": name, "display_name": f"{base}/{quote}", "market_types": ["spot"]}
        volumes = dict.fromkeys(
            (f"{kind}_volume_{span}" for kind in ("rfq", "conversion") for span in _VOLUME_SPANS),
            "0",
        )
        spot = {f"spot_volume_{span}": day[field] for span, field in _VOLUME_SPANS.items()}
        rows.append({**head, "base_currency": base, "quote_currency": quote, **spot, **volumes})
    return rows


def _summarize_day(supplier: SimulatedSupplier, pair: str, now_s: int) -> Fields:
    day = summarize_span(supplier, pair, now_s, DAY_S)
    days = candles_of(supplier, pair, DAY_S, now_s - 30 * DAY_S, now_s)
    return {
        "open": day.open,
        "high": day.high,
        "low": day.low,
        "last": day.close,
        "volume": f"{day.volume:.8f}",
        "volume_30day": f"{sum(day_candle.volume for day_candle in days):.8f}",
    }


def show_coinbase_time(_request: web.Request, _supplier: SimulatedSupplier, now_s: int) -> Fields:
    """The server's time."""
    return {"iso": _iso(now_s), "epoch": float(now_s)}


def list_bitstamp_trades(
    request: web.Request, supplier: SimulatedSupplier, now_s: int
) -> list[Fields]:
    """The trades of the last minute, hour or day, newest first; type 0 bought, 1 sold."""
    pair = read_pair(request)
    span_s = _SPANS_S[read_word(request, "time", "hour", _SPANS_S, refuse_bitstamp)]
    trades = trades_of(supplier, pair, now_s - span_s + 1, now_s)
    return [
        {
            "date": str(second),
            "tid": str(second),
            "amount": f"{quantity:.8f}",
            "type": "0" if bought else "1",
            "price": cents_text(cents),
        }
        for second, cents, quantity, bought in _newest(trades, len(trades.seconds))
    ]


def list_bitstamp_candles(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> Fields:
    """The candles, oldest first."""
    pair = read_pair(request)
    frame_s = read_number(request, "step", 0, BITSTAMP_FRAMES_S, refuse_bitstamp)
    limit = read_number(request, "limit", 0, range(1, _MAX_ROWS + 1), refuse_bitstamp)
    last_s = now_s // frame_s * frame_s - 1 if _excludes_current(request) else now_s
    end_s = min(last_s, read_number(request, "end", now_s, _TIMES, refuse_bitstamp))
    earliest_s = (end_s // frame_s - limit + 1) * frame_s
    start_s = read_number(request, "start", earliest_s, _TIMES, refuse_bitstamp)
    if "end" not in request.query:
        end_s = min(end_s, start_s + limit * frame_s - 1 + frame_s)
    candles = candles_of(supplier, pair, frame_s, start_s, end_s)
    names = ("open", "high", "low", "close")
    rows = [
        {
            "timestamp": str(candle.start_s),
            **{name: getattr(candle, name) for name in names},
            "volume": f"{candle.volume:.8f}",
        }
        for candle in (candles[:limit] if "start" in request.query else candles[-limit:])
    ]
    return {"data": {"pair": PAIRS[pair].replace("-", "/"), "ohlc": rows}}


def _excludes_current(request: web.Request) -> bool:
    choices = ("", "true", "True", "1", "false", "False", "0")
    text = read_word(request, "exclude_current_candle", "", choices, refuse_bitstamp)
    return text in {"true", "True", "1"}


def list_kraken_trades(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> Fields:
    """The trades, oldest first: since a time in seconds or nanoseconds, or the newest."""
    pair = read_pair(request)
    count = read_number(request, "count", _MAX_ROWS, range(1, _MAX_ROWS + 1), refuse_kraken)
    since = read_number(request, "since", 0, range(10**19), refuse_kraken)
    since_s = since // _NS if since > 10**12 else since
    is_since = "since" in request.query
    first_s = max(since_s + 1, now_s - DAY_S) if is_since else now_s - 10 * count
    trades = trades_of(supplier, pair, first_s, now_s)
    newest = list(_newest(trades, len(trades.seconds)))[::-1]
    rows: list[list[object]] = [
        [f"{cents_text(cents)}000", f"{amount:.8f}", float(at), "b" if b else "s", "l", "", at]
        for at, cents, amount, b in (newest[:count] if is_since else newest[-count:])
    ]
    last_ns = int(str(rows[-1][-1])) * _NS if rows else since_s * _NS
    return {"error": [], "result": {kraken_name(pair): rows, "last": str(last_ns)}}


def list_kraken_candles(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> Fields:
    """The newest 720 candles, oldest first, the last of them unfinished."""
    pair = read_pair(request)
    frame_s = 60 * read_number(request, "interval", 1, KRAKEN_FRAMES_MIN, refuse_kraken)
    since_s = read_number(request, "since", 0, _TIMES, refuse_kraken)
    first_s = max(since_s + 1, now_s - 719 * frame_s)
    rows = [
        [c.start_s, c.open, c.high, c.low, c.close, c.mean_price, f"{c.volume:.8f}", c.trade_count]
        for c in candles_of(supplier, pair, frame_s, first_s, now_s)
    ]
    last_s = rows[-2][0] if len(rows) > 1 else since_s
    return {"error": [], "result": {kraken_name(pair): rows, "last": last_s}}


def show_kraken_time(_request: web.Request, _supplier: SimulatedSupplier, now_s: int) -> Fields:
    """The server's time."""
    text = datetime.fromtimestamp(now_s, UTC).strftime("%a, %d %b %y %H:%M:%S +0000")
    return {"error": [], "result": {"unixtime": now_s, "rfc1123": text}}


def show_kraken_state(_request: web.Request, _supplier: SimulatedSupplier, now_s: int) -> Fields:
    """That the exchange is open."""
    at = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"error": [], "result": {"status": "online", "timestamp": at}}


def _newest(past_trades: SupplierTrades, limit: int) -> list[tuple[int, int, float, bool]]:
    columns = (
        past_trades.seconds,
        past_trades.cents,
        past_trades.quantities,
        past_trades.taker_bought,
    )
    rows = zip(*(column[::-1][:limit].tolist() for column in columns), strict=True)
    return list(rows)


def _iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")

"""The simulated CryptoCompare's candles of minutes, hours and days.

Source: min-api.cryptocompare.com/documentation, "Historical".
"""

from collections.abc import Callable

from aiohttp import web

from include.market.time import DAY_S
from streaming.simulator.json_fields import Fields
from streaming.simulator.supplier_history import SupplierCandle, candles_of
from streaming.simulator.supplier_parameters import (
    PAIRS,
    read_cryptocompare_query,
    read_number,
    read_word,
    refuse_cryptocompare,
    refuse_cryptocompare_number,
)
from streaming.simulator.suppliers import SimulatedSupplier

_MAX_CANDLES, _MAX_AGGREGATE, _MARKET = 2000, 30, "CCCAGG"
_TIMES = range(10**10)
_BOOLEANS = ("true", "false")
# by address: the seconds of a candle, and how many there are where none is asked for
FRAMES = {"histominute": (60, 1440), "histohour": (3600, 168), "histoday": (DAY_S, 30)}
_Answer = Callable[[web.Request, SimulatedSupplier, int], Fields]


def list_candles(frame_s: int, usual_limit: int) -> _Answer:
    """The answer with candles, oldest first, and the unfinished one."""

    def answer(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> Fields:
        query = read_cryptocompare_query(request, "fsym", "tsym")
        base, currency, market = query["fsym"], query["tsym"], query.get("e", _MARKET)
        if base + currency not in PAIRS or market != _MARKET:
            message = f"{market} market does not exist for this coin pair ({base}-{currency})"
            raise refuse_cryptocompare(message)
        count = read_number(
            request, "aggregate", 1, range(1, _MAX_AGGREGATE + 1), refuse_cryptocompare_number
        )
        limit = read_number(
            request, "limit", usual_limit, range(1, _MAX_CANDLES + 1), refuse_cryptocompare_number
        )
        if frame_s == DAY_S and _read_boolean(request, "allData", "false"):
            limit = _MAX_CANDLES
        end_s = read_number(request, "toTs", now_s, _TIMES, refuse_cryptocompare_number)
        end_s, span_s = min(now_s, end_s), frame_s * count
        if not _read_boolean(request, "aggregatePredictableTimePeriods", "true") and count > 1:
            raise refuse_cryptocompare_number("aggregatePredictableTimePeriods", "false")
        last_s = end_s // span_s * span_s
        first_s = last_s - min(limit, _MAX_CANDLES // count) * span_s
        candles = candles_of(supplier, base + currency, span_s, first_s, end_s)
        from_s = candles[0].start_s if candles else first_s
        span = {"Aggregated": count > 1, "TimeFrom": from_s, "TimeTo": last_s}
        return {**span, "Data": [_row(candle) for candle in candles]}

    return answer


def in_envelope(answer: _Answer) -> _Answer:
    """The same as `/data/v2` has it: below `Data`."""

    def answer_in_envelope(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> Fields:
        candles = answer(request, supplier, now_s)
        head = {"Response": "Success", "Message": "", "HasWarning": False, "Type": 100}
        return {**head, "RateLimit": {}, "Data": candles}

    return answer_in_envelope


def in_one_level(answer: _Answer) -> _Answer:
    """The same as the older addresses have it: in one level."""

    def answer_in_one_level(
        request: web.Request, supplier: SimulatedSupplier, now_s: int
    ) -> Fields:
        candles = answer(request, supplier, now_s)
        head = {"Response": "Success", "Type": 100, "FirstValueInArray": True}
        conversion = {"type": "direct", "conversionSymbol": ""}
        return {
            **head,
            **candles,
            "ConversionType": conversion,
            "RateLimit": {},
            "HasWarning": False,
        }

    return answer_in_one_level


def _read_boolean(request: web.Request, name: str, otherwise: str) -> bool:
    return read_word(request, name, otherwise, _BOOLEANS, refuse_cryptocompare_number) == "true"


def _row(candle: SupplierCandle) -> Fields:
    prices = {name: float(getattr(candle, name)) for name in ("high", "low", "open", "close")}
    return {
        "time": candle.start_s,
        **prices,
        "volumefrom": candle.volume,
        "volumeto": round(candle.volume * float(candle.mean_price), 2),
        "conversionType": "direct",
        "conversionSymbol": "",
    }

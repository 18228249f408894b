"""The simulated CryptoCompare's full prices, averages and prices of the past.

Source: min-api.cryptocompare.com/documentation, "Price", "Historical".
"""

from collections.abc import Callable
from decimal import Decimal

from aiohttp import web

from include.market.time import DAY_S
from streaming.simulator.json_fields import Fields
from streaming.simulator.supplier_history import SupplierCandle, candles_of
from streaming.simulator.supplier_parameters import (
    PAIRS,
    read_cryptocompare_query,
    read_number,
    refuse_cryptocompare,
    refuse_cryptocompare_number,
)
from streaming.simulator.supplier_tickers import price_in_currencies
from streaming.simulator.suppliers import SimulatedSupplier

_SIGNS = {"USD": "$", "EUR": "€", "BTC": "Ƀ"}
_HOUR_S, _EXCHANGES = 3600, ("coinbase", "kraken", "bitstamp", "gemini")
_TIMES = range(10**10)


def quote_in_full(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> Fields:
    """The day of several symbols in several currencies, as numbers and as text."""
    query = read_cryptocompare_query(request, "fsyms", "tsyms")
    raw, display = dict[str, Fields](), dict[str, Fields]()
    for base in query["fsyms"].split(","):
        for currency in query["tsyms"].split(","):
            if base + currency in PAIRS:
                day = _summarize(supplier, base, currency, now_s, market="CCCAGG")
                raw.setdefault(base, {})[currency] = day
                display.setdefault(base, {})[currency] = _as_texts(day)
    if not raw:
        symbols = f"fsyms {query['fsyms']} and tsyms {query['tsyms']}"
        raise refuse_cryptocompare(f"There is no data for any of the {symbols} .")
    return {"RAW": raw, "DISPLAY": display}


def quote_average(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> Fields:
    """The day of a pair at the exchanges `e`."""
    query = read_cryptocompare_query(request, "fsym", "tsym", "e")
    base, currency = query["fsym"], query["tsym"]
    is_listed = all(name.lower() in _EXCHANGES for name in query["e"].split(","))
    if base + currency not in PAIRS or not is_listed:
        message = f"There is no data for the pair {base}-{currency} on {query['e']} ."
        raise refuse_cryptocompare(message)
    day = _summarize(supplier, base, currency, now_s, market="CUSTOMAGG")
    return {"RAW": day, "DISPLAY": _as_texts(day)}


def quote_past(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> Fields:
    """The prices at a second `ts`; now without it."""
    query = read_cryptocompare_query(request, "fsym", "tsyms")
    at_s = min(now_s, read_number(request, "ts", now_s, _TIMES, refuse_cryptocompare_number))
    prices = price_in_currencies(supplier, query["fsym"], query["tsyms"], at_s)
    if not prices:
        message = f"There is no data for any of the toSymbols {query['tsyms']} ."
        raise refuse_cryptocompare(message)
    return {query["fsym"]: prices}


def average_day(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> Fields:
    """The mean price of the day of `toTs`, up to it: by volume, or the middle of its extremes."""
    query = read_cryptocompare_query(request, "fsym", "tsym")
    base, currency = query["fsym"], query["tsym"]
    if base + currency not in PAIRS:
        market = f"CCCAGG market does not exist for this coin pair ({base}-{currency})"
        raise refuse_cryptocompare(market)
    kind = query.get("avgType", "HourVWAP")
    if kind not in _MEANS:
        raise refuse_cryptocompare("avgType param is invalid.", "avgType")
    to_s = min(now_s, read_number(request, "toTs", now_s, _TIMES, refuse_cryptocompare_number))
    hours = candles_of(supplier, base + currency, _HOUR_S, to_s // DAY_S * DAY_S, to_s)
    mean = round(_MEANS[kind](hours), 2) if hours else 0
    return {currency: mean, "ConversionType": {"type": "direct", "conversionSymbol": ""}}


def _weigh(field: str) -> Callable[[list[SupplierCandle]], float]:
    def mean(hours: list[SupplierCandle]) -> float:
        paid = sum(float(getattr(hour, field)) * hour.volume for hour in hours)
        return paid / sum(hour.volume for hour in hours)

    return mean


def _middle(hours: list[SupplierCandle]) -> float:
    return (max(float(hour.high) for hour in hours) + min(float(hour.low) for hour in hours)) / 2


_MEANS = {"HourVWAP": _weigh("close"), "MidHighLow": _middle, "VolFVolT": _weigh("mean_price")}


def _summarize(
    supplier: SimulatedSupplier, base: str, currency: str, now_s: int, *, market: str
) -> Fields:
    price = float(supplier.price(base + currency, now_s))
    last = candles_of(supplier, base + currency, 1, now_s - 600, now_s)[-1]
    day: Fields = {
        "TYPE": "5",
        "MARKET": market,
        "FROMSYMBOL": base,
        "TOSYMBOL": currency,
        "FLAGS": "0",
        "PRICE": price,
        "MEDIAN": price,
        "LASTUPDATE": now_s,
        "LASTVOLUME": last.volume,
        "LASTVOLUMETO": round(last.volume * float(last.close), 2),
        "LASTTRADEID": str(last.start_s),
        "LASTMARKET": "Coinbase",
    }
    starts_s = {"HOUR": now_s // _HOUR_S * _HOUR_S, "DAY": now_s // DAY_S * DAY_S}
    for span, start_s in {**starts_s, "24HOUR": now_s - DAY_S}.items():
        day |= _summarize_span(supplier, base + currency, span, start_s, now_s)
        change = Decimal(str(price)) - Decimal(str(day[f"OPEN{span}"]))
        day[f"CHANGE{span}"] = float(change)
        day[f"CHANGEPCT{span}"] = round(float(change) / day[f"OPEN{span}"] * 100, 6)
    return day | {"CONVERSIONTYPE": "direct", "CONVERSIONSYMBOL": ""}


def _summarize_span(
    supplier: SimulatedSupplier, pair: str, span_name: str, start_s: int, now_s: int
) -> Fields:
    candles = candles_of(supplier, pair, 60, start_s, now_s)
    if not candles:
        price = float(supplier.price(pair, now_s))
        prices = {f"{name}{span_name}": price for name in ("OPEN", "HIGH", "LOW")}
        return prices | {f"VOLUME{span_name}": 0.0, f"VOLUME{span_name}TO": 0.0}
    paid = sum(candle.volume * float(candle.mean_price) for candle in candles)
    return {
        f"VOLUME{span_name}": round(sum(candle.volume for candle in candles), 8),
        f"VOLUME{span_name}TO": round(paid, 2),
        f"OPEN{span_name}": float(candles[0].open),
        f"HIGH{span_name}": max(float(candle.high) for candle in candles),
        f"LOW{span_name}": min(float(candle.low) for candle in candles),
    }


def _as_texts(day: Fields) -> Fields:
    """The same for people: signs of currencies, digits in groups."""
    texts = dict[str, str]()
    signs = {"FROMSYMBOL": _SIGNS[day["FROMSYMBOL"]], "TOSYMBOL": _SIGNS[day["TOSYMBOL"]]}
    for name, value in day.items():
        if name in signs:
            texts[name] = signs[name]
        elif name.startswith("CHANGEPCT"):
            texts[name] = f"{value:.2f}"
        elif isinstance(value, float):
            in_base = "VOLUME" in name and not name.endswith("TO")
            sign = signs["FROMSYMBOL" if in_base else "TOSYMBOL"]
            texts[name] = f"{sign} {value:,.4g}" if in_base else f"{sign} {value:,.2f}"
        else:
            texts[name] = "Just now" if name == "LASTUPDATE" else str(value)
    return texts

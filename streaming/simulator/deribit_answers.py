"""The simulated Deribit's public answers about its one perpetual. Pure.

Source: docs.deribit.com, API reference, "Market data" (to 2026-02-24).
"""

from typing import Any

from streaming.simulator import deribit_market as market
from streaming.simulator.deribit_error import refuse_param
from streaming.simulator.deribit_parameters import CURRENCIES, refuse_instrument
from streaming.simulator.json_fields import Fields, Values
from streaming.simulator.price_path import PricePath

INDEX, INSTRUMENT_ID = "btc_usd", 210838
_CREATED_MS = 1_534_167_754_000
VERSION = {"version": "1.2.26"}


def currencies(_path: PricePath, _values: Values, _now_ms: int) -> list[Fields]:
    """The one currency."""
    return [
        {
            "currency": "BTC",
            "currency_long": "Bitcoin",
            "coin_type": "BITCOIN",
            "in_cross_collateral_pool": True,
            "fee_precision": 4,
            "min_confirmations": 1,
            "min_withdrawal_fee": 0.0001,
            "withdrawal_fee": 0.0001,
            "withdrawal_priorities": [],
        }
    ]


def instrument(_path: PricePath, values: Values, _now_ms: int) -> Fields:
    """The perpetual's specification."""
    check_instrument(values)
    return {
        "instrument_name": market.INSTRUMENT,
        "instrument_id": INSTRUMENT_ID,
        "kind": "future",
        "state": "open",
        "base_currency": "BTC",
        "quote_currency": "USD",
        "settlement_period": "perpetual",
        "tick_size": 0.5,
        "tick_size_steps": [],
        "contract_size": 10.0,
        "counter_currency": "USD",
        "settlement_currency": "BTC",
        "instrument_type": "reversed",
        "underlying_type": "crypto",
        "price_index": INDEX,
        "future_type": "reversed",
        "max_leverage": 50,
        "max_liquidation_commission": 0.0075,
        "block_trade_commission": 0.00025,
        "block_trade_min_trade_amount": 200_000,
        "block_trade_tick_size": 0.01,
        "maker_commission": 0.0,
        "taker_commission": 0.0005,
        "creation_timestamp": _CREATED_MS,
        "expiration_timestamp": 32503708800000,
        "min_trade_amount": 10.0,
        "rfq": False,
        "is_active": True,
    }


def instruments(path: PricePath, values: Values, now_ms: int) -> list[Fields]:
    """The perpetual, if the currency and the kind are its own; what has expired is none."""
    is_named = is_of(values) and not values.get("expired")
    return [instrument(path, {"instrument_name": market.INSTRUMENT}, now_ms)] if is_named else []


def expirations(_path: PricePath, values: Values, _now_ms: int) -> Fields:
    """When instruments end: a perpetual does not."""
    kinds = {"future": ["PERPETUAL"], "option": []}
    is_grouped = values["currency"] == "grouped"
    is_named = is_grouped or is_of(values)
    is_named = is_named and values.get("currency_pair", INDEX) == INDEX
    named = {kind: dates if is_named else [] for kind, dates in kinds.items()}
    if is_grouped:
        return {"btc": named if values["kind"] == "any" else named[values["kind"]]}
    if values["kind"] == "any":
        return {values["currency"].lower(): named}
    return {values["kind"]: named.get(values["kind"], [])}


def contract_size(_path: PricePath, values: Values, _now_ms: int) -> Fields:
    """The size of a contract in USD."""
    check_instrument(values)
    return {"contract_size": 10}


def index(path: PricePath, values: Values, now_ms: int) -> Fields:
    """The index by currency."""
    check_currency(values)
    price = market.index_price(path, now_ms)
    return {"BTC": price, "edp": price}


def index_price(path: PricePath, values: Values, now_ms: int) -> Fields:
    """The index by its name."""
    if values["index_name"] != INDEX:
        raise refuse_param("index_name", "unknown index")
    price = market.index_price(path, now_ms)
    return {"index_price": price, "estimated_delivery_price": price}


def index_names(_path: PricePath, values: Values, _now_ms: int) -> list[Any]:
    """The names of the indices; if asked for, with whether combinations may be made."""
    flags = ("future_combo_creation_enabled", "option_combo_creation_enabled")
    extended = {"name": INDEX, **dict.fromkeys(flags, False)}
    return [extended if values.get("extended") else INDEX]


def make_ticker(path: PricePath, values: Values, now_ms: int) -> Fields:
    """The ticker of this moment."""
    check_instrument(values)
    return market.make_ticker(path, market.step_at(now_ms))


def order_book(path: PricePath, values: Values, now_ms: int) -> Fields:
    """The book of this moment with the ticker."""
    check_instrument(values)
    step, depth = market.step_at(now_ms), values.get("depth", 5)
    return market.make_ticker(path, step) | market.grouped_book(path, step, depth)


def order_book_by_id(path: PricePath, values: Values, now_ms: int) -> Fields:
    """The book of the instrument of a number."""
    if values["instrument_id"] != INSTRUMENT_ID:
        raise refuse_instrument()
    return order_book(path, values | {"instrument_name": market.INSTRUMENT}, now_ms)


def book_summary(path: PricePath, values: Values, now_ms: int) -> list[Fields]:
    """The summary of the instrument."""
    check_instrument(values)
    fields = market.make_ticker(path, market.step_at(now_ms))
    stats, bid, ask = fields["stats"], fields["best_bid_price"], fields["best_ask_price"]
    return [
        {
            "instrument_name": market.INSTRUMENT,
            "base_currency": "BTC",
            "quote_currency": "USD",
            "creation_timestamp": now_ms,
            "bid_price": bid,
            "ask_price": ask,
            "mid_price": (bid + ask) / 2,
            "mark_price": fields["mark_price"],
            "last": fields["last_price"],
            "open_interest": fields["open_interest"],
            "estimated_delivery_price": fields["estimated_delivery_price"],
            "current_funding": fields["current_funding"],
            "funding_8h": fields["funding_8h"],
            **{name: stats[name] for name in ("high", "low", "price_change", "volume")},
            **{name: stats[name] for name in ("volume_usd", "volume_notional")},
        }
    ]


def book_summaries(path: PricePath, values: Values, now_ms: int) -> list[Fields]:
    """The summaries of a currency's instruments."""
    named = {"instrument_name": market.INSTRUMENT}
    return book_summary(path, named, now_ms) if is_of(values) else []


def trade_volumes(path: PricePath, _values: Values, now_ms: int) -> list[Fields]:
    """The volume of 24 hours."""
    volume = market.make_ticker(path, market.step_at(now_ms))["stats"]["volume"]
    none = dict.fromkeys(("puts_volume", "calls_volume", "spot_volume"), 0.0)
    return [{"currency": "BTC", "futures_volume": volume, **none}]


def nothing(_path: PricePath, _values: Values, _now_ms: int) -> list[object]:
    """An empty list: what this market never has."""
    return []


def status(_path: PricePath, _values: Values, _now_ms: int) -> Fields:
    """That nothing is locked."""
    return {"locked": "false", "locked_currencies": [], "locked_indices": []}


def server_time(_path: PricePath, _values: Values, now_ms: int) -> int:
    """The venue's time in ms."""
    return now_ms


def check_instrument(values: Values) -> None:
    """Refuse an instrument that is not listed."""
    if values["instrument_name"] != market.INSTRUMENT:
        raise refuse_instrument()


def check_currency(values: Values) -> None:
    """Refuse a currency without an index."""
    if values["currency"] not in CURRENCIES[:1]:
        raise refuse_param("currency", "unknown currency")


def is_of(values: Values) -> bool:
    """Whether currency and kind are the perpetual's."""
    currency, kind = values.get("currency", "any"), values.get("kind", "any")
    return currency in {"BTC", "any"} and kind in {"future", "any"}

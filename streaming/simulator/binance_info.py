"""The simulated Binance's `exchangeInfo`: symbols, their filters, the limits. Pure but for time.

Source: binance/binance-spot-api-docs, rest-api.md, "Exchange information", and filters.md.
"""

from decimal import Decimal

from streaming.simulator.binance_order import STOP_KINDS
from streaming.simulator.binance_parameters import BinanceError
from streaming.simulator.binance_venue import MAX_WEIGHT, STATUS, BinanceVenue
from streaming.simulator.json_fields import Fields, Values

PRICE_STEP, LOT = Decimal("0.01"), Decimal("0.00001")
MAX_PRICE, MAX_LOTS, MAX_MARKET_LOTS = Decimal(1_000_000), Decimal(100_000), Decimal(100)
MIN_NOTIONAL, MAX_NOTIONAL = Decimal(5), Decimal(9_000_000_000)
MAX_TIMES, MIN_TIMES = Decimal(5), Decimal("0.2")  # a limit price and the average price
MAX_ORDERS, MAX_ALGO_ORDERS, MAX_LISTS, MAX_AMENDS = 200, 5, 20, 10
ORDER_LIMITS = (("SECOND", 10, 100), ("DAY", 1, 200_000))
ORDER_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET", *STOP_KINDS]


def exchange_info(venue: BinanceVenue, values: Values) -> Fields:
    """The rules of all symbols, or of those that are named."""
    if {"permissions", "symbolStatus"} & set(values) and {"symbol", "symbols"} & set(values):
        raise BinanceError(400, -1128, "Combination of optional parameters invalid.")
    is_spot = "SPOT" in values.get("permissions", ["SPOT"])
    names = venue.names_of_status(values) if is_spot else []
    shows_sets = values.get("showPermissionSets", True)
    return {
        "timezone": "UTC",
        "serverTime": venue.clock.now_ms(),
        "rateLimits": rate_limits(),
        "exchangeFilters": [],
        "symbols": [_symbol(venue, name, shows_sets=shows_sets) for name in names],
    }


def execution_rules(venue: BinanceVenue, values: Values) -> Fields:
    """The rules beyond the filters: no symbol has one."""
    if len({"symbol", "symbols", "symbolStatus"} & set(values)) > 1:
        raise BinanceError(400, -1128, "Combination of optional parameters invalid.")
    names = venue.names_of_status(values)
    return {"symbolRules": [{"symbol": name, "rules": []} for name in names]}


def empty_info(venue: BinanceVenue, _values: Values) -> Fields:
    """The rules of a market without symbols: futures are not simulated."""
    return {
        "timezone": "UTC",
        "serverTime": venue.clock.now_ms(),
        "rateLimits": rate_limits(),
        "exchangeFilters": [],
        "assets": [],
        "symbols": [],
    }


def read_permissions(name: str, text: str) -> list[str]:
    """One permission, or a JSON list of them."""
    names = text.strip('[]"').replace('"', "").split(",")
    if not all(word and word.replace("_", "").isalnum() and word.isupper() for word in names):
        raise BinanceError(400, -1130, f"Data sent for parameter '{name}' is not valid.")
    return names


def rate_limits(*, of_sockets: bool = False) -> list[Fields]:
    """The limits of weight, orders, and requests (of the WebSocket API: connections)."""
    limits = [
        ("REQUEST_WEIGHT", "MINUTE", 1, MAX_WEIGHT),
        *(("ORDERS", *limit) for limit in ORDER_LIMITS),
        ("CONNECTIONS", "MINUTE", 5, 300) if of_sockets else ("RAW_REQUESTS", "MINUTE", 5, 300_000),
    ]
    names = ("rateLimitType", "interval", "intervalNum", "limit")
    return [dict(zip(names, limit, strict=True)) for limit in limits]


def _symbol(venue: BinanceVenue, spelling: str, *, shows_sets: bool) -> Fields:
    base, quote = venue.assets[spelling]
    return {
        "symbol": spelling,
        "status": STATUS,
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ORDER_TYPES,
        "icebergAllowed": False,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": filters(),
        "permissions": [],
        "permissionSets": [["SPOT"]] if shows_sets else [],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def filters() -> list[Fields]:
    """The filters that orders have to pass."""
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": f"{PRICE_STEP:.8f}",
            "maxPrice": f"{MAX_PRICE:.8f}",
            "tickSize": f"{PRICE_STEP:.8f}",
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": f"{LOT:.8f}",
            "maxQty": f"{MAX_LOTS:.8f}",
            "stepSize": f"{LOT:.8f}",
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": "0.00000000",
            "maxQty": f"{MAX_MARKET_LOTS:.8f}",
            "stepSize": "0.00000000",
        },
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": f"{MAX_TIMES}",
            "multiplierDown": f"{MIN_TIMES}",
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": f"{MIN_NOTIONAL:.8f}",
            "applyMinToMarket": True,
            "maxNotional": f"{MAX_NOTIONAL:.8f}",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MAX_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": MAX_ALGO_ORDERS},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": MAX_LISTS},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": MAX_AMENDS},
    ]

"""What the simulated Binance answers of its wallet: balances, and lists that stay empty.

Source: developers.binance.com, "Wallet": addresses, weights, parameters.
"""

import re
from decimal import Decimal

from streaming.simulator import binance_call_parameters as c
from streaming.simulator import binance_parameters as p
from streaming.simulator.binance_account import BinanceAccount
from streaming.simulator.binance_parameters import BinanceError, Param
from streaming.simulator.json_fields import Fields, Values

_IDS = "^[0-9]{1,20}(,[0-9]{1,20}){0,44}$"
_NOTHING_HELD = dict.fromkeys(("freeze", "withdrawing", "ipoable"), "0")
_WALLETS = ("Spot", "Funding", "Cross Margin", "Isolated Margin")


def _read_ids(name: str, text: str) -> list[str]:
    """Ids of withdrawals, at most 45."""
    if not re.fullmatch(_IDS, text, re.ASCII):
        message = f"Illegal characters found in parameter '{name}'; legal range is '{_IDS}'."
        raise BinanceError(400, -1100, message)
    return text.split(",")


_COIN = Param("coin", p.read_text, "BTC")
_ASSET = Param("asset", p.read_text, "BTC")
_WITH_VALUE = Param("needBtcValuation", p.read_boolean, "false")
_MOVES = (
    _COIN,
    Param("status", p.read_whole, "1"),
    *c.TIMES,
    c.limit_to(),
    Param("offset", p.read_whole, "0"),
)


def list_assets(account: BinanceAccount, values: Values) -> list[Fields]:
    """The spot assets that there are some of, or one; each with its worth in bitcoins if wanted."""
    rows = list[Fields]()
    for asset, total in account.balances.items():
        if not total or values.get("asset", asset) != asset:
            continue
        free = account.available_balance(asset)
        amounts = {"free": f"{free:.8f}", "locked": f"{total - free:.8f}"}
        bitcoins = (
            _in_bitcoins(account, asset, total) if values.get("needBtcValuation") else Decimal()
        )
        rows.append({"asset": asset, **amounts, **_NOTHING_HELD, "btcValuation": f"{bitcoins:.8f}"})
    return rows


def list_wallets(account: BinanceAccount, _values: Values) -> list[Fields]:
    """What each wallet is worth in bitcoins: the spot one holds all."""
    total = sum((_in_bitcoins(account, *row) for row in account.balances.items()), Decimal())
    amounts = [total, *(Decimal() for _ in _WALLETS[1:])]
    return [
        {"activate": name == "Spot", "balance": f"{bitcoins:.8f}", "walletName": name}
        for name, bitcoins in zip(_WALLETS, amounts, strict=True)
    ]


def describe_level(_account: BinanceAccount, _values: Values) -> Fields:
    """That the account is of no VIP level and trades on the spot market alone."""
    names = ("Margin", "Future", "Options", "PortfolioMarginRetail")
    return {"vipLevel": 0} | {f"is{name}Enabled": False for name in names}


def list_rows(_account: BinanceAccount, _values: Values) -> list[Fields]:
    """No rows: nothing is paid in or out."""
    return []


def list_dividends(_account: BinanceAccount, _values: Values) -> Fields:
    """No rows, counted."""
    return {"rows": [], "total": 0}


def list_dust(_account: BinanceAccount, _values: Values) -> Fields:
    """No conversions of small amounts."""
    return {"total": 0, "userAssetDribblets": []}


def _in_bitcoins(account: BinanceAccount, asset: str, amount: Decimal) -> Decimal:
    if asset == "BTC":
        return amount
    now_s = account.clock.now_ms() // 1000
    in_tether = Decimal(1)
    if asset != "USDT":
        in_tether = Decimal(str(account.venue.path(f"{asset}USDT").tick_at(now_s)[0]))
    return amount * in_tether / Decimal(str(account.venue.path("BTCUSDT").tick_at(now_s)[0]))


WALLET = (
    ("GET", "/sapi/v1/account/info", "", 1, (), describe_level),
    ("POST", "/sapi/v3/asset/getUserAsset", "", 5, (_ASSET, _WITH_VALUE), list_assets),
    ("POST", "/sapi/v1/asset/get-funding-asset", "", 1, (_ASSET, _WITH_VALUE), list_rows),
    ("GET", "/sapi/v1/asset/wallet/balance", "", 60, (), list_wallets),
    ("GET", "/sapi/v1/asset/dribblet", "", 1, c.TIMES, list_dust),
    (
        "GET",
        "/sapi/v1/asset/assetDividend",
        "",
        10,
        (_ASSET, *c.TIMES, c.limit_to(500)),
        list_dividends,
    ),
    (
        "GET",
        "/sapi/v1/capital/deposit/hisrec",
        "",
        1,
        (*_MOVES, Param("txId", p.read_text, "a1"), Param("includeSource", p.read_boolean, "true")),
        list_rows,
    ),
    (
        "GET",
        "/sapi/v1/capital/withdraw/history",
        "",
        2,
        (*_MOVES, Param("withdrawOrderId", p.read_text, "mine"), Param("idList", _read_ids, "1,2")),
        list_rows,
    ),
)

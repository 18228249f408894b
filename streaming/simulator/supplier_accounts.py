"""The suppliers' documented addresses that are not simulated, and the words they refuse with. Pure.

No account of a supplier has a key here, so what asks for one is refused as without a key.
Source: docs.cdp.coinbase.com/exchange, bitstamp.net/api, docs.kraken.com.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class SupplierRefusal:
    """What is refused: a pattern of whole paths, the HTTP status, the JSON."""

    paths: re.Pattern[str]
    status: int
    body: dict[str, object]


_BITSTAMP_ACCOUNT = """
    account_balances account_order_data adjust_position_collateral balance btc_unconfirmed buy
    cancel_all_orders cancel_order close_position close_positions collateral_currencies contacts
    crypto-transactions earn fees get_max_order_amount leverage_settings liquidation_address
    margin_info margin_tiers my_trading_pairs open_order open_orders open_positions order_data
    order_status position_history position_settlement_transactions position_status replace_order
    revoke_all_api_keys ripple_address sell trade_history transfer-from-main transfer-to-main
    travel_rule user_transactions websockets_token withdrawal withdrawal-requests
"""
_COINBASE_ACCOUNT = """
    accounts address-book coinbase-accounts conversions deposits fees fills funding loans margin
    oracle orders otc payment-methods position profiles reports transfers travel-rules users
    withdrawals wrapped-assets
"""


def _first_part(prefix: str, words: str, *patterns: str) -> re.Pattern[str]:
    choices = "|".join((*map(re.escape, words.split()), *patterns))
    return re.compile(f"{prefix}(?:{choices})(?:/.*)?")


_NO_BITSTAMP_KEY: dict[str, object] = {
    "status": "error",
    "reason": "Missing key, signature and nonce parameters",
    "code": "API0000",
}
SUPPLIER_REFUSALS = (
    SupplierRefusal(
        _first_part("/api/v2/", _BITSTAMP_ACCOUNT, r"\w+_address", r"\w+_withdrawal"),
        403,
        _NO_BITSTAMP_KEY,
    ),
    SupplierRefusal(  # of derivatives, which are not simulated
        _first_part("/api/v2/", "derivatives funding_rate funding_rate_history"),
        404,
        {"status": "error", "reason": "Invalid pair"},
    ),
    SupplierRefusal(re.compile("/0/private/.*"), 200, {"error": ["EAPI:Invalid key"]}),
    SupplierRefusal(
        _first_part("/0/public/", "GroupedBook MaintenanceSchedule PostTrade PreTrade"),
        200,
        {"error": ["EService:Unavailable"]},
    ),
    SupplierRefusal(
        _first_part("/", _COINBASE_ACCOUNT), 401, {"message": "CB-ACCESS-KEY header is required"}
    ),
)

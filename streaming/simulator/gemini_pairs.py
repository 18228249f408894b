"""The pairs that the simulated Gemini trades, as its symbol details have them. Pure.

Source: docs.gemini.com, "Symbols", "Symbol details", "Network".
"""

from dataclasses import dataclass
from decimal import Decimal

from streaming.simulator.json_fields import Fields
from streaming.simulator.price_path import CENT


@dataclass(frozen=True)
class GeminiPair:
    """One symbol: amounts are in steps of `unit`, the smallest order has `min_amount`."""

    base: str
    quote: str
    unit: Decimal
    min_amount: Decimal
    precision: int  # decimals of an amount

    @property
    def symbol(self) -> str:
        """Gemini's spelling, in lower case."""
        return f"{self.base}{self.quote}".lower()

    def details(self) -> Fields:
        """Its row in `symbols/details`."""
        return {
            "symbol": self.symbol.upper(),
            "base_currency": self.base,
            "quote_currency": self.quote,
            "tick_size": float(self.unit),
            "quote_increment": float(CENT),
            "min_order_size": f"{self.min_amount:f}",
            "status": "open",
            "wrap_enabled": False,
            "product_type": "spot",
            "contract_type": "vanilla",
            "contract_price_currency": self.quote,
        }


PAIRS = {
    pair.symbol: pair
    for pair in (
        GeminiPair("BTC", "USD", Decimal("0.00000001"), Decimal("0.00001"), 8),
        GeminiPair("ETH", "USD", Decimal("0.000001"), Decimal("0.001"), 6),
        GeminiPair("SOL", "USD", Decimal("0.000001"), Decimal("0.01"), 6),
    )
}
NETWORKS = {"BTC": "bitcoin", "ETH": "ethereum", "SOL": "solana"}  # dollars have none
_NAMES = {"BTC": "Bitcoin", "ETH": "Ether", "SOL": "Solana"}
CURRENCIES = (*NETWORKS, "USD")


def web_page_data() -> Fields:
    """What the exchange's web page carries, where clients read precisions."""
    coins = [
        [currency, name, 1, 8, 0, 8, 8, False, None, NETWORKS[currency]]
        for currency, name in _NAMES.items()
    ]
    return {
        "tradingPairs": [
            [symbol.upper(), 2, pair.precision, f"{pair.min_amount:f}", 10, True]
            for symbol, pair in PAIRS.items()
        ],
        "currencies": [*coins, ["USD", "US Dollar", 1, 2, 0, 2, 2, True, "$", None]],
        "networks": [[NETWORKS[currency], currency, _NAMES[currency]] for currency in _NAMES],
    }

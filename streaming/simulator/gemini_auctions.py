"""The auctions and block trades of the simulated Gemini: what is published at which second. Pure.

Source: docs.gemini.com, "Market data v1", "Auction APIs", "Block trading". The real auctions are
held once a day; here one is held every ten minutes, so that every run shows some.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from streaming.simulator.order_book import BookEvent
from streaming.simulator.price_path import CENT, PricePath

PERIOD_S, INDICATIVE_S, LAST_CANCEL_S = 600, 60, 15
BLOCK_S, BLOCK_DELAY_S = 330, 600  # within a period; a block trade is published so much later
_FAILING = 6  # every so many auctions one finds no price
AUCTION, INDICATIVE, BLOCK_TRADE = "auction_result", "auction_indicative", "block_trade"


@dataclass(frozen=True)
class Auctions:
    """Follows the path: every period an auction, with indicative prices, and a block trade."""

    path: PricePath
    seed: int

    def frames_at(self, second: int) -> Iterator[list[BookEvent]]:
        """The events of each frame that is due at a second since the epoch, without their ids."""
        at = second % PERIOD_S
        if at == 0:
            yield self._result(second)
            yield [self._announcement(second)]
        elif at % INDICATIVE_S == 0:
            yield [self._state_prices(second, INDICATIVE, "indicative", is_success=True)]
        if at == BLOCK_S:
            made_at = second - BLOCK_DELAY_S
            price, amount = self._mid(made_at), self._quantity(made_at) * 20
            yield [{"type": BLOCK_TRADE, "price": f"{price:f}", "amount": f"{amount:f}"}]

    def _announcement(self, second: int) -> BookEvent:
        held_ms = (second + PERIOD_S) * 1000
        return {
            "type": "auction_open",
            "auction_open_ms": second * 1000,
            "auction_time_ms": held_ms,
            "first_indicative_ms": (second + INDICATIVE_S) * 1000,
            "last_cancel_time_ms": held_ms - LAST_CANCEL_S * 1000,
        }

    def _result(self, second: int) -> list[BookEvent]:
        is_success = second // PERIOD_S % _FAILING > 0
        result = self._state_prices(second, AUCTION, "auction", is_success=is_success)
        if not is_success:
            return [result]
        price, amount = result["auction_price"], result["auction_quantity"]
        trade = {"type": "trade", "price": price, "amount": amount, "makerSide": "auction"}
        return [trade, result]

    def _state_prices(self, second: int, kind: str, name: str, *, is_success: bool) -> BookEvent:
        price = self._mid(second)
        return {
            "type": kind,
            "result": "success" if is_success else "failure",
            "time_ms": second * 1000,
            "highest_bid_price": f"{price - CENT:f}",
            "lowest_ask_price": f"{price + CENT:f}",
            "collar_price": f"{price:f}",
            f"{name}_price": f"{price:f}" if is_success else "0",
            f"{name}_quantity": f"{self._quantity(second):f}" if is_success else "0",
        }

    def _mid(self, second: int) -> Decimal:
        return Decimal(str(self.path.tick_at(second)[0])).quantize(CENT, ROUND_HALF_EVEN)

    def _quantity(self, second: int) -> Decimal:
        rng = np.random.Generator(np.random.Philox(key=[self.seed, second]))
        return Decimal(str(round(float(rng.uniform(5, 60)), 4)))

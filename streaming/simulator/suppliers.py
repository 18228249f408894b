"""The simulated price suppliers: five prices around one reference price, each with a bias.

Limits per minute are those of Coinbase, Bitstamp, Kraken, Gemini and CryptoCompare, with 429 and
Retry-After beyond them.
"""

from collections import deque
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

from streaming.simulator.price_path import CENT, PricePath

EUR_PER_USD = Decimal("0.92")
RATES = {"BTCUSD": Decimal(1), "BTCEUR": EUR_PER_USD}


@dataclass
class SimulatedSupplier:
    """One supplier: its bias as a share of the reference, its delay, and its limit a minute."""

    path: PricePath
    bias: Decimal
    delay_s: int
    per_minute: int
    request_times: deque[float] = field(default_factory=deque)

    def price(self, pair: str, now_s: int) -> Decimal:
        """The price of a pair at a second, in cents."""
        second = now_s - self.delay_s
        noise = Decimal((second * 7919) % 5 - 2) * CENT
        mid = Decimal(str(self.path.tick_at(second)[0])) * (1 + self.bias) + noise
        return (mid * self.rate(pair)).quantize(CENT, ROUND_HALF_EVEN)

    def rate(self, pair: str) -> Decimal:
        """What a dollar is worth in the pair's second currency."""
        return RATES[pair]

    def wait_s(self, now_s: float) -> int:
        """Seconds that a request above the limit has to wait, 0 below it."""
        while self.request_times and self.request_times[0] <= now_s - 60:
            self.request_times.popleft()
        if len(self.request_times) < self.per_minute:
            self.request_times.append(now_s)
            return 0
        return int(self.request_times[0] + 60 - now_s) + 1


def kraken_name(pair: str) -> str:
    """Kraken's key of a pair, such as `XXBTZUSD`."""
    return f"XXBTZ{pair[3:]}"

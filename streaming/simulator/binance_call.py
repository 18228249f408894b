"""One address of the simulated Binance: a row of the tables of calls.

Source: binance/binance-spot-api-docs, rest-api.md and web-socket-api.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streaming.simulator.binance_parameters import Param
from streaming.simulator.json_fields import Values

Weight = int | Callable[[Values], int]


@dataclass(frozen=True)
class Call:
    """One address: its REST method and path, its name in the WebSocket API, what it takes.

    `answer` gets the venue, or the account if the call is signed, and the parameters' values.
    """

    method: str
    path: str
    name: str  # in the WebSocket API; empty: REST alone
    weight: Weight
    params: tuple[Param, ...]
    answer: Callable[[Any, Values], object]
    signed: bool = False
    legacy: str = ""  # an older path of the same answer

    def weight_of(self, values: Values) -> int:
        """What a call with these values weighs."""
        return self.weight if isinstance(self.weight, int) else self.weight(values)

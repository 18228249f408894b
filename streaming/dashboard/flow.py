"""Buys and sells per minute, by the aggressor's side."""

from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal

from include.market.events import Trade

MINUTE_US = 60_000_000
_REMEMBERED = 20_000


@dataclass
class Flow:
    """One minute's counts and sums: base quantity, and price times quantity in quote units."""

    buys: int = 0
    sells: int = 0
    buy_base: Decimal = Decimal(0)
    sell_base: Decimal = Decimal(0)
    buy_quote: Decimal = Decimal(0)
    sell_quote: Decimal = Decimal(0)

    def add(self, trade: Trade) -> None:
        """Count a trade in; one without an aggressor's side counts for neither."""
        if trade.side == "buy":
            self.buys += 1
            self.buy_base += trade.quantity
            self.buy_quote += trade.price * trade.quantity
        elif trade.side == "sell":
            self.sells += 1
            self.sell_base += trade.quantity
            self.sell_quote += trade.price * trade.quantity


class Minutes:
    """The flows of one symbol of one venue by minute (since the epoch), the newest `keep`.

    Two tellers: trades from Kafka, of which one that comes again (a feed reconnected) counts once,
    and minutes as Postgres has them. Postgres knows trades from before this process, late and
    healed ones; Kafka's newest it may lack. Of each minute the teller with more trades is believed.
    """

    def __init__(self, keep: int) -> None:
        """`keep` is how many minutes stay."""
        self._keep = keep
        self._known: OrderedDict[str, None] = OrderedDict()
        self._counted: dict[int, Flow] = {}
        self._settled: dict[int, Flow] = {}

    @property
    def flows(self) -> dict[int, Flow]:
        """Each minute's flow."""
        found = dict(self._counted)
        for minute, flow in self._settled.items():
            here = found.get(minute)
            if here is None or flow.buys + flow.sells >= here.buys + here.sells:
                found[minute] = flow
        return {minute: found[minute] for minute in sorted(found)[-self._keep :]}

    def add(self, trade: Trade) -> None:
        """Count a trade in its minute."""
        if trade.trade_id in self._known:
            return
        self._known[trade.trade_id] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        self._counted.setdefault(trade.traded_at // MINUTE_US, Flow()).add(trade)
        self._forget(self._counted)

    def settle(self, minute: int, flow: Flow) -> None:
        """Take a minute as Postgres has it."""
        self._settled[minute] = flow
        self._forget(self._settled)

    def _forget(self, told: dict[int, Flow]) -> None:
        while len(told) > self._keep:
            del told[min(told)]

"""Buys and sells per minute, by the aggressor's side."""

from collections import OrderedDict
from dataclasses import astuple, dataclass
from decimal import Decimal

from include.market.events import Trade
from include.market.time import MINUTE_US

_REMEMBERED = 20_000


@dataclass
class TradeFlow:
    """One minute's counts and sums: base quantity, and price times quantity in quote units.

    `forced_buy_base` and `forced_sell_base` are what liquidations bought and sold of it.
    """

    buys: int = 0
    sells: int = 0
    buy_base: Decimal = Decimal(0)
    sell_base: Decimal = Decimal(0)
    buy_quote: Decimal = Decimal(0)
    sell_quote: Decimal = Decimal(0)
    forced_buy_base: Decimal = Decimal(0)
    forced_sell_base: Decimal = Decimal(0)

    @property
    def trades(self) -> int:
        """Buys and sells together."""
        return self.buys + self.sells

    def __add__(self, other: "TradeFlow") -> "TradeFlow":
        """The flow of both together."""
        sums = zip(astuple(self), astuple(other), strict=True)
        return TradeFlow(*(mine + others for mine, others in sums))

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
        forced_sides = _forced_sides(trade)
        self.forced_buy_base += trade.quantity * ("buy" in forced_sides)
        self.forced_sell_base += trade.quantity * ("sell" in forced_sides)


def _forced_sides(trade: Trade) -> tuple[str, ...]:
    """The sides on which an order was a liquidation."""
    sides = {"buy": ("buy", "sell"), "sell": ("sell", "buy")}.get(trade.side or "", ())
    whose = {"taker": sides[:1], "maker": sides[1:], "both": sides}
    return whose.get(trade.liquidation or "", ())


class MinuteFlows:
    """The flows of one symbol of one venue by minute (since the epoch), the newest `keep` minutes.

    They have two sources: trades from Kafka, each counted once even if a reconnected feed repeats
    it, and the minutes of Postgres. Postgres has the trades from before this process started, late
    and healed ones; it may lack Kafka's newest. For each minute the source with more trades wins.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._trade_ids: OrderedDict[str, None] = OrderedDict()
        self._from_kafka: dict[int, TradeFlow] = {}
        self._from_postgres: dict[int, TradeFlow] = {}

    @property
    def flows(self) -> dict[int, TradeFlow]:
        """Each minute's flow."""
        merged = dict(self._from_kafka)
        for minute, flow in self._from_postgres.items():
            counted = merged.get(minute)
            if counted is None or flow.trades >= counted.trades:
                merged[minute] = flow
        return {minute: merged[minute] for minute in sorted(merged)[-self._keep :]}

    def add(self, trade: Trade) -> None:
        """Count a trade from Kafka in its minute."""
        if trade.trade_id in self._trade_ids:
            return
        self._trade_ids[trade.trade_id] = None
        if len(self._trade_ids) > _REMEMBERED:
            self._trade_ids.popitem(last=False)
        self._from_kafka.setdefault(trade.traded_at // MINUTE_US, TradeFlow()).add(trade)
        self._drop_old(self._from_kafka)

    def served_flow(self, minute: int) -> TradeFlow:
        """A minute as Postgres has it; empty where it has none."""
        return self._from_postgres.get(minute, TradeFlow())

    def settle(self, minute: int, flow: TradeFlow) -> None:
        """Set a minute as Postgres has it."""
        self._from_postgres[minute] = flow
        self._drop_old(self._from_postgres)

    def _drop_old(self, flows: dict[int, TradeFlow]) -> None:
        while len(flows) > self._keep:
            del flows[min(flows)]

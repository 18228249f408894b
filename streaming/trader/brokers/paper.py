"""The paper broker: fills against the top of the book that the decision saw."""

from decimal import Decimal

from include.market.events import Order
from include.trading import paper
from include.trading.account import Account
from include.trading.inputs import SeenTop
from include.trading.instrument import Instrument
from include.trading.reasons import Reason
from streaming.trader.brokers import Outcome


class PaperBroker:
    """Fills an order within the process; nothing leaves it."""

    name = "paper"
    remote = False

    def __init__(self, fee_bps: Decimal) -> None:
        """`fee_bps` is the taker fee in basis points."""
        self._fee_bps = fee_bps

    def instrument(self) -> Instrument | None:
        """Null: the one that is known already."""
        return None

    def vetoes(self) -> tuple[Reason, ...]:
        """None: paper takes every order."""
        return ()

    def place(self, order: Order, top: SeenTop | None) -> Outcome:
        """The paper fill."""
        return Outcome(*paper.fill(order, top, fee_bps=self._fee_bps))

    def resolve(self, order: Order) -> Outcome:
        """Never placed: paper orders are settled in the transaction that decides them."""
        return Outcome(*paper.fill(order, None, fee_bps=self._fee_bps))

    def reconcile(self, account: Account, *, new: bool) -> Account:
        """The account as it is."""
        return account

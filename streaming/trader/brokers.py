"""Brokers behind one protocol: what becomes of an intended order."""

from decimal import Decimal
from typing import NamedTuple, Protocol

from include.market.events import Fill, Order
from include.trading import paper
from include.trading.account import Account
from include.trading.inputs import SeenTop
from include.trading.terms import Terms


class Outcome(NamedTuple):
    """An order as it was left, with all its executions."""

    order: Order
    fills: tuple[Fill, ...]


class Broker(Protocol):
    """Takes immediate-or-cancel orders.

    With `remote`, an order is written down as intended before it is placed, and one whose outcome
    was not saved is resolved, never placed again.
    """

    name: str
    remote: bool

    def terms(self) -> Terms | None:
        """The venue's steps and least order; null: those that are known already.

        Raises:
            Unreachable: the venue does not tell them.
        """

    def blocks(self) -> tuple[str, ...]:
        """Why no order can be placed now, as reason codes; often none."""

    def place(self, order: Order, book: SeenTop | None) -> Outcome:
        """Place an order and give its outcome."""

    def resolve(self, order: Order) -> Outcome:
        """Find out what became of an order that may or may not have been placed."""

    def reconcile(self, account: Account, *, new: bool) -> Account:
        """The account to go on with: this one, or what the venue holds if it is `new`.

        Raises:
            OrderRefused: the venue holds something else than the account.
        """


class PaperBroker:
    """Fills against the book that the decision saw; nothing leaves the process."""

    name = "paper"
    remote = False

    def __init__(self, fee_bps: Decimal) -> None:
        """`fee_bps` is the taker fee in basis points."""
        self._fee_bps = fee_bps

    def terms(self) -> Terms | None:
        """Those that are known."""
        return None

    def blocks(self) -> tuple[str, ...]:
        """Paper is patient."""
        return ()

    def place(self, order: Order, book: SeenTop | None) -> Outcome:
        """The paper fill."""
        return Outcome(*paper.fill(order, book, fee_bps=self._fee_bps))

    def resolve(self, order: Order) -> Outcome:
        """Never placed: paper orders are settled in the transaction that decides them."""
        return Outcome(*paper.fill(order, None, fee_bps=self._fee_bps))

    def reconcile(self, account: Account, *, new: bool) -> Account:
        """The account as it is."""
        return account

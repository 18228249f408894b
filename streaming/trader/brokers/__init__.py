"""Brokers behind one protocol: what becomes of an intended order."""

from typing import NamedTuple, Protocol

from include.market.events import Fill, Order
from include.trading.account import Account
from include.trading.inputs import SeenTop
from include.trading.instrument import Instrument
from include.trading.reasons import Reason


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

    def instrument(self) -> Instrument | None:
        """The venue's steps and minimum order; null: those that are known already.

        Raises:
            Unreachable: the venue does not answer.
        """

    def vetoes(self) -> tuple[Reason, ...]:
        """Why no order can be placed now; often none."""

    def place(self, order: Order, top: SeenTop | None) -> Outcome:
        """Place an order and give its outcome."""

    def resolve(self, order: Order) -> Outcome:
        """Find out what became of an order that may or may not have been placed."""

    def reconcile(self, account: Account, *, new: bool) -> Account:
        """The account to go on with: this one, or what the venue holds if it is `new`.

        Raises:
            OrderRefused: the venue holds something else than the account.
        """

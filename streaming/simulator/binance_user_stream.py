"""A connection of the simulated Binance's WebSocket API: its session and its user data stream.

Source: binance/binance-spot-api-docs, web-socket-api.md, "User Data Stream requests".
"""

from streaming.simulator import binance_parameters as p
from streaming.simulator.binance_account import BinanceAccount
from streaming.simulator.binance_parameters import BinanceError, Param
from streaming.simulator.json_fields import Fields

UNSUBSCRIBE = (Param("subscriptionId", p.read_whole, "0"),)


class UserStreamSession:
    """Whether one connection gets the account's events, and from which on."""

    def __init__(self, account: BinanceAccount) -> None:
        self._account, self._connected_ms = account, account.clock.now_ms()
        self._subscription_id, self._is_subscribed, self._sent_count = -1, False, 0

    def describe(self, now_ms: int) -> Fields:
        """The session, as `session.status` gives it."""
        return {
            "apiKey": None,
            "authorizedSince": None,
            "connectedSince": self._connected_ms,
            "returnRateLimits": True,
            "serverTime": now_ms,
            "userDataStream": self._is_subscribed,
        }

    def subscriptions(self) -> list[Fields]:
        """The subscriptions that there are."""
        return [{"subscriptionId": self._subscription_id}] if self._is_subscribed else []

    def subscribe(self) -> Fields:
        """Get the events from now on.

        Raises:
            BinanceError: the connection gets them already.
        """
        if self._is_subscribed:
            raise BinanceError(400, -2035, "Subscription is already active.")
        self._subscription_id, self._is_subscribed = self._subscription_id + 1, True
        self._sent_count = len(self._account.events)
        return {"subscriptionId": self._subscription_id}

    def unsubscribe(self, subscription_id: object) -> Fields:
        """Get no more events.

        Raises:
            BinanceError: there is no such subscription.
        """
        if not self._is_subscribed or subscription_id not in {None, self._subscription_id}:
            raise BinanceError(400, -2036, "Subscription is not active.")
        self._is_subscribed = False
        return {}

    def new_events(self) -> list[Fields]:
        """The events since the last call, each with its subscription."""
        if not self._is_subscribed:
            return []
        self._account.fill_resting()
        events = self._account.events[self._sent_count :]
        self._sent_count += len(events)
        return [{"subscriptionId": self._subscription_id, "event": event} for event in events]

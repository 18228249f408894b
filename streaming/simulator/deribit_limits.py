"""What Deribit's clients spend and hold: credits of requests, tokens of log-ins. Pure.

Source: docs.deribit.com, "Rate limits" and "Authentication".
"""

from dataclasses import dataclass, field

from streaming.simulator.deribit_error import DeribitError
from streaming.simulator.limits import Pool

TOO_MANY = 10028


class Credits:
    """The cost of requests: 500 of 50,000 credits each, 3,000 of 30,000 where they subscribe.

    Both pools get 10,000 a second.
    """

    def __init__(self) -> None:
        self._ordinary = Pool(50_000, per_s=10_000)
        self._subscribing = Pool(30_000, per_s=10_000)

    def pay(self, method: str, now_ms: int) -> None:
        """Pay for a request.

        Raises:
            DeribitError: there are too few credits left.
        """
        subscribes = method.endswith("/subscribe")
        pool, cost = (self._subscribing, 3000) if subscribes else (self._ordinary, 500)
        if not pool.take(cost, now_ms / 1000):
            raise DeribitError(TOO_MANY, "too_many_requests")


@dataclass
class Tokens:
    """The tokens of all log-ins: until when an access token serves; refresh tokens serve once."""

    _until_ms: dict[str, int] = field(default_factory=dict)
    _refresh: set[str] = field(default_factory=set)
    _count: int = 0

    def issue(self, until_ms: int) -> tuple[str, str]:
        """A new access token and its refresh token."""
        self._count += 1
        access, refresh = f"access-{self._count}", f"refresh-{self._count}"
        self._until_ms[access] = until_ms
        self._refresh.add(refresh)
        return access, refresh

    def use_refresh(self, token: object) -> None:
        """Spend a refresh token.

        Raises:
            DeribitError: it is unknown, or was spent.
        """
        if token not in self._refresh:
            raise DeribitError(13009, "invalid_token")
        self._refresh.discard(str(token))

    def end_ms(self, token: str) -> int:
        """Until when an access token serves; zero for one that never did."""
        return self._until_ms.get(token, 0)

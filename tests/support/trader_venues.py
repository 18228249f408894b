"""Venues of the tests' own, so that traders on one broker do not meet: `t` and ten hex digits."""

import os
import re

from include import setting_kinds
from include.market.venues import VENUES


class _WithTestVenues(dict[str, object]):
    """The venues that settings may name, and those of tests."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or bool(re.fullmatch(r"t[0-9a-f]{10}", str(name)))


def make_venue_name() -> str:
    """A name that no other world has; settings take it in each process that imports this."""
    return f"t{os.urandom(5).hex()}"


setting_kinds.VENUES = _WithTestVenues(VENUES)  # type: ignore[assignment]

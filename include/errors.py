"""The one tree of errors.

TickhouseError
├── Permanent            trying again cannot help: the input or the set-up must change
│   ├── SettingsError    settings that are missing or malformed, all of them at once
│   ├── PlatformError    this machine cannot start or run the platform as it is
│   ├── StateError       a state file that is damaged, named with its place
│   ├── RejectedFrame    a frame that no decoder understood (goes to quarantine whole)
│   ├── WireError        bytes that are not a Tickhouse message
│   ├── HistoryError     a history file or table that cannot be used, with its rows
│   ├── GateFailed       a data-quality suite that failed, or could not run
│   ├── UnreadableTable  a Delta table whose log is damaged; names the damage and its repair
│   │   └── UnreadFeature   one that is whole, with a feature of Delta that is not read here
│   ├── ForecastError    a forecast file that is missing, damaged, or implausible
│   ├── OrderRefused     the venue, the account or a risk rule refused it
│   └── QueryError       SQL or a report that cannot be answered
│       └── NoBook       there is no book at a moment; names the cause
└── Transient            trying again may help
    ├── Unreachable      a broker, database, venue or web address does not answer
    └── RateLimited      the venue asked us to wait for `retry_after_s`
"""


def first_line(failure: object) -> str:
    """The first line of an error's text that is not empty; its class if none is."""
    lines = (line.strip() for line in str(failure).splitlines())
    return next((line for line in lines if line), type(failure).__name__)


class TickhouseError(Exception):
    """The base of every error of Tickhouse; its message names the thing and the value."""


class Permanent(TickhouseError):
    """Trying again cannot help."""


class Transient(TickhouseError):
    """Trying again may help."""


class SettingsError(Permanent):
    """Settings that are missing or malformed."""


class PlatformError(Permanent):
    """This machine cannot start or run the platform as it is."""


class StateError(Permanent):
    """A state file that is damaged."""


class RejectedFrame(Permanent):
    """A frame that no decoder understood, or a part of one; `reason` is a short stable code.

    `needs_snapshot`: a book lost a change by it, and only a new connection can bring it back.
    """

    def __init__(self, reason: str, detail: str = "", *, needs_snapshot: bool = False) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.needs_snapshot = needs_snapshot


class WireError(Permanent):
    """Bytes that are not a Tickhouse message."""


class HistoryError(Permanent):
    """A history file or table that cannot be used."""


class GateFailed(Permanent):
    """A data-quality suite that failed, or could not run."""


class UnreadableTable(Permanent):
    """A Delta table whose log is damaged."""


class UnreadFeature(UnreadableTable):
    """A Delta table that is whole, and that a feature of Delta keeps from being read here."""


class ForecastError(Permanent):
    """A forecast file that is missing, damaged, or implausible."""


class OrderRefused(Permanent):
    """The venue, the account or a risk rule refused it; `reason` is a short stable code."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class QueryError(Permanent):
    """SQL or a report that cannot be answered."""


class NoBook(QueryError):
    """There is no book of a symbol at a moment."""


class Unreachable(Transient):
    """A broker, database, venue or web address does not answer."""


class RateLimited(Transient):
    """The venue asked us to wait `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


def shorten(text: str, *, chars: int = 80) -> str:
    """The text for a message that names it: its beginning, if it is longer than so many."""
    return text if len(text) <= chars else f"{text[:chars]}…"

"""The kinds of settings: what a text may be, beside what a number may be. Pure.

A field's type names its kind (`Annotated`): a parser reads the text, a check looks at what it
read. Both raise ValueError with the end of a sentence that begins with name and value.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from include.market.symbols import require_symbol
from include.market.venues import VENUES
from include.setting_fields import NumberRange, Secret

LARGEST_PORT = 65_535
YES, NO = "yes", "no"
CHART_MINUTES = ("15", "30", "60", "120")
_MEANINGS = dict.fromkeys((YES, "y", "true", "t", "on", "1"), YES)
_MEANINGS |= dict.fromkeys((NO, "n", "false", "f", "off", "0"), NO)
_WORLD = re.compile(r"[^\W_][\w.-]{0,63}", re.ASCII)
_MEMORY = re.compile(r"0*[1-9]\d{0,8}[kmgt]?b?", re.ASCII | re.IGNORECASE)
_MASTER = re.compile(r"local(\[[\d*, ]+\])?|local-cluster\[[\d, ]+\]|yarn|(spark|k8s)://\S+")
_DERIBIT_BOOK = re.compile(r"\d+ms|raw|agg2|\w+\.\d+\.(\d+ms|raw|agg2)")
_ADDRESS = r"[^\s@<>,;\[\]]+@([^\s@<>,;\[\]]+|\[[\w.:]+\])"
_MAILBOX = re.compile(rf"{_ADDRESS}|[^<>@]*<{_ADDRESS}>")


class Requirement(NamedTuple):
    """What a text must be; raises ValueError for another."""

    require: Callable[[str], object]


class Parser(NamedTuple):
    """How a text is read; raises ValueError for one that cannot be."""

    parse: Callable[[str], str]


def _read_yes_or_no(text: str) -> str:
    meaning = _MEANINGS.get(text.strip().lower())
    if meaning is None:
        raise ValueError("must be yes or no")
    return meaning


def _require_text(text: str) -> None:
    if not text.isprintable():
        raise ValueError("holds a control character")


def _require_world(text: str) -> None:
    if not _WORLD.fullmatch(text) or ".." in text:
        raise ValueError("must be letters, digits, `_`, `-` and `.`, a letter or a digit first")


def _require_host(text: str) -> None:
    _require_text(text)
    if "://" in text or "@" in text or any(character.isspace() for character in text):
        raise ValueError("not a host's name or address")


def _require_host_port(text: str) -> None:
    host, _, port = text.rpartition(":")
    _require_host(host)
    is_port = port.isascii() and port.isdecimal() and len(port) <= len(str(LARGEST_PORT))
    if not host or not is_port or not 0 < int(port) <= LARGEST_PORT:
        raise ValueError(f"{text!r} is not host:port, with a port from 1 to {LARGEST_PORT}")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise ValueError(f"{text!r} is not host:port with an IPv6 address in brackets")


def _require_host_ports(text: str) -> None:
    for server in text.split(","):
        _require_host_port(server.strip())


def _require_url(text: str, schemes: tuple[str, ...]) -> None:
    begins = " or ".join(f"{scheme}://" for scheme in schemes)
    fault = f"not an address that begins with {begins}"
    try:
        parts = urlsplit(text)
        is_url = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError as error:  # a port that is none, a bracket without its other
        raise ValueError(fault) from error
    if not is_url or not text.isprintable() or " " in text:
        raise ValueError(fault)


def _require_page(text: str) -> None:
    _require_url(text, ("http", "https"))


def _require_websocket(text: str) -> None:
    _require_url(text, ("ws", "wss"))


def _require_address(text: str) -> None:
    if not _MAILBOX.fullmatch(text.strip()) or not text.isprintable():
        raise ValueError(f"{text.strip()!r} is not an e-mail address")


def _require_addresses(text: str) -> None:
    for address in text.split(","):
        _require_address(address)


def _require_memory(text: str) -> None:
    if not _MEMORY.fullmatch(text):
        raise ValueError("not a size of memory such as 512m or 2g")


def _require_master(text: str) -> None:
    if not _MASTER.fullmatch(text):
        raise ValueError("must be local[N], spark://HOST:PORT, k8s://… or yarn")


def _require_venue(text: str) -> None:
    if text not in VENUES:
        raise ValueError(f"must be one of {', '.join(VENUES)}")


def _require_chart_minutes(text: str) -> None:
    if text not in CHART_MINUTES:
        raise ValueError(f"must be one of {', '.join(CHART_MINUTES)}")


def _require_deribit_book(text: str) -> None:
    if not _DERIBIT_BOOK.fullmatch(text):
        raise ValueError("must be an interval (100ms) or group.depth.interval (none.20.100ms)")


# Upper bounds of lengths are a hundred years and a petabyte: what exceeds them is a wrong unit, and
# fits no clock or disk. A field's own `bounds` may be closer.
Port = Annotated[int, NumberRange(lowest=1, highest=LARGEST_PORT)]
PortOrOff = Annotated[int, NumberRange(highest=LARGEST_PORT)]
FloatSeconds = Annotated[float, NumberRange(highest=3.2e9)]
WholeSeconds = Annotated[int, NumberRange(highest=3.2e9)]
Minutes = Annotated[int, NumberRange(highest=52_560_000)]
FloatMinutes = Annotated[float, NumberRange(highest=52_560_000)]
ChartMinutes = Annotated[int, Requirement(_require_chart_minutes)]
Hours = Annotated[float, NumberRange(highest=876_000)]
WholeHours = Annotated[int, NumberRange(highest=876_000)]
Days = Annotated[int, NumberRange(highest=36_500)]
Megabytes = Annotated[int, NumberRange(highest=10**9)]
Amount = Annotated[int, NumberRange(highest=10**9)]
Money = Annotated[Decimal, NumberRange(highest=10**15)]
Ratio = Annotated[Decimal, NumberRange(highest=10**9)]
FloatRatio = Annotated[float, NumberRange(highest=1e9)]
BasisPoints = Annotated[Decimal, NumberRange(highest=10**6)]

Text = Annotated[str, Requirement(_require_text)]
YesOrNo = Annotated[str, Parser(_read_yes_or_no)]
World = Annotated[str, Requirement(_require_world)]
Host = Annotated[str, Requirement(_require_host)]
HostPorts = Annotated[str, Requirement(_require_host_ports)]
PageUrl = Annotated[str, Requirement(_require_page)]
WebsocketUrl = Annotated[str, Requirement(_require_websocket)]
SecretUrl = Annotated[Secret, Requirement(_require_page)]
Mailbox = Annotated[str, Requirement(_require_address)]
Mailboxes = Annotated[str, Requirement(_require_addresses)]
Memory = Annotated[str, Requirement(_require_memory)]
SparkMaster = Annotated[str, Requirement(_require_master)]
VenueName = Annotated[str, Requirement(_require_venue)]
Symbol = Annotated[str, Parser(require_symbol)]
DeribitBook = Annotated[str, Requirement(_require_deribit_book)]

"""A script of faults: what goes wrong, at which venue, and when. Pure.

A script is YAML (or JSON, which is YAML too): `speed` of its clock, and a list of `faults`.

    speed: 86400                                    # a day of the script passes in a second
    faults:
      - {fault: close, venue: binance, age_s: 86400, times: 0, code: 1008}   # the 24-hour cut
      - {fault: skip, venue: gemini, message: 40}   # the 40th message of a connection is lost
      - {fault: answer, path: /products/, status: 429, headers: {Retry-After: "3"}}

When: `at_s` (since the script was loaded), `age_s` (since the connection was made), `message` (the
n-th of a connection that matches), on the `connection`-th made since loading; with none of them at
once. `times` is how often in all (0: for ever). `stream` is text that a message must contain.
"""

import re
from typing import Annotated, Literal

import msgspec
import yaml

from include.errors import SettingsError

Count = Annotated[int, msgspec.Meta(ge=0)]
Nth = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Status = Annotated[int, msgspec.Meta(ge=200, le=599)]


def _tag(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Fault(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="fault",
    tag=_tag,
):
    """When a fault strikes, and which venue; its name and parameters are those of its class."""

    venue: Literal["", "binance", "gemini", "deribit"] = ""
    stream: str = ""
    at_s: Seconds | None = None
    age_s: Seconds | None = None
    message: Nth | None = None
    connection: Nth | None = None
    times: Count = 1


class Refuse(Fault, frozen=True, kw_only=True):
    """The handshake fails: with an HTTP status, or (0) with the connection dropped."""

    status: Literal[0] | Status = 0
    body: str = ""
    headers: dict[str, str] = {}


class Stall(Fault, frozen=True, kw_only=True):
    """The handshake is answered only after so many seconds of the script (0: never)."""

    for_s: Seconds = 0.0


class Close(Fault, frozen=True, kw_only=True):
    """The connection ends before a message, or on a request that contains `request`.

    1006 is a reset of TCP, any other code a proper close.
    """

    code: Annotated[int, msgspec.Meta(ge=1000, le=4999)] = 1006
    request: str = ""


class Cut(Fault, frozen=True, kw_only=True):
    """The connection ends within a message: this share of it was sent."""

    share: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5


class Silence(Fault, frozen=True, kw_only=True):
    """After a message no more data for so many seconds (0: for ever).

    Heartbeats go on unless that is false.
    """

    for_s: Seconds = 0.0
    heartbeats: bool = True


class Partition(Fault, frozen=True, kw_only=True):
    """Nothing passes either way for so many seconds, pings and handshakes included."""

    for_s: Annotated[float, msgspec.Meta(gt=0)]


class Skip(Fault, frozen=True, kw_only=True):
    """A message is lost; its number is not used again."""


class Repeat(Fault, frozen=True, kw_only=True):
    """A message comes twice."""


class Reorder(Fault, frozen=True, kw_only=True):
    """A message comes after the one behind it."""


class Crossed(Fault, frozen=True, kw_only=True):
    """A message whose best bid is above its best ask."""


class NumbersAsText(Fault, frozen=True, kw_only=True):
    """Numbers of these keys (none named: of all) come as text."""

    keys: list[str] = []


class TextAsNumbers(Fault, frozen=True, kw_only=True):
    """Text of these keys (none named: of all) that reads as a number comes as one."""

    keys: list[str] = []


class NewField(Fault, frozen=True, kw_only=True):
    """Every object of a message has one more field."""

    key: str = "unannounced"
    value: object = "new"


class NewValue(Fault, frozen=True, kw_only=True):
    """A field that a message has holds another value, such as an unknown kind."""

    key: str
    value: object


class Junk(Fault, frozen=True, kw_only=True):
    """A frame of this text, or of these bytes in hex, comes before a message."""

    text: str = "junk"
    hex: Annotated[str, msgspec.Meta(pattern="^([0-9a-fA-F]{2})*$")] = ""


class ServerShutdown(Fault, frozen=True, kw_only=True):
    """Binance's notice, framed as the connection is; the close follows `lead_s` later."""

    lead_s: Seconds = 1.0


class IgnoreRequest(Fault, frozen=True, kw_only=True):
    """A request that contains this text is never answered."""

    request: Annotated[str, msgspec.Meta(min_length=1)]


class RefuseRequest(Fault, frozen=True, kw_only=True):
    """A request that contains this text is answered by an error of the venue's shape."""

    request: Annotated[str, msgspec.Meta(min_length=1)]
    code: int = 13009
    reason: str = "invalid_token"


class Answer(Fault, frozen=True, kw_only=True):
    """What HTTP requests of paths that begin so get instead of their answer."""

    path: Annotated[str, msgspec.Meta(min_length=1, pattern="^/")]
    status: Status = 200
    body: str = ""
    headers: dict[str, str] = {}


Ending = Close | Cut
Edit = Crossed | NumbersAsText | TextAsNumbers | NewField | NewValue
OfRequest = Close | IgnoreRequest | RefuseRequest
OfHandshake = Refuse | Stall
AnyFault = (
    Refuse
    | Stall
    | Close
    | Cut
    | Silence
    | Partition
    | Skip
    | Repeat
    | Reorder
    | Crossed
    | NumbersAsText
    | TextAsNumbers
    | NewField
    | NewValue
    | Junk
    | ServerShutdown
    | IgnoreRequest
    | RefuseRequest
    | Answer
)


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Faults, and how many seconds of the script pass in one."""

    faults: list[AnyFault] = []
    speed: Annotated[float, msgspec.Meta(gt=0)] = 1.0


def read(text: str) -> Script:
    """Read a script.

    Raises:
        SettingsError: it is not one; the message names the key and its value.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"the script of faults is no YAML: {error}") from error
    try:
        return msgspec.convert({} if document is None else document, type=Script)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"script of faults: {_error_with_value(str(error), document)}"
        ) from error


def _error_with_value(message: str, document: object) -> str:
    """`faults[0].at_s = 'soon': Expected …` from msgspec's message."""
    reason, _, path = message.partition(" - at `$")
    path = path.rstrip("`").removeprefix(".")
    if unknown := re.search(r"unknown field `(\w+)`", reason):
        path, reason = f"{path}.{unknown[1]}".lstrip("."), "no such key"
    node = document
    for key, index in re.findall(r"(\w+)|\[(\d+)\]", path):
        try:
            node = node[key] if key else node[int(index)]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            break
    return f"{path or 'it'} = {node!r}: {reason}"

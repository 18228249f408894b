"""A file brought here whole: taken up again where it broke off, and held against its checksum."""

import base64
import hashlib
import http.client
import logging
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from email.message import Message
from pathlib import Path

from include.errors import HistoryError, Unreachable
from include.log import event

TIMEOUT_S = 60
TRIES = 3
CHUNK = 1 << 20
CONTENT, REST, PAST_THE_END = 200, 206, 416
REFUSED = {401: "the log-in was refused", 403: "the log-in may not read it", 404: "there is none"}
log = logging.getLogger("tickhouse.history")


def download(address: Callable[[], str], target: Path, *, name: str) -> Path:
    """The file at an address, asked for anew at each try (a signed one expires).

    What a broken try brought stays beside the target as `.partial` with the server's tag, and the
    next try, in this process or a later one, asks for the rest if the tag is still the same.

    Raises:
        HistoryError: the server refuses for good.
        Unreachable: it does not answer, breaks off `TRIES` times, or sends a file that is not
            the one its checksum tells of.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial, tag = (
        target.with_name(f"{target.name}.partial"),
        target.with_name(f"{target.name}.tag"),
    )
    cause = ""
    for attempt in range(1, TRIES + 1):
        try:
            headers = _rest(address(), partial, tag)
        except urllib.error.HTTPError as error:
            cause = _refused(error, name=name)
        except (OSError, http.client.HTTPException, ValueError) as error:
            cause = str(error) or type(error).__name__
        else:
            cause = _unsound(partial, headers)
            if not cause:
                tag.unlink(missing_ok=True)
                return partial.replace(target)
            partial.unlink()
        log.warning(event("download broke off", of=name, attempt=attempt, cause=cause))
    raise Unreachable(f"{name}: {cause}, {TRIES} times")


def _rest(address: str, partial: Path, tag: Path) -> Message:
    """Append what is missing (or write all anew); give the headers of the answer."""
    there = partial.stat().st_size if partial.exists() and tag.exists() else 0
    asked = urllib.request.Request(address)
    if there:
        asked.add_header("Range", f"bytes={there}-")
        asked.add_header("If-Range", tag.read_text())
    try:
        with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as reply:
            resumed = reply.status == REST
            if not resumed:
                tag.write_text(reply.headers.get("ETag") or "")
            with partial.open("ab" if resumed else "wb") as file:
                while chunk := reply.read(CHUNK):
                    file.write(chunk)
            headers: Message = reply.headers
    except urllib.error.HTTPError as error:
        if error.code != PAST_THE_END:
            raise
        partial.unlink()  # what is here is longer than what is there: begin anew
        raise OSError("what was here is not the beginning of what is there") from error
    promised = headers.get("Content-Length")
    brought = partial.stat().st_size - (there if resumed else 0)
    if promised is not None and brought < int(promised):
        raise OSError(f"broke off after {brought} of {promised} bytes")
    return headers


def _refused(error: urllib.error.HTTPError, *, name: str) -> str:
    if error.code in REFUSED:
        raise HistoryError(f"{name}: {REFUSED[error.code]} ({error.code})") from error
    return f"answered {error.code}"


def _unsound(partial: Path, headers: Mapping[str, str] | Message) -> str:
    """Why the file is not the one its md5 tells of; empty if it is, or if none is told."""
    told = dict(
        part.strip().split("=", 1)
        for part in (headers.get("X-Goog-Hash") or "").split(",")
        if "=" in part
    )
    if "md5" not in told:
        return ""
    digest = hashlib.md5(usedforsecurity=False)
    with partial.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    if base64.b64encode(digest.digest()).decode() == told["md5"]:
        return ""
    return "its md5 is not the one the server tells"


class _Staying(urllib.request.HTTPRedirectHandler):
    """Does not follow: the log-in is for the first server alone."""

    def redirect_request(self, *_: object) -> None:
        return None


def redirected(address: str, headers: Mapping[str, str], *, name: str) -> str:
    """Where a server that wants a log-in sends us on to, as an absolute address.

    Raises:
        HistoryError: the log-in is refused or there is no such thing.
        OSError: it does not answer, or with something else.
    """
    asked = urllib.request.Request(address, headers=dict(headers))
    try:
        with urllib.request.build_opener(_Staying()).open(asked, timeout=TIMEOUT_S):
            raise OSError("no address was told")
    except urllib.error.HTTPError as error:
        place = error.headers.get("Location")
        if place:
            return urllib.parse.urljoin(address, place)
        raise OSError(_refused(error, name=name)) from error

"""A file downloaded completely: resumed after an interruption, and compared with its checksum."""

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

from include.atomic_files import publish, write_file
from include.errors import HistoryError, Unreachable
from include.log import event
from include.market.numerals import parse_whole
from include.redirects import NoRedirect

TIMEOUT_S = 60
TRIES = 3
CHUNK = 1 << 20
PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416
REFUSED = {401: "the log-in was refused", 403: "the log-in may not read it", 404: "there is none"}
log = logging.getLogger("tickhouse.history")


def download(address: Callable[[], str], target: Path, *, name: str) -> Path:
    """The file at an address, which is recomputed for each try (a signed one expires).

    What a broken try downloaded stays beside the target as `.partial` with the server's ETag, and
    the next try, in this process or a later one, resumes it if the tag is still the same.

    Raises:
        HistoryError: the server refuses permanently.
        Unreachable: it does not answer, breaks off `TRIES` times, or sends a file that
            does not have its checksum.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial, tag = (
        target.with_name(f"{target.name}.partial"),
        target.with_name(f"{target.name}.tag"),
    )
    cause = ""
    for attempt in range(1, TRIES + 1):
        try:
            headers = _resume(address(), partial, tag)
        except urllib.error.HTTPError as error:
            cause = _explain_refusal(error, name=name)
        except (OSError, http.client.HTTPException, ValueError) as error:
            cause = str(error) or type(error).__name__
        else:
            cause = _compare_checksum(partial, headers)
            if not cause:
                tag.unlink(missing_ok=True)
                publish(partial, target)
                return target
            partial.unlink()
        log.warning(event("download interrupted", of=name, attempt=attempt, cause=cause))
    raise Unreachable(f"{name}: {cause}, {TRIES} times")


def _resume(address: str, partial: Path, tag: Path) -> Message:
    """Append what is missing (or write all of it again); give the headers of the answer."""
    etag = _read_tag(tag)
    present = partial.stat().st_size if etag and partial.exists() else 0
    request = urllib.request.Request(address)
    if present:
        request.add_header("Range", f"bytes={present}-")
        request.add_header("If-Range", etag)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
            resumed = reply.status == PARTIAL_CONTENT
            if not resumed:
                write_file(tag, reply.headers.get("ETag") or "")
            with partial.open("ab" if resumed else "wb") as file:
                while chunk := reply.read(CHUNK):
                    file.write(chunk)
            headers: Message = reply.headers
    except urllib.error.HTTPError as error:
        if error.code != RANGE_NOT_SATISFIABLE:
            raise
        partial.unlink()  # the partial file is longer than the server's: start again
        raise OSError("the partial file is not the beginning of the server's") from error
    expected = parse_whole(headers.get("Content-Length", ""))
    received = partial.stat().st_size - (present if resumed else 0)
    if expected is not None and received < expected:
        raise OSError(f"interrupted after {received} of {expected} bytes")
    return headers


def _read_tag(tag: Path) -> str:
    """The server's name of the version that is half here; empty if it is unknown or damaged."""
    try:
        text = tag.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
    return text if text.isprintable() else ""


def _explain_refusal(error: urllib.error.HTTPError, *, name: str) -> str:
    if error.code in REFUSED:
        raise HistoryError(f"{name}: {REFUSED[error.code]} ({error.code})") from error
    return f"answered {error.code}"


def _compare_checksum(partial: Path, headers: Mapping[str, str] | Message) -> str:
    """Why the file differs from its md5; empty if it does not, or if the server sent none."""
    checksums = dict(
        part.strip().split("=", 1)
        for part in (headers.get("X-Goog-Hash") or "").split(",")
        if "=" in part
    )
    if "md5" not in checksums:
        return ""
    digest = hashlib.md5(usedforsecurity=False)
    with partial.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    if base64.b64encode(digest.digest()).decode() == checksums["md5"]:
        return ""
    return "its md5 is not the one that the server sent"


def follow_login(address: str, headers: Mapping[str, str], *, name: str) -> str:
    """Where a server that wants a log-in redirects to, as an absolute address.

    Raises:
        HistoryError: the log-in is refused or there is no such thing.
        OSError: it does not answer, or with something else.
    """
    request = urllib.request.Request(address, headers=dict(headers))
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=TIMEOUT_S):
            raise OSError("no redirect was sent")
    except urllib.error.HTTPError as error:
        location = error.headers.get("Location")
        if location:
            return urllib.parse.urljoin(address, location)
        raise OSError(_explain_refusal(error, name=name)) from error

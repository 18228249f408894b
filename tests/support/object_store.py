"""An S3-compatible server on this machine: moto's, with the checks of a real one that it lacks.

It refuses other keys than `KEY` and clocks that are too far off with S3's own answers
(https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), and lets conditional puts in
one after another, since moto looks and puts in two steps. Run as a process:
`python -m tests.support.object_store PORT CLOCK_OFF_S [unconditional|forgetful]`: it ignores the
condition, or loses the answer to every second conditional put that it has carried out.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from include.object_path import open_bucket
from include.settings import Settings, load, set_variables
from tests.support.services import eventually, free_ports, running

KEY, SECRET, BUCKET = "the-key", "the-secret", "lake"
SKEW_S = 900.0
CONDITION = "HTTP_IF_NONE_MATCH"
REFUSAL = '<?xml version="1.0"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'
Environ = dict[str, Any]
App = Callable[[Environ, Any], Iterable[bytes]]


def variables(port: int, *, prefix: str = "s3a://lake/store") -> dict[str, str]:
    """The settings of a world whose store is this server's."""
    return {
        "TICKHOUSE_STORE": prefix,
        "TICKHOUSE_S3_ENDPOINT": f"http://127.0.0.1:{port}",
        "TICKHOUSE_S3_ACCESS_KEY": KEY,
        "TICKHOUSE_S3_SECRET_KEY": SECRET,
    }


@contextmanager
def object_store(folder: Path, *, clock_off_s: float = 0.0, mode: str = "sound") -> Iterator[int]:
    """A running server with an empty bucket; gives its port."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", __name__, str(port), str(clock_off_s), mode]
    folder.mkdir(parents=True, exist_ok=True)
    with running(command, log=folder / "object-store.log"):
        eventually(lambda: _has_bucket(port), what="the object store answers")
        yield port


@contextmanager
def used(port: int) -> Iterator[Settings]:
    """Settings of the server, which the clients of this process use in the block."""
    settings = load(variables(port))
    with use_store_of(settings):
        yield settings


@contextmanager
def use_store_of(settings: Settings) -> Iterator[None]:
    """Let the clients of this process use the object store of some settings in the block."""
    before = {name: os.environ[name] for name in os.environ if name.startswith("AWS_")}
    set_variables(settings.s3_variables)
    try:
        yield
    finally:
        for name in settings.s3_variables:
            del os.environ[name]
        os.environ.update(before)
        open_bucket.cache_clear()


def _has_bucket(port: int) -> bool:
    import urllib.request

    request = urllib.request.Request(f"http://127.0.0.1:{port}/{BUCKET}", method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class Checked:
    """The server, behind what S3 checks of each request. Without a key one may make the bucket."""

    def __init__(self, app: App, *, clock_off_s: float, mode: str) -> None:
        self._app, self._clock_off_s, self._mode = app, clock_off_s, mode
        self._lock, self._puts = threading.Lock(), 0

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        code = self._refusal(environ)
        if code:
            return refuse(start_response, "403 Forbidden", code)
        if CONDITION not in environ:
            return self._app(environ, start_response)
        if self._mode == "unconditional":
            del environ[CONDITION]
        with self._lock:
            self._puts += 1
            if self._mode == "forgetful" and self._puts % 2:
                list(self._app(environ, lambda *_: None))
                return refuse(start_response, "500 Internal Server Error", "InternalError")
            return list(self._app(environ, start_response))

    def _refusal(self, environ: Environ) -> str:
        if environ["PATH_INFO"].strip("/") == BUCKET and environ["REQUEST_METHOD"] == "PUT":
            return ""
        if f"Credential={KEY}/" not in environ.get("HTTP_AUTHORIZATION", ""):
            return "InvalidAccessKeyId"
        sent = datetime.strptime(environ["HTTP_X_AMZ_DATE"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        off_s = abs((datetime.now(UTC) - sent).total_seconds() - self._clock_off_s)
        return "RequestTimeTooSkewed" if off_s > SKEW_S else ""


def refuse(start_response: Any, status: str, code: str) -> list[bytes]:
    content = REFUSAL.format(code=code).encode()
    headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(content)))]
    start_response(status, headers)
    return [content]


def main(port: str, clock_off_s: str, mode: str) -> None:
    from moto.server import create_backend_app
    from werkzeug.serving import WSGIRequestHandler, run_simple

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_request(self, *_: Any) -> None:
            """Nothing: there are thousands."""

    app = Checked(
        create_backend_app("s3"),
        clock_off_s=float(clock_off_s),
        mode=mode,
    )
    run_simple("127.0.0.1", int(port), app, threaded=True, request_handler=Handler)


if __name__ == "__main__":
    main(*sys.argv[1:])

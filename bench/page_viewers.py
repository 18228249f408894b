"""Viewers of the live page, without a browser: they open it, hold its socket, and count."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from bokeh.protocol import Protocol
from tornado.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from include.errors import Unreachable

TOKEN = re.compile(r'"token":\s*"([^"]+)"')
OPENED_S = 60.0
PARTS = 3  # of a message without buffers: header, metadata, content
LARGEST_MESSAGE = 64 * 1024 * 1024


@dataclass
class Seen:
    """What one viewer got: changes of its page, and bytes in all."""

    updates: int = 0
    received: int = 0


@contextmanager
def viewers(url: str, count: int) -> Iterator[list[Seen]]:
    """So many open pages while the block runs; `url` is the page's, such as http://127.0.0.1:5006/.

    Raises:
        Unreachable: a page could not be opened.
    """
    seen = [Seen() for _ in range(count)]
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    tasks = []
    try:
        for one in seen:
            opened = asyncio.run_coroutine_threadsafe(_open(url), loop)
            try:
                link = opened.result(OPENED_S)
            except (HTTPError, OSError, TimeoutError) as error:
                raise Unreachable(f"the page at {url} cannot be opened: {error!r}") from error
            tasks.append(asyncio.run_coroutine_threadsafe(_watch(link, one), loop))
        yield seen
    finally:
        for task in tasks:
            task.cancel()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(OPENED_S)


async def _open(url: str) -> WebSocketClientConnection:
    page = (await AsyncHTTPClient().fetch(url)).body.decode()
    token = TOKEN.search(page)
    if token is None:
        raise Unreachable(f"{url} is no Bokeh page")
    base = url.removesuffix("/")
    asked = HTTPRequest(f"ws{base.removeprefix('http')}/ws", headers={"Origin": base})
    link = await websocket_connect(
        asked, subprotocols=["bokeh", token[1]], max_message_size=LARGEST_MESSAGE
    )
    for _ in range(PARTS):  # the server greets first
        await link.read_message()
    whole = Protocol().create("PULL-DOC-REQ")
    for part in (whole.header_json, whole.metadata_json, whole.content_json):
        await link.write_message(part)
    return link


async def _watch(link: WebSocketClientConnection, seen: Seen) -> None:
    with suppress(asyncio.CancelledError):
        while (part := await link.read_message()) is not None:
            seen.received += len(part)
            seen.updates += isinstance(part, str) and _begins_change(part)
    link.close()


def _begins_change(part: str) -> bool:
    """Whether this is the header of a change of the document."""
    if '"PATCH-DOC"' not in part[:300]:
        return False
    told = json.loads(part)
    return isinstance(told, dict) and told.get("msgtype") == "PATCH-DOC"

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
class Viewer:
    """One open page: changes of it that came, and bytes in all."""

    updates: int = 0
    received_bytes: int = 0


@contextmanager
def open_viewers(url: str, count: int) -> Iterator[list[Viewer]]:
    """So many open pages while the block runs; `url` is the page's, such as http://127.0.0.1:5006/.

    Raises:
        Unreachable: a page could not be opened.
    """
    viewers = [Viewer() for _ in range(count)]
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    tasks = []
    try:
        for viewer in viewers:
            opening = asyncio.run_coroutine_threadsafe(_open(url), loop)
            try:
                connection = opening.result(OPENED_S)
            except (HTTPError, OSError, TimeoutError) as error:
                raise Unreachable(f"the page at {url} cannot be opened: {error!r}") from error
            tasks.append(asyncio.run_coroutine_threadsafe(_watch(connection, viewer), loop))
        yield viewers
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
    origin = url.removesuffix("/")
    handshake = HTTPRequest(f"ws{origin.removeprefix('http')}/ws", headers={"Origin": origin})
    connection = await websocket_connect(
        handshake, subprotocols=["bokeh", token[1]], max_message_size=LARGEST_MESSAGE
    )
    for _ in range(PARTS):  # the server greets first
        await connection.read_message()
    request = Protocol().create("PULL-DOC-REQ")
    for part in (request.header_json, request.metadata_json, request.content_json):
        await connection.write_message(part)
    return connection


async def _watch(page_socket: WebSocketClientConnection, viewer: Viewer) -> None:
    with suppress(asyncio.CancelledError):
        while (part := await page_socket.read_message()) is not None:
            viewer.received_bytes += len(part)
            viewer.updates += isinstance(part, str) and _begins_change(part)
    page_socket.close()


def _begins_change(part: str) -> bool:
    """Whether this is the header of a change of the document."""
    if '"PATCH-DOC"' not in part[:300]:
        return False
    header = json.loads(part)
    return isinstance(header, dict) and header.get("msgtype") == "PATCH-DOC"

"""The addresses of the page: `/flows`, and what it asks for below it.

Kafka is asked in two threads for all viewers; while eight requests wait, a further one gets a
sentence. An answer has 100 records at most, or one.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Template
from tornado.web import RequestHandler

from include.errors import QueryError, TickhouseError
from include.market.wire import TOPICS
from include.settings import Settings
from streaming.dashboard.flows.requests import (
    RANGES_S,
    Answer,
    count_flows,
    find_record,
    find_records,
    parse_lookup,
)

HERE = Path(__file__).parent
THREADS, MAX_WAITING = 2, 8
BUSY = "too many people ask at once: try again in a moment"
Find = Callable[[Mapping[str, str]], Answer]


class AskedAtOnce:
    """The threads that ask Kafka, and how many requests they have or wait for."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="flows")
        self._waiting = 0

    async def run(self, find: Find, query: Mapping[str, str]) -> Answer:
        """The answer of `find`, made in a thread.

        Raises:
            QueryError: too many wait already.
        """
        if self._waiting >= MAX_WAITING:
            raise QueryError(BUSY)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, find, query)
        finally:
            self._waiting -= 1


class FlowsPage(RequestHandler):
    """`/flows`: the page itself."""

    def get(self) -> None:
        """Answer with the page; what it shows it asks for."""
        template = Template((HERE / "flows.html").read_text(), autoescape=True)
        parts = {
            "style": (HERE.parent / "page.css").read_text() + (HERE / "flows.css").read_text(),
            "script": (HERE / "flows.js").read_text(),
        }
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.write(template.render(topics=TOPICS, ranges=list(RANGES_S), **parts))


class JsonAnswer(RequestHandler):
    """An address that answers with JSON; what is wrong is `{"error": …}` with status 400 or 503."""

    def initialize(self, find: Find, asked_at_once: AskedAtOnce) -> None:
        """`find` makes the answer."""
        self._find, self._asked_at_once = find, asked_at_once

    async def get(self) -> None:
        """Answer with what is found."""
        query = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        self.set_header("Cache-Control", "no-store")
        try:
            self.write(await self._asked_at_once.run(self._find, query))
        except TickhouseError as error:
            self.set_status(400 if isinstance(error, QueryError) else 503)
            self.write({"error": str(error)})


def flow_addresses(settings: Settings) -> list[Any]:
    """Tornado's patterns of the page."""
    threads = AskedAtOnce()

    def build(find: Find) -> dict[str, Any]:
        return {"find": find, "asked_at_once": threads}

    return [
        ("/flows", FlowsPage),
        ("/flows/counts", JsonAnswer, build(partial(_count, settings))),
        ("/flows/records", JsonAnswer, build(partial(_list, settings))),
        ("/flows/record", JsonAnswer, build(partial(_show, settings))),
    ]


def _count(settings: Settings, query: Mapping[str, str]) -> Answer:
    return count_flows(settings, query, now_s=time.time())


def _list(settings: Settings, query: Mapping[str, str]) -> Answer:
    return find_records(settings, parse_lookup(query))


def _show(settings: Settings, query: Mapping[str, str]) -> Answer:
    return find_record(settings, parse_lookup(query))

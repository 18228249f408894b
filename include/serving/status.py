"""What is running and how it does: the parts of `./tickhouse status`."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from include.errors import Unreachable
from include.lake.reading import row_counts
from include.local.supervisor import Supervisor
from include.market.wire import TopicPartition
from include.serving.connection import fetch_rows
from include.settings import Settings

Ends = Mapping[TopicPartition, tuple[int, int]]
Stamps = Callable[[Mapping[TopicPartition, int]], Mapping[TopicPartition, int]]


def processes(settings: Settings) -> list[dict[str, Any]]:
    """Each process: `name`, `state`, `pid`, `uptime_s`; none while the platform is down."""
    try:
        told = Supervisor(settings).processes()
    except Unreachable:
        return []
    return [
        {
            "name": one["name"],
            "state": one["statename"].lower(),
            "pid": one["pid"] or None,
            "uptime_s": one["now"] - one["start"] if one["pid"] else 0,
        }
        for one in told
    ]


def feeds(settings: Settings) -> list[dict[str, Any]]:
    """Each feed: `venue`, `state`, `since`, `cause`; none if Postgres is away."""
    statement = "SELECT venue, state, since, cause FROM feed_health ORDER BY venue"
    try:
        return fetch_rows(settings.dsn(), statement)
    except Unreachable:
        return []


def lag(
    settings: Settings, ends: Ends, *, stamps: Stamps = lambda _: {}, now: float = 0.0
) -> list[dict[str, Any]]:
    """Each query and partition: `query`, `topic`, `partition`, `behind` (offsets not yet read).

    `waiting_s` is how long the oldest message not yet read has been in Kafka (0: all are read);
    null where nobody could say. `stamps` tells when the messages at given offsets were stamped, in
    ms, and `now` is the wall clock.
    """
    found = [
        {
            "query": query["name"],
            "topic": topic,
            "partition": int(partition),
            "next": int(end),
            "behind": max(0, ends.get(TopicPartition(topic, int(partition)), (0, 0))[1] - int(end)),
            "batch_ms": query.get("batch_ms"),
            "rows_per_s": query.get("rows_per_s"),
        }
        for query in progress(settings).get("queries", [])
        for topic, partitions in query["offsets"].items()
        for partition, end in partitions.items()
    ]
    for query in {one["query"] for one in found}:
        own = [one for one in found if one["query"] == query]
        late = {
            TopicPartition(one["topic"], one["partition"]): one["next"]
            for one in own
            if one["behind"]
        }
        stamped = stamps(late) if late else {}
        for one in own:
            one["waiting_s"] = _waiting_s(one, stamped, now) if ends else None
            del one["next"]
    return found


def _waiting_s(one: dict[str, Any], stamped: Mapping[TopicPartition, int], now: float) -> Any:
    if not one["behind"]:
        return 0.0
    at = stamped.get(TopicPartition(one["topic"], one["partition"]))
    return None if at is None else round(max(0.0, now - at / 1000), 3)


def progress(settings: Settings) -> dict[str, Any]:
    """The stream's own progress file; empty if it never ran."""
    path = settings.home / "stream.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def last_audit(settings: Settings) -> dict[str, Any] | None:
    """When the last audit ended and whether it was clean; nothing if there was none."""
    path = settings.home / "audit.json"
    if not path.exists():
        return None
    told = json.loads(path.read_text())
    return {"ok": told["ok"], "age_s": round(time.time() - path.stat().st_mtime)}


def links(settings: Settings) -> dict[str, str]:
    """The pages a person opens. The Airflow log-in is told by `status`, never in a log."""
    ports = settings.ports
    host = f"http://{ports.host}"
    found = {
        "dashboard": f"{host}:{ports.dashboard}/",
        "airflow": f"{host}:{ports.airflow}/",
        "spark": f"{host}:{ports.spark_ui}/StreamingQuery/",
    }
    if settings.sql_server.start == "yes":
        found["sql"] = f"jdbc:hive2://{ports.host}:{ports.sql_server}/default"
    return found


def collected(
    settings: Settings, *, ends: Callable[[list[str]], Ends], stamps: Stamps = lambda _: {}
) -> dict[str, Any]:
    """`status --json`; `ends` and `stamps` ask Kafka for offsets of topics, times of messages."""
    every = processes(settings)
    return {
        "ok": bool(every) and all(one["state"] == "running" for one in every),
        "world": settings.world,
        "processes": every,
        "feeds": feeds(settings),
        "lag": stream_lag(settings, ends=ends, stamps=stamps) if every else lag(settings, {}),
        "rows": row_counts(settings.lake),
        "audit": last_audit(settings),
        "links": links(settings),
    }


def stream_lag(
    settings: Settings, *, ends: Callable[[list[str]], Ends], stamps: Stamps
) -> list[dict[str, Any]]:
    """`lag` by Kafka's word; `waiting_s` is null while Kafka does not answer."""
    queries = progress(settings).get("queries", [])
    topics = sorted({topic for query in queries for topic in query["offsets"]})
    try:
        return lag(settings, ends(topics) if topics else {}, stamps=stamps, now=time.time())
    except Unreachable:
        return lag(settings, {})

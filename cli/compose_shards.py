"""Feeds in shards for Docker Compose: `python -m cli.compose_shards > docker-compose.override.yml`.

Compose cannot make services from a number, so this file beside docker-compose.yml is made from the
same settings (`TICKHOUSE_VENUES_…_SHARDS` of `.env`). Without it, a feed follows every symbol.
Prometheus gets the further shards as targets in a file that prometheus.yml names.
"""

import json
from typing import Any

import click

from include.market.feed_shards import FeedShard
from include.settings import Settings, from_environment, load

HEADER = "# python -m cli.compose_shards made it of the settings: make it again for others.\n"
TARGETS, TARGETS_FILE = "prometheus-shards", "/etc/prometheus/shards.json"
PROBE = "import urllib.request as u; u.urlopen('http://127.0.0.1:{port}/healthz', timeout=5)"


def describe_shards(settings: Settings) -> str:
    """The text of the file: a service for each shard of every feed that has several."""
    shards = [shard for shard in settings.feed_shards if shard.count > 1]
    document: dict[str, dict[str, Any]] = {
        "services": {shard.program: _describe_service(shard) for shard in shards}
    }
    if targets := [f"{shard.program}:{_port_of(shard)}" for shard in shards if shard.number > 1]:
        mounted = {"source": TARGETS, "target": TARGETS_FILE}
        document["services"]["prometheus"] = {"configs": [mounted]}
        document["configs"] = {TARGETS: {"content": json.dumps([{"targets": targets}])}}
    return HEADER + json.dumps(document, indent=2) + "\n"


def _port_of(shard: FeedShard) -> int:
    return load({}).metrics.port_of(shard)  # the containers' own are the defaults


def _describe_service(shard: FeedShard) -> dict[str, Any]:
    command = {"command": ["python", "-m", "streaming.feeds", *shard.arguments]}
    if shard.number == 1:
        return command
    first = {"file": "docker-compose.yml", "service": f"feed-{shard.venue}"}
    probe = ["CMD", "python", "-c", PROBE.format(port=_port_of(shard))]
    return {"extends": first, **command, "healthcheck": {"test": probe}}


if __name__ == "__main__":
    click.echo(describe_shards(from_environment()), nl=False)

"""What the venues say is in their folders, in compose and in Prometheus."""

from typing import Any

import pytest
import yaml

from include.local.programs import list_programs
from include.market.venues import VENUES
from include.settings import ROOT, load

SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
PROMETHEUS: dict[str, Any] = yaml.safe_load(
    (ROOT / "include/local/monitoring/prometheus.yml").read_text()
)
TARGETS = PROMETHEUS["scrape_configs"][0]["static_configs"][0]["targets"]


def test_the_services_of_feeds_are_those_of_the_venues_and_the_quotes() -> None:
    feeds = {name.removeprefix("feed-") for name in SERVICES if name.startswith("feed-")}
    assert feeds == {*VENUES, "quotes"}
    assert {f"feed-{feed}" for feed in feeds} <= {one.name for one in list_programs(load({}))}


@pytest.mark.parametrize("venue", VENUES)
def test_a_feed_in_compose_follows_its_venue_at_the_simulator(venue: str) -> None:
    service = SERVICES[f"feed-{venue}"]
    assert service["command"] == ["python", "-m", "streaming.feeds", venue]
    for suffix in ("WS_URL", "REST_URL"):
        assert "simulator" in service["environment"][f"TICKHOUSE_VENUES_{venue.upper()}_{suffix}"]


@pytest.mark.parametrize("venue", VENUES)
def test_prometheus_reads_the_metrics_of_each_feed_at_its_port(venue: str) -> None:
    assert f"feed-{venue}:{VENUES[venue].metrics_port}" in TARGETS


def test_prometheus_reads_no_feed_that_is_not_there() -> None:
    feeds = {target.partition(":")[0] for target in TARGETS if target.startswith("feed-")}
    assert feeds == {f"feed-{venue}" for venue in VENUES} | {"feed-quotes"}


@pytest.mark.parametrize("venue", VENUES)
def test_a_venue_has_its_folder(venue: str) -> None:
    assert (ROOT / "streaming/feeds/venues" / venue / "__init__.py").exists()

"""What retention removed before a process had read it: on its page of metrics, and in `status`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from include.local.causes import process_causes
from include.local.process_pages import ProcessPage, read_pages
from include.local.supervisor import ProcessState
from include.metrics import serve_metrics
from include.settings import load
from include.unread_records import removed_by_topic
from tests.support.services import free_ports


@pytest.fixture
def counted() -> Iterator[None]:
    before = dict(removed_by_topic)
    removed_by_topic.clear()
    removed_by_topic.update({"market.book": 7, "market.trades": 0})
    yield
    removed_by_topic.clear()
    removed_by_topic.update(before)


@pytest.mark.usefixtures("counted")
def test_the_page_names_the_topics_that_the_process_was_too_late_for() -> None:
    (port,) = free_ports(1)
    assert serve_metrics(port, list, host="127.0.0.1", registry=CollectorRegistry())
    page = read_pages({"trader": f"http://127.0.0.1:{port}/metrics"})["trader"]
    assert page is not None
    assert page.removed == {"market.book": 7}


def test_it_is_a_cause_until_the_process_is_restarted(tmp_path: Path) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    trader = ProcessState("trader", "running", pid=None, uptime_s=300)
    page = ProcessPage(300, loop_age_s=1.0, removed={"market.book": 7})
    (cause,) = process_causes(settings, [trader], {"trader": page})
    assert "trader was too late for 7 records of market.book" in cause
    assert "./tickhouse restart trader" in cause
    assert not list(process_causes(settings, [trader], {"trader": ProcessPage(5, 1.0)}))

"""Where people open the pages: links, Airflow's own base URL, the dashboard's websocket."""

import pytest
from bokeh.server.util import check_allowlist, create_hosts_allowlist

from include.errors import SettingsError
from include.local.airflow import build_environment
from include.local.status import list_links
from include.settings import load
from streaming.dashboard.server import list_origins

BEHIND_PROXY = {
    "TICKHOUSE_PORTS_HOST": "0.0.0.0",
    "TICKHOUSE_AIRFLOW_URL": "http://airflow-api-server:8080",
    "TICKHOUSE_AIRFLOW_PUBLIC_URL": "https://desk.example/airflow/",
    "TICKHOUSE_DASHBOARD_PUBLIC_URL": "https://desk.example:443/market",
    "TICKHOUSE_STREAM_PUBLIC_URL": "http://10.0.0.7:4040",
}


def test_links_lead_to_the_public_addresses() -> None:
    assert list_links(load(BEHIND_PROXY)) == {
        "dashboard": "https://desk.example:443/market/",
        "airflow": "https://desk.example/airflow/",
        "spark": "http://10.0.0.7:4040/StreamingQuery/",
    }


def test_airflow_tells_its_public_address_and_is_asked_at_its_own() -> None:
    environment = build_environment(load(BEHIND_PROXY))
    assert environment["AIRFLOW__API__BASE_URL"] == "https://desk.example/airflow"
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == (
        "http://airflow-api-server:8080/execution/"
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_no_link_names_an_address_that_means_all_of_them(host: str) -> None:
    links = list_links(load({"TICKHOUSE_PORTS_HOST": host}))
    assert links["dashboard"] == "http://127.0.0.1:5006/"


@pytest.mark.parametrize(
    "public, origin",
    [
        ("https://desk.example", "desk.example"),
        ("https://desk.example:443/market", "desk.example"),
        ("https://desk.example:8443", "desk.example:8443"),
        ("http://user@desk.example:80", "desk.example"),
        ("http://[fd00::1]:5006", "[fd00::1]:5006"),
        ("", "127.0.0.1:5006"),
    ],
)
def test_the_dashboard_takes_websockets_from_its_public_address(public: str, origin: str) -> None:
    settings = load({"TICKHOUSE_DASHBOARD_PUBLIC_URL": public})
    assert origin in list_origins(settings)
    if not origin.startswith("["):  # Bokeh takes such a host for one without a port
        allowed = create_hosts_allowlist(list_origins(settings), 5006)
        assert check_allowlist(origin, allowed)
        assert not check_allowlist("elsewhere.example", allowed)


@pytest.mark.parametrize(
    "text", ["desk.example", "ftp://desk", "https://", "http://a:b", "http://[x"]
)
def test_a_public_address_that_is_none_is_named(text: str) -> None:
    with pytest.raises(SettingsError, match=r"TICKHOUSE_AIRFLOW_PUBLIC_URL=.*begins with http"):
        load({"TICKHOUSE_AIRFLOW_PUBLIC_URL": text})

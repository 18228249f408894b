"""Links in Airflow's menu to the Spark UI of the stream and to the live dashboard."""

from airflow.plugins_manager import AirflowPlugin

from include.settings import from_environment

PORTS = from_environment().ports


def _link(name: str, route: str, port: int) -> dict[str, str]:
    return {
        "name": name,
        "href": f"http://{PORTS.host}:{port}/",
        "destination": "nav",
        "category": "browse",
        "url_route": route,
    }


class TickhouseLinks(AirflowPlugin):
    """Opens the stream's Spark UI and the dashboard inside Airflow."""

    name = "tickhouse_links"
    external_views = [  # noqa: RUF012 - Airflow's own attribute
        _link("Stream (Spark UI)", "tickhouse-spark", PORTS.spark_ui),
        _link("Live dashboard", "tickhouse-dashboard", PORTS.dashboard),
    ]

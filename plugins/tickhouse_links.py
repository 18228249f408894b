"""Links in Airflow: Spark UI, dashboard, forecasts in the menu; the quality report on each run."""

from airflow.plugins_manager import AirflowPlugin

from include.orchestration.pages import PREFIX, app
from include.settings import from_environment

URLS = from_environment().public_urls
SPARK = f"{URLS['spark']}/StreamingQuery/"
DASHBOARD = f"{URLS['dashboard']}/"
QUALITY = f"{PREFIX}/quality/{{RUN_ID}}"


def _view(name: str, route: str, href: str, destination: str = "nav") -> dict[str, str]:
    view = {"name": name, "href": href, "destination": destination, "url_route": route}
    return view | ({"category": "browse"} if destination == "nav" else {})


class TickhouseLinks(AirflowPlugin):
    """Links in Airflow's menu, on a run and on a task instance."""

    name = "tickhouse_links"
    fastapi_apps = [  # noqa: RUF012 - Airflow's own attribute
        {"app": app, "url_prefix": PREFIX, "name": "Tickhouse pages"},
    ]
    external_views = [  # noqa: RUF012 - Airflow's own attribute
        _view("Stream (Spark UI)", "tickhouse-spark", SPARK),
        _view("Live dashboard", "tickhouse-dashboard", DASHBOARD),
        _view("Forecasts", "tickhouse-forecasts", f"{PREFIX}/forecasts"),
        _view("Quality report", "tickhouse-quality-run", QUALITY, "dag_run"),
        _view("Quality report", "tickhouse-quality", QUALITY, "task_instance"),
        _view("Forecasts", "tickhouse-task-forecasts", f"{PREFIX}/forecasts", "task_instance"),
        _view("Stream (Spark UI)", "tickhouse-task-spark", SPARK, "task_instance"),
        _view("Live dashboard", "tickhouse-task-dashboard", DASHBOARD, "task_instance"),
    ]

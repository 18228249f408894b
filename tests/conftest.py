"""What tests share: settings on free ports, and the real services, started once each."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from include.settings import Settings, list_variables, load
from tests.support.absences import RECORDINGS, skipped_lines
from tests.support.services import SHARED_DATA, eventually, free_ports, running

HEAVY = (
    "test_stream_kills",
    "test_whole_loop_kills",
    "test_whole_loop_tape",
    "test_holes_healed",
    "test_object_store",
    "test_drill",
    "test_cluster",
)
# Folders in the order in which they begin; short modules at the end leave no worker without work.
ORDER = ("heavy", "spark", "integration", "browser", "dags", "replay", "house", "unit")
ONE_GROUP = ("heavy", "spark", "dags")  # whose tests never meet, or share what is costly to make
LONGEST_REPORT = 2000  # characters of a failure that are printed at once


def find_part(nodeid: str) -> str:
    """The word of `ORDER` that a test belongs to."""
    path = Path(nodeid.partition("::")[0])
    is_heavy = path.stem in HEAVY or path.parts[1] == "power"
    return "heavy" if is_heavy else path.parts[1]


class Groups(LoadScopeScheduling):  # type: ignore[misc]
    """Which tests of `./tickhouse test` run after one another on one worker.

    Whole platforms never meet each other, and the fixtures of a module are made once; a worker
    takes the next group when it has run its last.
    """

    def _split_scope(self, nodeid: str) -> str:
        part = find_part(nodeid)
        return part if part in ONE_GROUP else nodeid.partition("::")[0]


class FailurePrinter:
    """Prints what fails at once: a run that is ended before its summary names its failures too."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The name of a failed test and the end of its report."""
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and terminal is not None:  # workers of xdist have none
            terminal.write_line(f"\n{report.when} of {report.nodeid} failed:")
            terminal.write_line(report.longreprtext[-LONGEST_REPORT:])


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--long`: some hundred power cuts instead of a few, and days of the market."""
    parser.addoption(
        "--long",
        action="store_true",
        help="the long proofs: some hundred power cuts, days of the market",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Markers."""
    config.addinivalue_line("markers", "power: cuts the power of a disk (tests/power)")
    config.pluginmanager.register(FailurePrinter(config), "failure-printer")
    # A busy machine is no fault of the code: what is slow has a bound in a test of its own.
    hypothesis.settings.register_profile("tests", deadline=None)
    hypothesis.settings.load_profile("tests")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    """Groups are handed out in the order of their tests."""
    config.option.loadscopereorder = False
    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest groups first."""
    items.sort(key=lambda item: ORDER.index(find_part(item.nodeid)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The last lines: what was skipped, why, and which command brings it."""
    reports = terminalreporter.getreports("skipped")
    for line in skipped_lines([report.longrepr for report in reports]):
        terminalreporter.write_line(line)


def make_settings(var: Path, **more: str) -> Settings:
    """Settings of a scratch world on free ports; `more` are further TICKHOUSE_ settings."""
    return load(make_environment(var, **more))


PORTS = [name for name in list_variables() if re.match(r"TICKHOUSE_PORTS_(?!HOST)", name)]
METRICS = [
    name for name in list_variables() if re.match(r"TICKHOUSE_METRICS_(?!EVERY_S|HOST)", name)
]


def make_environment(var: Path, **more: str) -> dict[str, str]:
    """The same as environment variables, for processes."""
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    return {
        "TICKHOUSE_VAR": str(var),
        "TICKHOUSE_POSTGRES_PASSWORD": "for-tests-only",
        # No test lasts until the optimising compiler pays.
        "TICKHOUSE_STREAM_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        **{name: str(port) for name, port in ports.items()},
        **dict.fromkeys(METRICS, "0"),
        **{f"TICKHOUSE_{name}": value for name, value in more.items()},
    }


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a world of its own."""
    return make_settings(tmp_path / "var")


@pytest.fixture(scope="module")
def service_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the world that the shared broker and server of a module belong to.

    One a module: what one module wrote never meets another's counts.
    """
    return make_settings(tmp_path_factory.mktemp("services") / "var")


@pytest.fixture(scope="module")
def kafka_broker(service_settings: Settings) -> Iterator[str]:
    """The bootstrap address of a real broker, shared by a module."""
    from include.local import kafka

    kafka.prepare(service_settings)
    log = service_settings.home / "kafka.log"
    with running(kafka.build_command(service_settings), log=log):
        eventually(lambda: kafka.answers(service_settings), what="the broker answers")
        yield service_settings.bootstrap


@pytest.fixture(scope="module")
def postgres_dsn(service_settings: Settings) -> Iterator[dict[str, Any]]:
    """The connection arguments of a real Postgres server, shared by a module, tables made."""
    from include.local import postgres
    from include.serving.tables import create_tables

    postgres.prepare(service_settings)
    log = service_settings.home / "postgres.log"
    user = postgres.system_user()
    with running(postgres.build_command(service_settings), log=log, user=user, cwd=Path("/")):
        eventually(lambda: postgres.answers(service_settings), what="Postgres answers")
        postgres.create_databases(service_settings)
        create_tables(service_settings.dsn())
        yield service_settings.dsn()


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One local Spark session with Delta for the whole run."""
    from spark_jobs.session import open_session

    var = tmp_path_factory.mktemp("spark") / "var"
    spark = open_session(make_settings(var, STREAM_DRIVER_MEMORY="1g"), "tests")
    yield spark
    spark.stop()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings, which lives outside the repository."""
    if not SHARED_DATA.exists():
        pytest.skip(RECORDINGS)
    return SHARED_DATA


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches beyond this machine: a connection elsewhere fails at once."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> Any:
        host = address[0] if isinstance(address, tuple) else "local"
        if host not in {"127.0.0.1", "::1", "localhost", "local"}:
            raise OSError(f"a test tried to reach {host!r}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)

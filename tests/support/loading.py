"""The loader's commands in this process, on the tests' own Spark: what its child process does."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner
from pyspark.sql import SparkSession

from include.orchestration import subprocesses, tasks
from spark_jobs import load_history


@contextmanager
def loading_in_process(spark: SparkSession) -> Iterator[pytest.MonkeyPatch]:
    """While it lasts, the tasks of `ingest_history` load without a process of their own."""

    def run_module(module: str, *arguments: str) -> str:
        assert module == load_history.__spec__.name
        result = CliRunner().invoke(load_history.main, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        lines = ["", *(line.strip() for line in result.output.splitlines())]
        if result.exit_code != 0:
            raise subprocesses._child_error(module, result.exit_code, lines)
        return lines[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(load_history, "open_session", lambda settings, name, **_: spark)
        patched.setattr(SparkSession, "stop", lambda self: None)
        patched.setattr(tasks, "run_module", run_module)
        yield patched

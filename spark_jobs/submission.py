"""A job's `spark-submit` line by the settings: master, jars, options, code, environment."""

import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pyspark

from include.errors import QueryError
from include.local.properties import write_properties
from include.settings import ROOT, Settings
from spark_jobs.options import is_local, master_of, spark_options

JOBS = {
    "stream": "stream_market",
    "load_history": "load_history",
    "compact_tables": "compact_tables",
    "fit_forecasts": "fit_forecasts",
}
PACKAGES = ("include", "spark_jobs")
SECRET = re.compile(r"secret|access_key|password|token", re.IGNORECASE)
CODE, ENVIRONMENT = "code", "environment"  # where executors find what is unpacked beside their task


def submit_command(
    settings: Settings, job: str, arguments: tuple[str, ...] = (), *, environment: str = ""
) -> list[str]:
    """The command that starts a job of `JOBS` by spark-submit, in client mode.

    `environment` is the URI of a packed Python environment for the executors; without one they use
    the driver's path. Writes the archive of the code that goes along.

    Raises:
        QueryError: there is no such job.
    """
    if job not in JOBS:
        raise QueryError(f"{job!r} is no job: {', '.join(JOBS)}")
    is_stream = job == "stream"
    ui_port = settings.ports.spark_ui if is_stream else None
    master = master_of(settings, is_stream=is_stream)
    options = spark_options(settings, is_stream=is_stream, ui_port=ui_port)
    archives = []
    if environment:
        options["spark.pyspark.python"] = f"./{ENVIRONMENT}/bin/python"
        options["spark.pyspark.driver.python"] = sys.executable
        archives.append(f"{environment}#{ENVIRONMENT}")
    if not is_local(master):
        options["spark.executorEnv.PYTHONPATH"] = CODE
        archives.append(f"{pack_code(settings.home / 'spark' / 'code.zip')}#{CODE}")
    if archives:
        options["spark.archives"] = ",".join(archives)
    program = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    secrets = {name: options.pop(name) for name in list(options) if SECRET.search(name)}
    settings_of = [
        part for name, value in options.items() for part in ("--conf", f"{name}={value}")
    ]
    if secrets:
        settings_of += ["--properties-file", _write_secrets(settings, secrets)]
        settings_of.append("--load-spark-defaults")
    script = ROOT / "spark_jobs" / f"{JOBS[job]}.py"
    return [str(program), "--master", master, *settings_of, str(script), *arguments]


def _write_secrets(settings: Settings, secrets: Mapping[str, str]) -> str:
    """Options that no list of processes may show, in a file for its owner alone."""
    file = settings.home / "spark" / "submit.properties"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_properties(file, secrets)
    return str(file)


def pack_code(archive: Path) -> Path:
    """Write the product's packages that executors import; the same code gives the same bytes."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w") as packed:
        for package in PACKAGES:
            for file in sorted((ROOT / package).rglob("*.py")):
                entry = zipfile.ZipInfo(str(file.relative_to(ROOT)))
                packed.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return archive

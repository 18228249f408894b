"""Spark's options by settings: whose master, which cores, and what the user's own options win."""

import socket
import sys
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest

from include.errors import QueryError, SettingsError
from include.settings import ROOT, Settings, load
from spark_jobs.options import is_local, master_of, spark_options
from spark_jobs.submission import pack_code, submit_command

CLUSTER = {"TICKHOUSE_STREAM_MASTER": "spark://one:7077", "TICKHOUSE_STREAM_CORES": "4"}


def options_of(variables: dict[str, str], *, is_stream: bool = True) -> dict[str, str]:
    return spark_options(load(variables), is_stream=is_stream, ui_port=4040 if is_stream else None)


def test_other_jobs_do_not_wait_for_the_cores_that_the_stream_has() -> None:
    cluster = load(CLUSTER)
    assert master_of(cluster, is_stream=True) == "spark://one:7077"
    assert master_of(cluster, is_stream=False) == "local[2]"
    other = load(CLUSTER | {"TICKHOUSE_STREAM_BATCH_MASTER": "spark://two:7077"})
    assert master_of(other, is_stream=False) == "spark://two:7077"
    assert master_of(load({}), is_stream=False) == load({}).stream.master
    assert options_of(CLUSTER)["spark.cores.max"] == "4"
    assert "spark.cores.max" not in options_of(CLUSTER, is_stream=False)


def test_executors_are_threads_of_the_driver_where_the_master_is_local() -> None:
    assert all(map(is_local, ("local", "local[2]", "local[*]")))
    assert not any(map(is_local, ("localhost", "spark://local:7077", "k8s://https://x")))


def test_what_spark_writes_is_in_the_world_and_only_the_stream_has_a_page(tmp_path: Path) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    scratch = settings.home / "spark"
    stream = spark_options(settings, is_stream=True, ui_port=4040)
    assert stream["spark.local.dir"] == str(scratch / "local")
    assert stream["spark.sql.warehouse.dir"] == str(scratch / "warehouse")
    assert f"-Dderby.system.home={scratch} " in stream["spark.driver.extraJavaOptions"]
    assert stream["spark.executorEnv.PYTHONPATH"] == str(ROOT)
    assert (stream["spark.ui.enabled"], stream["spark.ui.port"]) == ("true", "4040")
    job = spark_options(settings, is_stream=False, ui_port=None, brief=True)
    assert (job["spark.ui.enabled"], job["spark.ui.port"]) == ("false", "0")
    assert "-XX:TieredStopAtLevel=1" in job["spark.driver.extraJavaOptions"]
    long_job = spark_options(settings, is_stream=False, ui_port=None)
    assert "TieredStop" not in long_job["spark.driver.extraJavaOptions"]


def test_what_a_job_shuffles_is_written_once_and_small_and_the_stream_keeps_its_own() -> None:
    job, stream = options_of({}, is_stream=False), options_of({})
    assert job["spark.shuffle.sort.bypassMergeThreshold"] == "0"
    assert job["spark.io.compression.codec"] == "zstd"
    assert job["spark.shuffle.checksum.enabled"] == "false"
    assert "spark.shuffle.checksum.enabled" not in options_of(CLUSTER)
    assert "spark.io.compression.codec" not in stream
    assert "spark.shuffle.sort.bypassMergeThreshold" not in stream
    chosen = options_of(
        {"TICKHOUSE_STREAM_SPARK_CONF": "spark.io.compression.codec=lz4"}, is_stream=False
    )
    assert chosen["spark.io.compression.codec"] == "lz4"


def test_a_cluster_gets_jars_and_no_class_archive_of_this_machine() -> None:
    local, cluster = (
        options_of({}),
        options_of(CLUSTER | {"TICKHOUSE_STREAM_EXECUTOR_MEMORY": "3g"}),
    )
    assert "spark.jars" not in local and "spark.driver.extraClassPath" in local
    assert "delta-spark" in cluster["spark.jars"]
    assert cluster["spark.executor.memory"] == "3g"
    assert "SharedArchiveFile" not in cluster["spark.driver.extraJavaOptions"]
    assert "spark.delta.logStore.file.impl" in local
    assert "spark.delta.logStore.file.impl" not in cluster


def test_executors_reach_the_driver_by_a_name_that_others_know() -> None:
    for host, name in (("127.0.0.2", "127.0.0.2"), ("0.0.0.0", socket.gethostname())):
        options = options_of(CLUSTER | {"TICKHOUSE_PORTS_HOST": host})
        assert (options["spark.driver.bindAddress"], options["spark.driver.host"]) == (host, name)


def test_on_this_machine_the_jars_and_the_class_archive_are_the_jvms_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("spark_jobs.options.archive_options", lambda: ["-XX:SharedArchiveFile=x"])
    local, cluster = options_of({}), options_of(CLUSTER)
    assert "-XX:SharedArchiveFile=x" in local["spark.driver.extraJavaOptions"]
    assert "-XX:SharedArchiveFile=x" not in cluster["spark.driver.extraJavaOptions"]
    jars = local["spark.driver.extraClassPath"].split(":")
    assert len(jars) > 3 and all(Path(jar).is_file() for jar in jars)
    assert cluster["spark.jars"].split(",") == jars


def test_the_users_options_win() -> None:
    conf = "spark.sql.shuffle.partitions=9; spark.hadoop.fs.s3a.endpoint=http://a:1?b=c;"
    options = options_of({"TICKHOUSE_STREAM_SPARK_CONF": conf})
    assert options["spark.sql.shuffle.partitions"] == "9"
    assert options["spark.hadoop.fs.s3a.endpoint"] == "http://a:1?b=c"
    assert (
        options_of({"TICKHOUSE_STREAM_SHUFFLE_PARTITIONS": "16"})["spark.sql.shuffle.partitions"]
        == "16"
    )


@pytest.mark.parametrize("conf", ["spark.a", "a.b=c", "=x"])
def test_what_is_no_option_is_named_by_every_verb(conf: str) -> None:
    with pytest.raises(SettingsError, match=f"TICKHOUSE_STREAM_SPARK_CONF: '{conf}' is no"):
        load({"TICKHOUSE_STREAM_SPARK_CONF": f"spark.b=1;{conf}"})


@pytest.mark.parametrize(
    "name",
    [
        "spark.delta.logStore.s3a.impl",
        "spark.delta.logStore.file.impl",
        "spark.sql.streaming.checkpointFileManagerClass",
        "spark.sql.extensions",
        "spark.sql.catalog.spark_catalog",
        "spark.sql.session.timeZone",
        "spark.jars",
        "spark.driver.extraClassPath",
    ],
)
def test_what_exactly_once_rests_on_is_no_users_option(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is set by Tickhouse alone"):
        load({"TICKHOUSE_STREAM_SPARK_CONF": f"spark.b=1; {name} = x"})
    with pytest.raises(SettingsError, match=r"spark\.master is set by TICKHOUSE_STREAM_MASTER"):
        load({"TICKHOUSE_STREAM_SPARK_CONF": "spark.master=local[9]"})


def test_the_submitted_line_has_master_options_code_and_arguments(settings: Settings) -> None:
    variables = CLUSTER | {"TICKHOUSE_VAR": str(settings.var)}
    line = submit_command(
        load(variables), "compact_tables", ("trades",), environment="s3a://b/e.tgz"
    )
    assert line[0].endswith("spark-submit") and line[1:3] == ["--master", "local[2]"]
    assert line[-2].endswith("spark_jobs/compact_tables.py") and line[-1] == "trades"
    assert "spark.archives=s3a://b/e.tgz#environment" in line
    stream = submit_command(load(variables), "stream")
    assert stream[2] == "spark://one:7077" and "spark.cores.max=4" in stream
    (code,) = [part for part in stream if part.startswith("spark.archives=")]
    assert code.endswith("#code") and "spark.executorEnv.PYTHONPATH=code" in stream
    names = zipfile.ZipFile(code.partition("=")[2].removesuffix("#code")).namelist()
    assert {"include/errors.py", "spark_jobs/landing.py"} <= set(names)
    assert not [name for name in names if name.startswith(("tests", "cli"))]
    assert Path(code.partition("=")[2].partition("#")[0]).parent == settings.home / "spark"
    with pytest.raises(QueryError, match="'nonsense' is no job: stream, load_history"):
        submit_command(load(variables), "nonsense")


def pairs_of(line: list[str]) -> dict[str, str]:
    """The options of a submitted line, each behind its `--conf`."""
    options = [b for a, b in pairwise(line) if a == "--conf"]
    return {name: value for name, _, value in (option.partition("=") for option in options)}


def test_a_submitted_job_has_no_page_and_a_packed_environments_python_on_executors(
    settings: Settings,
) -> None:
    line = submit_command(settings, "compact_tables", environment="s3a://b/e.tgz")
    program = Path(line[0])
    assert program.is_file() and program.parent.name == "bin"
    options = pairs_of(line)
    assert options["spark.ui.enabled"] == "false"
    assert options["spark.pyspark.python"] == "./environment/bin/python"
    assert options["spark.pyspark.driver.python"] == sys.executable
    assert options["spark.archives"] == "s3a://b/e.tgz#environment"
    stream = pairs_of(submit_command(settings, "stream"))
    assert stream["spark.ui.port"] == str(settings.ports.spark_ui)
    assert not {"spark.archives", "spark.pyspark.python"} & stream.keys()
    assert "--properties-file" not in line


def test_the_same_code_is_packed_to_the_same_bytes(tmp_path: Path) -> None:
    first, second = (pack_code(tmp_path / name).read_bytes() for name in ("a.zip", "b.zip"))
    assert first == second
    sizes = zipfile.ZipFile(tmp_path / "a.zip").infolist()
    assert sum(file.compress_size for file in sizes) < sum(file.file_size for file in sizes) / 2

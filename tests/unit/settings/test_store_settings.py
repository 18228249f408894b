"""Where a world keeps what several machines see, and how its clients reach an object store."""

import os
from pathlib import Path

import pytest

from include.errors import SettingsError
from include.object_path import ObjectPath
from include.settings import Settings, load
from spark_jobs.options import spark_options
from spark_jobs.submission import submit_command

S3 = {
    "TICKHOUSE_STORE": "s3a://bucket/of/ours/",
    "TICKHOUSE_S3_ENDPOINT": "http://127.0.0.1:9000",
    "TICKHOUSE_S3_ACCESS_KEY": "id",
    "TICKHOUSE_S3_SECRET_KEY": "p@ss/%:$",
}


def test_without_a_setting_all_is_in_the_worlds_folder(tmp_path: Path) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path), "TICKHOUSE_WORLD": "live"})
    assert settings.world_store == settings.home == tmp_path / "live"
    assert settings.lake == str(tmp_path / "live" / "lake")
    assert (settings.uses_s3, settings.s3_variables) == (False, {})


def test_worlds_share_nothing_in_a_store_either(tmp_path: Path) -> None:
    shared = {"TICKHOUSE_STORE": str(tmp_path / "disk"), "TICKHOUSE_VAR": str(tmp_path / "var")}
    sim, live = (load(shared | {"TICKHOUSE_WORLD": world}) for world in ("sim", "live"))
    assert sim.checkpoints == tmp_path / "disk" / "sim" / "checkpoints"
    assert live.forecasts == tmp_path / "disk" / "live" / "forecasts"
    assert sim.home == tmp_path / "var" / "sim"


def test_an_object_store_has_the_same_names() -> None:
    settings = load(S3)
    assert settings.lake == "s3a://bucket/of/ours/sim/lake"
    assert settings.checkpoints == ObjectPath("bucket", "of/ours/sim/checkpoints")
    assert str(settings.pages / "run.md") == "s3a://bucket/of/ours/sim/quality/run.md"


def test_every_client_gets_the_same_address_and_keys(settings: Settings) -> None:
    in_s3 = load(S3 | {"TICKHOUSE_VAR": str(settings.var)})
    variables = in_s3.s3_variables
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9000"
    assert variables["AWS_SECRET_ACCESS_KEY"] == "p@ss/%:$"
    assert variables["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] == "false"
    options = spark_options(in_s3, is_stream=True, ui_port=1)
    assert options["spark.hadoop.fs.s3a.endpoint"] == "http://127.0.0.1:9000"
    assert options["spark.hadoop.fs.s3a.path.style.access"] == "true"
    assert options["spark.delta.logStore.s3a.impl"] == "tickhouse.ConditionalS3LogStore"
    assert "/hadoop-aws-" in options["spark.driver.extraClassPath"]
    in_folder = spark_options(settings, is_stream=True, ui_port=1)
    assert "/hadoop-aws-" not in in_folder["spark.driver.extraClassPath"]


def test_a_checkpoint_in_a_folder_is_kept_as_a_folder_wherever_the_lake_is(
    settings: Settings,
) -> None:
    name = "spark.sql.streaming.checkpointFileManagerClass"
    variables = S3 | {"TICKHOUSE_VAR": str(settings.var)}
    in_store = spark_options(load(variables), is_stream=True, ui_port=1)
    del variables["TICKHOUSE_STORE"]
    lake_alone = load(variables | {"TICKHOUSE_STREAM_LAKE": "s3a://bucket/lake"})
    in_folder = spark_options(lake_alone, is_stream=True, ui_port=1)
    assert in_folder["spark.hadoop.fs.s3a.endpoint"] == "http://127.0.0.1:9000"
    assert in_folder[name].endswith(".FileSystemBasedCheckpointFileManager")
    assert in_store[name] != in_folder[name]


def test_no_command_line_shows_a_key(settings: Settings) -> None:
    in_s3 = load(S3 | {"TICKHOUSE_VAR": str(settings.var)})
    assert "p@ss" not in " ".join(submit_command(in_s3, "stream"))
    cluster = {"TICKHOUSE_STREAM_MASTER": "spark://one:7077", "TICKHOUSE_VAR": str(settings.var)}
    line = submit_command(load(S3 | cluster), "stream")
    assert "p@ss" not in " ".join(line)
    file = Path(line[line.index("--properties-file") + 1])
    assert file == in_s3.home / "spark" / "submit.properties"
    assert "--load-spark-defaults" in line
    assert line[line.index("spark.hadoop.fs.s3a.endpoint=http://127.0.0.1:9000") - 1] == "--conf"
    assert file.stat().st_mode & 0o777 == 0o600
    secrets = dict(text.partition("=")[::2] for text in file.read_text().splitlines())
    assert secrets["spark.executorEnv.AWS_SECRET_ACCESS_KEY"] == "p@ss/%:$"
    assert "p@ss" not in repr(in_s3)


def test_a_key_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    in_file = S3 | {"TICKHOUSE_S3_SECRET_KEY_FILE": str(tmp_path / "secret")}
    del in_file["TICKHOUSE_S3_SECRET_KEY"]
    assert load(in_file).s3_variables["AWS_SECRET_ACCESS_KEY"] == "from the file"


def test_without_a_key_the_machines_own_is_used() -> None:
    settings = load({"TICKHOUSE_STORE": "s3a://bucket"})
    assert not {"AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"} & settings.s3_variables.keys()
    assert os.environ.get("AWS_ACCESS_KEY_ID") is None  # reading settings exports nothing


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("STORE", "s3://bucket/x", "TICKHOUSE_STORE='s3://bucket/x': must be a path or s3a://"),
        ("STORE", "s3a://", "TICKHOUSE_STORE='s3a://': must be a path or s3a://"),
        ("STORE", "s3a:///x", "TICKHOUSE_STORE='s3a:///x': must be a path or s3a://"),
        ("STORE", "s3a://a b/x", "TICKHOUSE_STORE='s3a://a b/x': must be a path or s3a://"),
        ("STORE", "s3a//bucket", "TICKHOUSE_STORE='s3a//bucket': must be a path or s3a://"),
        ("STREAM_LAKE", "s3a:/b/x", "TICKHOUSE_STREAM_LAKE='s3a:/b/x': must be a path or s3a://"),
        ("STREAM_LAKE", "gs://b/x", "TICKHOUSE_STREAM_LAKE='gs://b/x': must be a path or s3a://"),
        (
            "S3_ENDPOINT",
            "localhost:9000",
            "TICKHOUSE_S3_ENDPOINT='localhost:9000': not an address that begins with http",
        ),
        ("S3_PATH_STYLE", "maybe", "TICKHOUSE_S3_PATH_STYLE='maybe': must be yes or no"),
        ("S3_SECRET_KEY", "", "TICKHOUSE_S3_ACCESS_KEY and …_SECRET_KEY are set together"),
    ],
)
def test_what_cannot_be_a_store_is_one_sentence(name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence.replace("…", ".")):
        load(S3 | {f"TICKHOUSE_{name}": value})

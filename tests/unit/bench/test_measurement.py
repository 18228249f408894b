"""A benchmark's rows: the ratio, the stable JSON, and the record with machine and commit."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import measurement
from bench.measurement import Measurement, find_quantile, record
from cli import benching, lake_benchmarks
from include.settings import ROOT


def test_a_ratio_above_1_is_better_than_the_peer_either_way() -> None:
    seconds = Measurement.of("fit", 2.0, "s", peer="stock", peer_value=5.0)
    rate = Measurement.of("land", 5.0, "rows/s", peer="job", peer_value=2.0, less_is_better=False)
    assert (seconds.ratio, rate.ratio) == (2.5, 2.5)
    assert Measurement.of("heap", 1.234, "MiB") == Measurement("heap", 1.23, "MiB")
    assert json.dumps(Measurement.of("land", 5.4, "rows/s", digits=None).value) == "5"


def test_a_quantile_lies_between_its_neighbours() -> None:
    assert find_quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert find_quantile([0.0, 10.0], 0.99) == pytest.approx(9.9)
    assert find_quantile([7.0], 0.99) == 7.0


def run(*arguments: str) -> str:
    outcome = CliRunner().invoke(benching.bench, arguments, catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return outcome.stdout


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `--record` writes in these tests."""
    monkeypatch.setattr(measurement, "ROOT", tmp_path)
    monkeypatch.setattr(measurement, "RESULTS_FILE", tmp_path / "RESULTS.md")
    monkeypatch.setattr(benching, "ROOT", tmp_path)
    monkeypatch.setattr("bench.orders.measure", lambda **_: [Measurement.of("sent_p50", 1.5, "ms")])
    monkeypatch.setattr("bench.window_ends.measure", lambda **_: [])
    monkeypatch.setattr(
        "bench.latency.measure",
        lambda **_: [Measurement.of("land|p50", 9.0, "ms", peer="job", peer_value=18.0)],
    )
    return tmp_path / "RESULTS.md"


def test_the_json_is_a_list_of_six_fields_and_nothing_is_recorded(results: Path) -> None:
    assert json.loads(run("latency", "--json")) == [
        {
            "name": "sent_p50",
            "value": 1.5,
            "unit": "ms",
            "peer": None,
            "peer_value": None,
            "ratio": None,
        },
        {
            "name": "land|p50",
            "value": 9.0,
            "unit": "ms",
            "peer": "job",
            "peer_value": 18.0,
            "ratio": 2.0,
        },
    ]
    assert not results.exists()


def test_recorded_rows_follow_those_before_with_command_machine_and_commit(results: Path) -> None:
    results.write_text("# Benchmark results\n\nby hand\n")
    assert "land|p50" in run("latency", "--record", "--seconds", "3")
    assert json.loads(run("latency", "--record", "--json"))[0]["name"] == "sent_p50"
    first, *sections = results.read_text().split("\n## ")
    assert first == "# Benchmark results\n\nby hand\n"
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d UTC: `\./tickhouse bench latency --seconds 3`\n\n"
        r"\d+ cores of .+, [\d.]+ GiB of memory; commit unknown\.\n\n"
        r"\| name \| value \| unit \| peer \| peer_value \| ratio \|\n(\|---){6}\|\n"
        r"\| sent_p50 \| 1\.5 \| ms \|  \|  \|  \|\n"
        r"\| land\\\|p50 \| 9\.0 \| ms \| job \| 18\.0 \| 2\.0 \|\n",
        sections[0],
    )
    assert len(sections) == 2 and "`./tickhouse bench latency`" in sections[1]


def test_the_commit_is_named_and_local_changes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measurement, "ROOT", tmp_path)
    monkeypatch.setattr(measurement, "RESULTS_FILE", tmp_path / "RESULTS.md")
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for arguments in (("init", "-q"), (*who, "commit", "-q", "--allow-empty", "-m", "first")):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, env=environment())
    (tmp_path / "RESULTS.md").write_text("recorded before\n")
    assert re.fullmatch(r"[0-9a-f]{7,}", measurement.read_commit())
    (tmp_path / "changed.py").write_text("")
    assert re.fullmatch(r"[0-9a-f]{7,} with local changes", measurement.read_commit())


def environment() -> dict[str, str]:
    """Without what a hook of git would set."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def test_every_benchmark_can_be_recorded() -> None:
    for name, command in lake_benchmarks.bench.commands.items():
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--json", "--record"} <= options, name
    assert (ROOT / "bench" / "RESULTS.md").exists()


def test_a_first_record_makes_the_file(tmp_path: Path) -> None:
    record([Measurement.of("n", 1.0, "s")], invocation="c", results=tmp_path / "RESULTS.md")
    assert (tmp_path / "RESULTS.md").read_text().startswith("# Benchmark results\n\n## ")

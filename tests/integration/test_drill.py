"""The short form of `./tickhouse drill`: a fault and its sabotage."""

import json
import os
import subprocess
import sys

import pytest

from include.settings import ROOT

FAULTS = ("kill-trader",)


@pytest.mark.timeout(900)
def test_a_fault_loses_nothing_and_its_sabotage_is_detected() -> None:
    command = [sys.executable, "-m", "cli.main", "drill", "--seed", "22", "--json"]
    for name in FAULTS:
        command += ["--only", name]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=880, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    outcomes = json.loads(done.stdout)["faults"]
    assert [outcome["fault"] for outcome in outcomes] == list(FAULTS)
    for outcome in outcomes:
        assert outcome["lost_count"] == 0 and outcome["is_detected"], outcome
        assert outcome["sent_count"] == outcome["landed_count"] > 50, outcome

"""The short form of `./tickhouse drill`: two faults, each with its sabotage."""

import json
import os
import subprocess
import sys

import pytest

from include.settings import ROOT

FAULTS = ("kill-trader", "venue-skips")


@pytest.mark.timeout(900)
def test_faults_lose_nothing_and_their_sabotages_are_detected() -> None:
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

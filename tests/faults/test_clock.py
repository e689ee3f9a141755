"""A clock that is set back or forward while a deploy is under way: verdicts, order and durations stay true."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import docker
import pytest

from tests.docker.images import Images
from tests.docker.registries import RegistryServer
from tests.faults.disks import complaints
from tests.real_parts import docker_address, free_port


@pytest.mark.parametrize("by", [-3600, 86400], ids=["back an hour", "forward a day"])
def test_a_clock_that_steps_changes_no_verdict(
    by: int,
    tmp_path: Path,
    docker_client: docker.DockerClient,
    workload_name: str,
    images: Images,
    registry: RegistryServer,
) -> None:
    image, port, home = f"{registry.address}/{workload_name}:1", free_port(), tmp_path / "clock"
    images.publish(image, "on time")
    arguments = [str(home), docker_address(), workload_name, str(port), image, str(by)]
    command = [sys.executable, "-m", "tests.faults.stepping_clock", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
    assert (done.returncode, done.stderr) == (0, "")
    rows = json.loads(done.stdout)
    assert [(row["version"], row["status"], row["live"]) for row in rows] == [
        (4, "interrupted", False),  # not waiting until the clock has caught up
        (3, "succeeded", True),
        (2, "succeeded", False),
        (1, "succeeded", False),
    ]
    for row in rows[1:]:
        assert row["queued_at"] <= row["started_at"] <= row["finished_at"]
        assert row["duration_ms"] >= 0
        assert all(0 <= stage["ms"] < 60_000 for stage in row["stages"])
    assert complaints(home / "backstay.db") == []

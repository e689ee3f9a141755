"""The verbs in this process, over a HOME of their own, with what they printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from db.settings import Settings
from flows.cli.app import main


@dataclass(frozen=True)
class Said:
    """What one verb came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which then has to be JSON and nothing else."""
        return json.loads(self.out)


Backstay = Callable[..., Said]


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """HOME of the test in the environment; Docker and Prefect at addresses where nobody is."""
    monkeypatch.setenv("BACKSTAY_HOME", str(settings.home))
    monkeypatch.setenv("BACKSTAY_DOCKER_HOST", f"unix://{settings.home}/no-docker.sock")
    monkeypatch.setenv("BACKSTAY_PREFECT_API_URL", "http://127.0.0.1:9/api")
    return monkeypatch


@pytest.fixture
def bare(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Backstay:
    """Run a verb on a HOME that has nothing in it."""

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        code = main(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Said(code, out, err)

    return run


@pytest.fixture
def backstay(bare: Backstay, database: object) -> Backstay:
    """Run a verb on a HOME with a migrated, empty ledger."""
    return bare

"""The import contracts of pyproject.toml: the product keeps them, and the linter notices a breach of each."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from tests.pure.product_source import CONTRACTS, NOT_ROOMS, ROOMS, ROOT, product_sources

(PURE_MODULES,) = [contract for contract in CONTRACTS if contract["name"].startswith("Pure modules")]


def test_the_import_contracts_hold(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    outcome = lint_imports(config_filename=str(ROOT / "pyproject.toml"))
    assert outcome == 0, capsys.readouterr().out


def test_the_contract_of_pure_modules_names_every_one_that_says_so() -> None:
    declared = sorted(source.module for source in product_sources() if source.is_declared_pure)
    assert declared == PURE_MODULES["source_modules"], "a docstring says Pure, or the list in pyproject.toml does"


# For each contract of pyproject.toml a module, and the import in it that breaks the contract.
BREACHES = {
    "Imports run one way": ("db.diff", "tasks.labels"),
    "The ledger knows no": ("db.history", "prefect"),
    "Only webapp imports flask": ("flows.doctor", "flask"),
    "One module imports docker": ("webapp.app", "docker"),
    "One module runs programs": ("flows.backups", "subprocess"),
    "Pure modules stay pure": ("db.states", "db.connection"),  # which imports sqlalchemy
    "The web process and the CLI": ("flows.doctor", "tasks.containers.converge"),
    "The floors of db": ("db.settings", "db.serialize"),
    "The floors of tasks": ("tasks.context", "tasks.kinds"),
    "The floors of flows": ("flows.requests", "flows.cli"),
    "The floors of webapp": ("webapp.http.params", "webapp.pages"),
}


def test_the_linter_notices_a_breach_of_every_contract(tmp_path: Path) -> None:
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=lambda *_: NOT_ROOMS - {"__init__.py", "versions"})
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for module, imported in BREACHES.values():
        with (tmp_path / module.replace(".", "/")).with_suffix(".py").open("a") as file:
            file.write(f"\nimport {imported}\n")
    checked = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports; lint_imports(no_cache=True)"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    said, _, reasons = checked.stdout.partition("Broken contracts")
    assert [contract["name"] for contract in CONTRACTS if f"{contract['name']} BROKEN" not in said] == [], checked
    for contract, (module, imported) in BREACHES.items():
        _, _, reason = reasons.partition(f"\n{contract}")
        assert f"{module} -> {imported} (l." in reason, contract

"""Checks the samples that `make demo` left in the ledger of a machine with cgroup v2: where from, and how much."""

from __future__ import annotations

import sys

from sqlalchemy import select

from db.connection import Database
from db.metrics import collectors
from db.models import Sample
from db.settings import load_settings

MIB = 1024 * 1024
LIMIT = 64 * MIB  # of the demo's spec


def complaints(database: Database) -> list[str]:
    """Return what is wrong with the samples, in words."""
    with database.reading() as session:
        paths = {report.path for report in collectors.every(session)}
        samples = session.scalars(select(Sample)).all()
    cpu = [one.cpu_percent for one in samples if one.cpu_percent is not None]
    memory = [one.memory_usage for one in samples]
    print(f"{len(samples)} samples by {paths}, CPU {cpu}, memory {[round(one / MIB, 1) for one in memory]} MiB")
    checks = {
        "they come from cgroup files": paths == {"cgroup"},
        "there are some, and some with CPU": len(cpu) >= 2,
        "CPU is neither none nor more than the machine has": all(0 <= one <= 200 for one in cpu) and any(cpu),
        "memory is that of a shell and a web server": all(0.1 * MIB < one < LIMIT for one in memory),
        "the limit is that of the spec": {one.memory_limit for one in samples} == {LIMIT},
    }
    return [what for what, holds in checks.items() if not holds]


if __name__ == "__main__":
    wrong = complaints(Database(load_settings().ledger_url))
    sys.exit(f"FAILED: this does not hold: {'; '.join(wrong)}" if wrong else 0)

"""The Prefect server of `backstay up`: Prefect's own command line, over SQLite connections that wait outside of SQLite.

`python -m flows.supervisor.prefect_server server start …` is otherwise `python -m prefect server start …`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from flows.supervisor.patient_sqlite import PatientConnection


def be_patient() -> None:
    """Make every SQLite connection that SQLAlchemy opens in this process from now on a patient one."""
    event.listen(Engine, "do_connect", _choose_connection)


def _choose_connection(dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
    if dialect.name == "sqlite":
        options.update(factory=PatientConnection, timeout=0)


def main() -> None:
    """Run Prefect's command line with the arguments of this process."""
    be_patient()
    from prefect.cli import app

    app()


if __name__ == "__main__":
    main()

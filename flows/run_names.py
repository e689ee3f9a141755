"""What the Prefect run of a row is called, and the key under which it is created once. Pure."""

from __future__ import annotations

from db.models import Deploy


def deployment_of(deploy: Deploy) -> str:
    """Name of the Prefect deployment that carries a row out."""
    return "rollback" if deploy.rollback_of is not None else "dispatch"


def run_name(deploy: Deploy, workload: str) -> str:
    """What Prefect's UI calls the run: `deploy shop v12`, `rollback shop v13 to v11`."""
    if deploy.rollback_of is not None:
        return f"rollback {workload} v{deploy.version} to v{deploy.rollback_of}"
    return f"deploy {workload} v{deploy.version}"


def run_key(deploy: Deploy) -> str:
    """Idempotency key of the run of a row. The moment is in it because another ledger counts from 1 as well."""
    return f"deploy-{deploy.id}-{int(deploy.queued_at.timestamp() * 1_000_000)}"

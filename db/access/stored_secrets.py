"""The encrypted values in the ledger, wherever they are stored. Decrypts nothing."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import GitCredential, Hook, Registry, Workload


def locked(session: Session) -> set[str]:
    """Return every encrypted text: secrets of workloads and webhooks, credentials of registries and git servers."""
    found = {one for secrets in session.scalars(select(Workload.secrets)) for one in secrets.values()}
    for column in (Hook.secret, Registry.password, GitCredential.password, GitCredential.ssh_key):
        found |= {one for one in session.scalars(select(column)) if one}
    return found

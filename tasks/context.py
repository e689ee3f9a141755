"""The resources that every step works with: settings, ledger, vault, Docker, Prefect, log and stop request."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from db import workloads
from db.access import accounts, git_credentials, stored_secrets
from db.access.vault import Vault
from db.connection import Database
from db.installation import identity
from db.models import Workload
from db.releases import Release
from db.settings import Settings, ensure_home, secrets_in
from tasks.credentials import Credentials, GitLogin
from tasks.docker.client import DockerEngine
from tasks.logs.log import open_log
from tasks.logs.redactor import Redactor
from tasks.logs.vault_redactor import StoredSecrets
from tasks.prefect_api import PrefectApi
from tasks.system.workload_locks import WorkloadLocks


@dataclass
class Context:
    """One per process. `stopping` is set when the process was asked to end: steps check it and give up."""

    settings: Settings
    database: Database
    vault: Vault
    docker: DockerEngine
    prefect: PrefectApi
    redactor: Redactor
    log: logging.Logger
    stopping: threading.Event = field(default_factory=threading.Event)
    stored_secrets: StoredSecrets = field(default_factory=StoredSecrets, repr=False)
    workload_locks: WorkloadLocks = field(default_factory=WorkloadLocks)

    @classmethod
    def open(cls, settings: Settings, name: str = "backstay", *, quiet: bool = False) -> Context:
        """Open a context over HOME, created if missing. `name` names the process, and so the log file.

        Raises OSError when HOME cannot be used. Connects to nothing yet.
        """
        ensure_home(settings)
        redactor = Redactor()
        redactor.learn(secrets_in(settings))
        log = open_log(name, settings.logs, redactor, quiet=quiet)
        return cls(
            settings=settings,
            database=Database(settings.ledger_url),
            vault=Vault.of(settings),
            docker=DockerEngine(settings.engine_address, log),
            prefect=PrefectApi(settings),
            redactor=redactor,
            log=log,
        )

    def close(self) -> None:
        """Close the database, Docker and Prefect."""
        self.database.close()
        self.docker.close()
        self.prefect.close()

    @cached_property
    def installation(self) -> str:
        """Return the id that distinguishes our containers' labels from another installation's."""
        with self.database.writing() as session:
            return identity(session, now())

    def secrets_of(self, workload: Workload) -> dict[str, str]:
        """Return the current secret values of a workload and register them with the redactor."""
        return self.unlocked(workload.secrets)

    def unlocked(self, locked: Mapping[str, str]) -> dict[str, str]:
        """Return encrypted values by their names and register them with the redactor."""
        values = {name: self.vault.unlock(one) for name, one in locked.items()}
        self.redactor.learn(values.values())
        return values

    def secrets_of_release(self, workload: Workload, release: Release) -> dict[str, str]:
        """Return the current values of the secrets that a release names; one that has none today is left out."""
        known = self.secrets_of(workload)
        return {name: known[name] for name in release.get("secrets", []) if name in known}

    def cleaner(self) -> Callable[[str], str]:
        """Return a function that removes from untrusted text what the redactor knows and every secret of eight
        characters or more now in the vault, whether or not this process has used it."""
        with self.database.reading() as session:
            locked = stored_secrets.locked(session)
        every = self.stored_secrets.redactor(self.vault, locked)
        return lambda text: every.clean(self.redactor.clean(text))

    def credentials_for(self, registry_host: str) -> Credentials | None:
        """Return the stored credentials of a registry and register the password with the redactor."""
        with self.database.reading() as session:
            rows = {row.host: row for row in accounts.registries(session)}
        row = rows.get(registry_host)
        if row is None:
            return None
        password = self.vault.unlock(row.password)
        self.redactor.learn([password])
        return Credentials(row.username, password)

    def git_login(self, *names: str, by_ssh: bool | None = None) -> GitLogin:
        """Return the first login that is stored under one of these names, empty if there is none, and register it with
        the redactor. by_ssh: whether it must have a key, or a password; None: either."""
        with self.database.reading() as session:
            stored = git_credentials.among(session, names)
        rows = (stored[name] for name in names if name in stored)
        row = next((row for row in rows if by_ssh is None or (row.ssh_key if by_ssh else row.password)), None)
        if row is None:
            return GitLogin()
        password = self.vault.unlock(row.password) if row.password else None
        ssh_key = self.vault.unlock(row.ssh_key) if row.ssh_key else None
        self.redactor.learn([one for one in (password, ssh_key) if one])
        if password:
            self.redactor.learn([f"{row.username}:{password}"])  # as the Authorization header carries it, in base64
        return GitLogin(row.username, password, ssh_key, row.host)

    def workload(self, workload_id: int) -> Workload:
        """Return a workload by id."""
        with self.database.reading() as session:
            return workloads.by_id(session, workload_id)


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)

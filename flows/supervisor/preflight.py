"""Checks before `backstay up` starts anything: one start at a time, free ports, Docker, the ledger.

Each fault is one sentence that says what to do. Starts no process.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from db.settings import Settings
from flows.home_locks import up_lock
from flows.supervisor.programs import reachable
from tasks.system.file_locks import open_lock, try_lock

if TYPE_CHECKING:
    from db.connection import Database

FIRST_USER = "admin"
LEFTOVERS_S = 25.0


class CannotStart(Exception):  # noqa: N818 - it names what happened
    """One sentence: what prevents the start and what to do about it."""


def lock_home(settings: Settings, say: Callable[[str], None]) -> int:
    """Return the lock of HOME as an open file that the children inherit: it is released when the last of them exits.

    After a crash the children of the last `up` may still be exiting; waits for them. Raises CannotStart.
    """
    descriptor = open_lock(up_lock(settings))
    try:
        _take(descriptor, settings, say)
    except CannotStart:
        os.close(descriptor)
        raise
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def _take(descriptor: int, settings: Settings, say: Callable[[str], None]) -> None:
    home = settings.home
    deadline, told = time.monotonic() + LEFTOVERS_S, False
    while not try_lock(descriptor):
        holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
        if _is_alive(holder):
            raise CannotStart(
                f"`backstay up` is already running on {home} (process {holder}); stop it, or set BACKSTAY_HOME."
            )
        if time.monotonic() > deadline:
            raise CannotStart(
                f"processes of an earlier `backstay up` on {home} are still running; end them and try again "
                f"(`fuser -v {up_lock(settings)}` lists them)."
            )
        if not told:
            say("waiting for the processes of the last run to exit…")
            told = True
        time.sleep(0.2)


def _is_alive(pid: str) -> bool:
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def check_ports(settings: Settings) -> None:
    """Raise CannotStart naming the port that is in use."""
    wanted = [(settings.web_host, settings.web_port, "the web interface", "BACKSTAY_WEB_PORT")]
    if not settings.prefect_api_url:
        wanted.append(("127.0.0.1", settings.prefect_port, "Prefect", "BACKSTAY_PREFECT_PORT"))
        if settings.prefect_port == settings.web_port:
            raise CannotStart(f"BACKSTAY_WEB_PORT and BACKSTAY_PREFECT_PORT are both {settings.web_port}; change one.")
    for host, port, what, setting in wanted:
        if problem := port_problem(host, port):
            raise CannotStart(f"port {port} on {host}, meant for {what}, {problem}; free it or set {setting}.")


def port_problem(host: str, port: int) -> str | None:
    """Return why a server cannot listen there; None when it can."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        return "is at an unknown address"
    with socket.socket(family, kind, proto) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            return _words(error)
        # A listener on 127.0.0.1 does not keep us from binding 0.0.0.0, but it would receive the requests.
        return "is in use by another program" if _somebody_answers(reachable(host), port, family) else None


def _words(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "is in use by another program"
        case errno.EACCES:
            return "needs root"
        case errno.EADDRNOTAVAIL:
            return "is at an address that this machine does not have"
        case _:
            return "cannot be listened on"


def _somebody_answers(host: str, port: int, family: int) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe, contextlib.suppress(OSError):
        probe.settimeout(0.3)
        return probe.connect_ex((host, port)) == 0
    return False


def check_docker(settings: Settings) -> str:
    """Return the version of the Docker Engine. Raises CannotStart when it does not respond."""
    from tasks.docker.client import DockerEngine
    from tasks.failures import Failure, translated

    refused = CannotStart(
        f"Docker does not respond at {settings.engine_address}; start Docker, "
        "or run `make up`, which installs and starts it (.ci/ensure-system)."
    )
    return translated(DockerEngine(settings.engine_address).version, Failure, into=refused)


def prepare_ledger(settings: Settings) -> str | None:
    """Migrate the ledger to the newest schema and ensure that a user exists.

    Return the password of the first user if one had to be generated. Raises CannotStart.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from db.connection import Database, LedgerUnavailable
    from db.migrate import upgrade

    try:
        database = Database(settings.ledger_url)
        try:
            upgrade(database)
            return _first_user(database, settings)
        finally:
            database.close()
    except (SQLAlchemyError, LedgerUnavailable, ImportError, OSError):
        pass
    raise CannotStart("the ledger's database cannot be opened or migrated; run `backstay doctor` for details.")


def _first_user(database: Database, settings: Settings) -> str | None:
    from db.access import accounts
    from tasks.context import now

    given = settings.admin_password.get_secret_value()
    with database.writing() as session:
        if accounts.count_users(session):
            return None
        made = None if given else secrets.token_urlsafe(12)
        accounts.add_user(session, FIRST_USER, "admin", given or made or "", now())
    return made

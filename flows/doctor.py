"""Checks of an installation, one per function: what works, what does not, and how to fix it.

Changes nothing, apart from a file in HOME that is removed at once.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from db.settings import Settings, ensure_home
from flows.supervisor import preflight
from flows.supervisor.programs import answers, reachable

LITTLE_SPACE = 1024**3
CLOCK_SLACK = timedelta(minutes=2)


@dataclass(frozen=True)
class Check:
    """The outcome of one check. `detail` says what was found, or what to do."""

    name: str
    ok: bool
    detail: str


def examine(settings: Settings) -> list[Check]:
    """Run all checks. HOME comes first: the others depend on it."""
    first = check_home(settings)
    if not first.ok:
        return [first]
    others: list[Callable[[Settings], Check]] = [
        check_disk,
        check_database,
        check_clock,
        check_docker,
        check_host,
        check_builds,
        check_compose,
        check_files,
        check_git,
        check_prefect,
        check_ports,
    ]
    return [first, *(check(settings) for check in others)]


def check_home(settings: Settings) -> Check:
    """Check that HOME is writable."""
    try:
        ensure_home(settings)
        with tempfile.TemporaryFile(dir=settings.home):
            pass
    except OSError as error:
        why = error.strerror or type(error).__name__
        return Check("home", False, f"{settings.home} cannot be written to ({why}); change its owner or BACKSTAY_HOME.")
    return Check("home", True, str(settings.home))


def check_disk(settings: Settings) -> Check:
    """Check that there is room for images, databases and logs."""
    free = shutil.disk_usage(settings.home).free
    words = f"{free / 1024**3:.1f} GiB free at {settings.home}"
    return Check("disk", free >= LITTLE_SPACE, words if free >= LITTLE_SPACE else f"only {words}; free some space.")


def check_database(settings: Settings) -> Check:
    """Check that the ledger's database responds, has the newest schema and is writable."""
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    from db.connection import Database, LedgerUnavailable
    from db.migrate import head, is_current

    try:
        database = Database(settings.ledger_url, busy_timeout_ms=LOCKED_MS)
        current = is_current(database)
        with database.writing() as session:  # SQLite takes its write lock here
            session.execute(text("SELECT 1"))
        name = database.engine.dialect.name
        database.close()
    except LedgerUnavailable as error:
        return Check("database", False, NO_LEDGER[error.cause])
    except (SQLAlchemyError, ImportError, OSError):
        return Check("database", False, NO_LEDGER["unreachable"])
    if not current:
        return Check("database", False, "is not at the newest schema; run `backstay migrate`.")
    return Check("database", True, f"{name}, revision {head()}")


LOCKED_MS = 3000
NO_LEDGER = {
    "locked": "is locked by another program; stop that program (`fuser -v` on the file names it).",
    "full": "has no space left on its disk; free some.",
    "read_only": "cannot be written to; change the owner or the mount of its file.",
    "unreachable": "does not respond; check BACKSTAY_DATABASE_URL and that its server is running.",
}


def check_clock(settings: Settings) -> Check:
    """Check that the clock is not behind the newest moment in the ledger."""
    newest = _newest_moment(settings)
    now = datetime.now(UTC)
    if newest is not None and newest > now + CLOCK_SLACK:
        return Check("clock", False, "is behind the newest deploy; set it, by NTP if you can.")
    return Check("clock", True, f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _newest_moment(settings: Settings) -> datetime | None:
    from sqlalchemy import func, select
    from sqlalchemy.exc import SQLAlchemyError

    from db.connection import Database, LedgerUnavailable
    from db.models import Deploy

    try:
        database = Database(settings.ledger_url)
        with database.reading() as session:
            return session.scalar(select(func.max(Deploy.queued_at)))
    except (SQLAlchemyError, LedgerUnavailable, ImportError, OSError):
        return None  # check_database reports it


def check_docker(settings: Settings) -> Check:
    """Check that the Docker Engine responds."""
    try:
        version = preflight.check_docker(settings)
    except preflight.CannotStart as error:
        return Check("docker", False, str(error))
    return Check("docker", True, f"Engine {version} at {settings.engine_address}")


def check_host(settings: Settings) -> Check:
    """Check that the Docker Engine's machine has what containers need."""
    from tasks.docker import host_gaps
    from tasks.docker.client import DockerEngine
    from tasks.failures import Failure

    facts = None
    with suppress(Failure):  # check_docker reports it
        facts = DockerEngine(settings.engine_address).about()
    if missing := host_gaps.gaps(host_gaps.look(facts, settings.engine_address)):
        return Check("host", False, " ".join(missing))
    return Check("host", True, "not examined: Docker does not respond" if facts is None else "no gap found")


def check_builds(settings: Settings) -> Check:
    """Report the Engine's builder and the size of its cache. The classic builder is no fault: it builds most."""
    from tasks.docker.client import DockerEngine
    from tasks.failures import Failure

    engine = DockerEngine(settings.engine_address)
    try:
        builder, cached = engine.builds.builder(), engine.builds.cache_bytes()
    except Failure:
        return Check("builds", True, "not examined: Docker does not respond")  # check_docker reports it
    finally:
        engine.close()
    most = f"of at most {settings.build_cache_max_gb} GB" if settings.build_cache_max_gb else "without a bound of ours"
    words = f"by BuildKit; {cached / 10**9:.1f} GB {most} in its cache"
    return Check("builds", True, words if builder.buildkit else "by the classic builder: BuildKit is absent or off")


def check_compose(settings: Settings) -> Check:
    """Check for Docker Compose. Only compose workloads need it, so its absence alone is no fault."""
    from tasks.compose import cli

    found = cli.find(settings)
    if found is not None:
        return Check("compose", True, f"Docker Compose {found.version} at {found.path}")
    oldest = ".".join(str(part) for part in cli.OLDEST)
    todo = f"install Docker's plugin, or `pip install 'backstay[compose]'`; needs {oldest} or newer"
    if settings.compose:
        return Check("compose", False, f"BACKSTAY_COMPOSE does not name a working Docker Compose; {todo}.")
    return Check("compose", not _has_compose_workloads(settings), f"not found; compose workloads need it: {todo}.")


def check_files(settings: Settings) -> Check:
    """Check that no app stores files where the engine works: versions before 0.1 mounted relative paths there."""
    from sqlalchemy.exc import SQLAlchemyError

    from db.connection import Database, LedgerUnavailable
    from db.installation import known_identity
    from tasks.compose import work
    from tasks.docker.client import DockerEngine
    from tasks.failures import Failure

    try:
        database = Database(settings.ledger_url)
        with database.reading() as session:
            installation = known_identity(session) or ""
        database.close()
        containers = DockerEngine(settings.engine_address).containers.list_all()
    except (SQLAlchemyError, LedgerUnavailable, ImportError, OSError, Failure):
        return Check("files", True, "not examined: the ledger or Docker does not respond")  # others report it
    if found := work.mounted_by(settings, containers, installation):
        names = ", ".join(found)
        return Check("files", False, f"in HOME/work, for {names}: deploy again, and they move to HOME/files.")
    return Check("files", True, str(settings.files))


def check_git(settings: Settings) -> Check:
    """Check for git. Only sources in repositories need it, so its absence alone is no fault."""
    path = shutil.which("git")
    return Check("git", True, path or "not found; sources in git repositories need it: install git.")


def _has_compose_workloads(settings: Settings) -> bool:
    from sqlalchemy.exc import SQLAlchemyError

    from db import workloads
    from db.connection import Database, LedgerUnavailable

    try:
        database = Database(settings.ledger_url)
        with database.reading() as session:
            return any(one.spec["source"]["kind"] == "compose" for one in workloads.every(session))
    except (SQLAlchemyError, LedgerUnavailable, ImportError, OSError):
        return False  # check_database reports it


def check_prefect(settings: Settings) -> Check:
    """Check that Prefect responds, and accepts our login."""
    from tasks.prefect_api import PrefectApi

    prefect = PrefectApi(settings)
    try:
        well = prefect.answers()
    finally:
        prefect.close()
    if well:
        return Check("prefect", True, settings.api_url)
    todo = "check BACKSTAY_PREFECT_API_URL and PREFECT_API_AUTH_STRING" if settings.prefect_api_url else "`backstay up`"
    return Check("prefect", False, f"does not respond at {settings.api_url}, or refuses the login; {todo}.")


def check_ports(settings: Settings) -> Check:
    """Check that the web interface's port is ours, or free."""
    where = f"{settings.web_host}:{settings.web_port}"
    if answers(reachable(settings.web_host), settings.web_port, "/healthz"):
        return Check("ports", True, f"the web interface responds at {where}")
    if problem := preflight.port_problem(settings.web_host, settings.web_port):
        return Check("ports", False, f"port {where} {problem}; free it or set BACKSTAY_WEB_PORT.")
    return Check("ports", True, f"{where} is free for the web interface")

"""The three programs of `backstay up`: command line, environment, and readiness probe of each.

Starts nothing: flows.supervisor.supervisor does.
"""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from db.settings import Settings, prefect_auth
from flows.supervisor.liveness import prefect_takes_writes

RETENTION_S = 2 * 24 * 3600
PROBE_TIMEOUT_S = 0.5
WEB_THREADS = 32
# Settings in the user's environment for another Prefect must not reach ours.
_FOREIGN = ("PREFECT_API_KEY", "PREFECT_PROFILE", "PREFECT_PROFILES_PATH", "PREFECT_LOGGING_SETTINGS_PATH")


@dataclass(frozen=True)
class Program:
    """One program. `is_ready` takes its process id. `grace_s` is how long it may take to exit. `is_healthy` is polled
    while it runs, for a program that can hang without exiting: see flows.supervisor.liveness."""

    name: str
    argv: list[str]
    env: dict[str, str]
    cwd: Path
    is_ready: Callable[[int], bool]
    grace_s: float
    needs_ledger: bool = True
    is_healthy: Callable[[], bool] | None = None


def programs(settings: Settings) -> list[Program]:
    """Return all programs of `up`, in the order of starting; they stop in the reverse order."""
    own_prefect = [] if settings.prefect_api_url else [_prefect(settings)]
    return [*own_prefect, _engine(settings), _web(settings)]


def _prefect(settings: Settings) -> Program:
    python = [sys.executable, "-P", "-m", "flows.supervisor.prefect_server", "server", "start"]
    return Program(
        name="prefect",
        argv=[*python, "--host", "127.0.0.1", "--port", str(settings.prefect_port)],
        env=server_env(settings, os.environ),
        cwd=settings.home,
        is_ready=lambda _pid: answers("127.0.0.1", settings.prefect_port, "/api/health"),
        grace_s=10,
        needs_ledger=False,
        is_healthy=lambda: prefect_takes_writes(settings),
    )


def _engine(settings: Settings) -> Program:
    return Program(
        name="engine",
        argv=backstay("engine"),
        env=client_env(settings, os.environ),
        cwd=settings.home,
        is_ready=lambda pid: is_announced(settings, pid),
        grace_s=20,
    )


def _web(settings: Settings) -> Program:
    return Program(
        name="web",
        argv=backstay("web"),
        env=client_env(settings, os.environ),
        cwd=settings.home,
        is_ready=lambda _pid: answers(reachable(settings.web_host), settings.web_port, "/healthz"),
        grace_s=5,
    )


def backstay(verb: str) -> list[str]:
    """Return the command line of this very program. -P: a file in the current directory must not shadow a module."""
    return [sys.executable, "-P", "-m", "flows.cli", verb]


def gunicorn(settings: Settings) -> list[str]:
    """Return the command line of the web server: one process, so that its caches agree, and one thread per request."""
    bind = f"[{settings.web_host}]" if ":" in settings.web_host else settings.web_host
    return [
        *(sys.executable, "-P", "-m", "gunicorn", "webapp.app:create_app()"),
        *("--worker-class", "webapp.http.gunicorn_worker.Worker", "--workers", "1", "--threads", str(WEB_THREADS)),
        *("--bind", f"{bind}:{settings.web_port}"),
        # Log streams never end by themselves: they are cut, so that Ctrl-C is quick.
        *("--graceful-timeout", "2", "--keep-alive", "15"),
        *("--log-level", "warning", "--no-control-socket"),
    ]


def client_env(settings: Settings, base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the engine and of the web: our settings, and the address and login of Prefect."""
    env = {key: value for key, value in base.items() if key not in _FOREIGN}
    env |= {f"BACKSTAY_{key.upper()}": str(value) for key, value in settings.model_dump().items()}
    del env["BACKSTAY_ADMIN_PASSWORD"]  # `up` has used it by now, and no child needs it
    return env | {
        "PREFECT_HOME": str(settings.home / "prefect"),
        "PREFECT_API_URL": settings.api_url,
        "PREFECT_API_AUTH_STRING": prefect_auth(settings),
        "PREFECT_CLI_COLORS": "false",
        "PREFECT_LOGGING_COLORS": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # Its client retries after 2, 4, 8… s: half a minute in all is as long as a run may take to begin.
        "PREFECT_CLIENT_MAX_RETRIES": "4",
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
    }


def server_env(settings: Settings, base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the Prefect server: quiet, guarded, tidy, with only the settings of ours it needs."""
    env = {key: value for key, value in client_env(settings, base).items() if not key.startswith("BACKSTAY_")}
    return env | {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{settings.home / 'prefect.db'}",
        "PREFECT_SERVER_API_AUTH_STRING": env["PREFECT_API_AUTH_STRING"],
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(RETENTION_S),
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": f"PT{RETENTION_S}S",
        # An hour of minutely runs scheduled ahead would all be marked late at the next start, concurrently:
        # SQLite then answers "database is locked" for seconds.
        "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "PT180S",
        "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS": "6",
        "PREFECT_CLI_PROMPT": "false",
    }


def reachable(host: str) -> str:
    """Return an address to connect to for a listening one: 0.0.0.0 is every address, so also the loopback."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def answers(host: str, port: int, path: str) -> bool:
    """Return whether GET http://host:port/path answers 200, quickly."""
    connection = http.client.HTTPConnection(host, port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def announce(settings: Settings) -> None:
    """Write the engine's process id to where `is_announced` reads it; the engine calls this when it takes work."""
    _announcement(settings).write_text(str(os.getpid()))


def is_announced(settings: Settings, pid: int) -> bool:
    """Return whether the engine with this process id takes work."""
    try:
        return _announcement(settings).read_text() == str(pid)
    except OSError:
        return False


def _announcement(settings: Settings) -> Path:
    return settings.home / "engine.ready"

"""The verb `backstay up`: start everything, print its address and how to log in, and run until Ctrl-C."""

from __future__ import annotations

from db.settings import Settings, prefect_auth
from flows.supervisor.preflight import FIRST_USER
from flows.supervisor.programs import reachable
from flows.supervisor.supervisor import Supervisor

WORD_EVERY_S = 60.0


def run(settings: Settings) -> int:
    """Run until Ctrl-C or SIGTERM; return the exit code. Raises CannotStart, and OSError when HOME cannot be used."""
    supervisor = Supervisor(settings)
    supervisor.listen()
    supervisor.start()
    ready = False
    while not ready and not supervisor.is_stopping:
        ready = supervisor.wait_ready(WORD_EVERY_S)
    if ready:
        supervisor.output.show(banner(settings, supervisor.first_password))
    elif supervisor.first_password:
        supervisor.output.show(f"The first user is {_login(supervisor.first_password)}.")
    supervisor.run_forever()
    return 1 if supervisor.broken else 0


def banner(settings: Settings, first_password: str | None) -> str:
    """Return what a person needs once everything runs: the address and how to log in."""
    rows = [("Backstay", web_url(settings)), ("Log in as", _login(first_password))]
    rows.append(("Prefect", settings.prefect_ui_url))
    if not settings.prefect_api_url:
        rows.append(("Log in with", f"{prefect_auth(settings)}   (user:password, one field)"))
    rows.append(("State", str(settings.home)))
    lines = "\n".join(f"  {name:<13}{value}" for name, value in rows)
    return f"\nBackstay is ready.\n\n{lines}\n\nCtrl-C stops everything.\n"


def web_url(settings: Settings) -> str:
    """Return the address of the web interface as seen from this machine."""
    host = reachable(settings.web_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.web_port}"


def _login(first_password: str | None) -> str:
    if first_password:
        return f"{FIRST_USER} / {first_password}   (created now and shown only once)"
    return f"{FIRST_USER} and its password   (forgotten? `backstay user password {FIRST_USER}`)"

"""What the programs of `up` are given, as they themselves understand it."""

from __future__ import annotations

import os
import subprocess
import sys

from db.settings import Settings, prefect_auth
from flows.supervisor.programs import server_env


def test_the_installed_prefect_understands_every_setting_that_it_is_given(settings: Settings) -> None:
    code = """
from prefect.settings import get_current_settings
server = get_current_settings().server
services = server.services
vacuum = services.db_vacuum
print(vacuum.retention_period.days, server.events.retention_period.days, *sorted(vacuum.enabled))
print(services.scheduler.min_scheduled_time.total_seconds(), services.scheduler.max_runs)
print(server.api.auth_string.get_secret_value(), server.analytics_enabled, server.ui.show_promotional_content)
"""
    env = server_env(settings, os.environ)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["2 2 events flow_runs", "180.0 6", f"{prefect_auth(settings)} False False"]

"""How the three programs of `backstay up` are called."""

from __future__ import annotations

import pytest

from db.settings import Settings, prefect_auth
from flows.supervisor.programs import client_env, gunicorn, programs, reachable, server_env

PERSONS_ENVIRONMENT = {
    "PATH": "/usr/bin",
    "PREFECT_API_KEY": "pnu_of_somebody",
    "PREFECT_PROFILE": "cloud",
    "PREFECT_API_URL": "https://api.prefect.cloud/api",
    "BACKSTAY_ADMIN_PASSWORD": "correct horse",
    "DO_NOT_TRACK": "0",
}


def test_prefect_is_left_out_when_one_runs_elsewhere(settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"prefect_api_url": "http://prefect.example/api"})
    assert [each.name for each in programs(settings)] == ["prefect", "engine", "web"]
    assert [each.name for each in programs(elsewhere)] == ["engine", "web"]


def test_another_prefect_of_the_same_person_stays_out(settings: Settings) -> None:
    env = client_env(settings, PERSONS_ENVIRONMENT)
    assert env["PREFECT_API_URL"] == settings.api_url
    assert env["PREFECT_HOME"] == str(settings.home / "prefect")
    assert "PREFECT_API_KEY" not in env
    assert "PREFECT_PROFILE" not in env
    assert env["PATH"] == "/usr/bin"


def test_nothing_is_told_to_the_makers_of_prefect(settings: Settings) -> None:
    env = server_env(settings, PERSONS_ENVIRONMENT)
    assert env["DO_NOT_TRACK"] == "1"
    assert env["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert env["PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT"] == "false"


def test_the_api_of_prefect_is_guarded_by_the_login_that_its_clients_have(settings: Settings) -> None:
    server, client = server_env(settings, {}), client_env(settings, {})
    assert server["PREFECT_SERVER_API_AUTH_STRING"] == client["PREFECT_API_AUTH_STRING"] == prefect_auth(settings)


def test_no_secret_is_on_a_command_line_and_the_first_password_goes_to_nobody(settings: Settings) -> None:
    secret = prefect_auth(settings)
    for program in programs(settings):
        assert not any(secret in word for word in program.argv)
        assert "BACKSTAY_ADMIN_PASSWORD" not in program.env


def test_prefect_gets_none_of_our_settings(settings: Settings) -> None:
    assert not [key for key in server_env(settings, PERSONS_ENVIRONMENT) if key.startswith("BACKSTAY_")]


def test_the_children_get_the_settings_of_their_parent(settings: Settings) -> None:
    changed = settings.model_copy(update={"web_port": 8123, "host_name": "box"})
    env = client_env(changed, {"BACKSTAY_WEB_PORT": "1"})
    assert (env["BACKSTAY_WEB_PORT"], env["BACKSTAY_HOST_NAME"]) == ("8123", "box")
    assert env["BACKSTAY_HOME"] == str(settings.home)


@pytest.mark.parametrize(("host", "bind"), [("127.0.0.1", "127.0.0.1:8000"), ("::1", "[::1]:8000")])
def test_gunicorn_listens_where_the_settings_say(settings: Settings, host: str, bind: str) -> None:
    argv = gunicorn(settings.model_copy(update={"web_host": host}))
    assert argv[argv.index("--bind") + 1] == bind


def test_an_address_to_listen_on_becomes_one_to_connect_to() -> None:
    assert [reachable(host) for host in ("0.0.0.0", "::", "10.0.0.7")] == ["127.0.0.1", "::1", "10.0.0.7"]

"""The Prefect server that the other tests of the flows stand on."""

from __future__ import annotations

import httpx

from db.settings import Settings, prefect_auth
from tests.flows.fixtures import PrefectApi


def test_the_server_answers_to_its_login_only(prefect_api: PrefectApi) -> None:
    listed = f"{prefect_api.url}/work_pools/filter"
    user, _, password = prefect_api.auth.partition(":")
    assert httpx.post(listed, json={}).status_code == 401
    assert httpx.post(listed, json={}, auth=(user, "wrong")).status_code == 401
    assert httpx.post(listed, json={}, auth=(user, password)).status_code == 200


def test_the_settings_lead_to_the_server(settings: Settings, prefect_api: PrefectApi) -> None:
    assert settings.api_url == prefect_api.url
    assert prefect_auth(settings) == prefect_api.auth


def test_a_client_of_this_process_reaches_the_server(prefect_environment: PrefectApi) -> None:
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    login = {PREFECT_API_URL: prefect_environment.url, PREFECT_API_AUTH_STRING: prefect_environment.auth}
    with temporary_settings(login), get_client(sync_client=True) as client:
        assert client.api_healthcheck() is None
        assert client.read_flows() is not None

"""Prefect's REST API, as far as the ledger needs it: start a run, look at one, close one that died.

Spoken over httpx and not through Prefect's client, whose import costs four seconds in each `backstay deploy` and each
start of the web process. Only flows.engine.main and what runs inside it import prefect.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Any

import httpx

from db.settings import Settings, prefect_auth
from tasks.failures import attempt

POOL = "backstay"
TERMINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
BUSY = frozenset({httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS})
BUSY_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0, 2.0, 2.0)  # thirteen seconds
CLOCK_SKEW = timedelta(seconds=5)
TIMEOUT = httpx.Timeout(10, connect=2)


class PrefectUnreachable(Exception):  # noqa: N818 - it names what happened
    """Prefect did not take the request: it is down, or it has no such deployment yet."""


class _TooSlow(PrefectUnreachable):
    """It has the request, and did not answer in time."""


class PrefectApi:
    """One Prefect server. Threads may share it."""

    def __init__(self, settings: Settings) -> None:
        user, _, password = prefect_auth(settings).partition(":")
        self._client = httpx.Client(base_url=settings.api_url, auth=(user, password), timeout=TIMEOUT)
        self._lock = threading.Lock()
        self._creating = threading.Lock()
        self._ids: dict[str, str] = {}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def answers(self) -> bool:
        """Whether the server is up and knows us."""
        try:
            return self._client.get("/admin/version", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def knows_us(self) -> bool:
        """Whether the server has our deployments. True when it cannot be asked: there is nothing to be done then."""
        try:
            return self._send("GET", "/deployments/name/dispatch/dispatch").status_code != httpx.codes.NOT_FOUND
        except PrefectUnreachable:
            return True

    def start(self, deployment: str, host: str, name: str, parameters: dict[str, Any], key: str) -> str:
        """Create a run of `deployment` on a host's queue; answers its id. The same key gives the same run.

        Raises PrefectUnreachable.
        """
        body = {
            "name": name,
            "parameters": parameters,
            "idempotency_key": key,
            "state": {"type": "SCHEDULED"},
            "work_queue_name": host,
        }
        for fresh in (False, True):
            path = f"/deployments/{self._id(deployment, fresh)}/create_flow_run"
            # One after the other: several at once hold each other up in Prefect's SQLite for longer than they take.
            with self._creating:
                response = self._send_patiently("POST", path, body)
            # A wiped Prefect database gives deployments new ids: look the id up once more.
            if response.status_code != httpx.codes.NOT_FOUND:
                break
        if not response.is_success:
            raise PrefectUnreachable(f"status {response.status_code}")
        return str(response.json()["id"])

    def run_state(self, run_id: str) -> str | None:
        """State type of a run, as RUNNING; None when there is no such run. Raises PrefectUnreachable."""
        response = self._send("GET", f"/flow_runs/{run_id}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        return str(_json(response)["state_type"])

    def bring_forward(self, run_id: str, moment: datetime) -> bool:
        """Have a run that waits for a later moment begin at `moment`; answers whether it was one.

        Raises PrefectUnreachable.
        """
        run = _json(self._send("GET", f"/flow_runs/{run_id}"))
        due = run["next_scheduled_start_time"]
        if run["state_type"] != "SCHEDULED" or due is None or datetime.fromisoformat(due) - moment < CLOCK_SKEW:
            return False
        details = {"scheduled_time": moment.isoformat()}
        state = {"type": "SCHEDULED", "name": "Scheduled", "state_details": details}
        self._send("POST", f"/flow_runs/{run_id}/set_state", {"state": state, "force": True})
        return True

    def crash(self, run_id: str, message: str) -> None:
        """Close a run whose process is gone. Raises PrefectUnreachable."""
        state = {"type": "CRASHED", "name": "Crashed", "message": message}
        self._send("POST", f"/flow_runs/{run_id}/set_state", {"state": state, "force": True})

    def cancel(self, run_id: str) -> None:
        """Mark a run that never began as cancelled. Raises PrefectUnreachable."""
        state = {"type": "CANCELLED", "name": "Cancelled", "message": "cancelled"}
        self._send("POST", f"/flow_runs/{run_id}/set_state", {"state": state, "force": True})

    def tell(self, event: dict[str, Any]) -> None:
        """Give the server an event, for its automations; the same id twice is one. Raises PrefectUnreachable."""
        response = self._send("POST", "/events", [event])
        if not response.is_success:
            raise PrefectUnreachable(f"status {response.status_code}")

    def begun_runs(self, host: str) -> list[str]:
        """Ids of the runs of a host's queue that some engine has begun: at most 200. Raises PrefectUnreachable."""
        return self._runs(host, {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}})

    def late_runs(self, host: str, flow: str, before: str) -> list[str]:
        """Ids of runs of a flow that should have begun before a moment (ISO-8601) and were not picked up: at most 200.

        Raises PrefectUnreachable.
        """
        wanted = {"state": {"type": {"any_": ["SCHEDULED"]}}, "expected_start_time": {"before_": before}}
        return self._runs(host, wanted, {"flows": {"name": {"any_": [flow]}}})

    def existing_runs(self, run_ids: list[str]) -> set[str]:
        """Those of some runs (at most 200) that the server still has. Raises PrefectUnreachable."""
        body = {"flow_runs": {"id": {"any_": run_ids}}, "limit": 200}
        return {str(run["id"]) for run in _json(self._send_once("POST", "/flow_runs/filter", body))}

    def delete(self, run_id: str) -> None:
        """Forget a run. Raises PrefectUnreachable."""
        self._send("DELETE", f"/flow_runs/{run_id}")

    def _runs(self, host: str, flow_runs: dict[str, Any], more: dict[str, Any] | None = None) -> list[str]:
        body = {
            "flow_runs": flow_runs,
            "work_pools": {"name": {"any_": [POOL]}},
            "work_pool_queues": {"name": {"any_": [host]}},
            "limit": 200,
        } | (more or {})
        return [str(run["id"]) for run in _json(self._send("POST", "/flow_runs/filter", body))]

    def _id(self, deployment: str, fresh: bool) -> str:
        with self._lock:
            if fresh or deployment not in self._ids:
                response = self._send("GET", f"/deployments/name/{deployment}/{deployment}")
                self._ids[deployment] = str(_json(response)["id"])
            return self._ids[deployment]

    def _send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send, again while the server says that it is busy: its SQLite answers 503 while another writer has it.

        Every call here may be repeated: a run is created under an idempotency key.
        """
        for pause in (*BUSY_PAUSES_S, None):
            response = self._send_once(method, path, body)
            if pause is None or response.status_code not in BUSY:
                return response
            time.sleep(pause)
        raise AssertionError("the last pause is None")

    def _send_patiently(self, method: str, path: str, body: Any) -> httpx.Response:
        """As _send, but a server that takes too long for an answer is asked once more, by somebody who waits for it."""
        try:
            return self._send(method, path, body)
        except _TooSlow:
            return self._send(method, path, body)

    def _send_once(self, method: str, path: str, body: Any) -> httpx.Response:
        found = attempt(lambda: self._client.request(method, path, json=body), httpx.HTTPError)
        if isinstance(found, httpx.HTTPError):
            cause = type(found).__name__
            raise _TooSlow(cause) if isinstance(found, httpx.ReadTimeout) else PrefectUnreachable(cause)
        return found


def _json(response: httpx.Response) -> Any:
    if not response.is_success:
        raise PrefectUnreachable(f"status {response.status_code}")
    return response.json()

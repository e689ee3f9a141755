"""Prefect's REST API, as far as the ledger needs it: start a run, read its state, close a dead one.

Called over httpx, not Prefect's client, whose import costs four seconds in each `backstay deploy` and each start of the
web process. Only flows.engine.main and what runs inside it import prefect.
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
    """Prefect did not accept the request: it is down, or has no such deployment yet."""


class _TooSlow(PrefectUnreachable):
    """Prefect has the request, but did not answer in time."""


class PrefectApi:
    """The API of one Prefect server. Safe to share between threads."""

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
        """Return whether the server is up and has our deployments."""
        try:
            return self._client.get("/admin/version", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def knows_us(self) -> bool:
        """Return whether the server has our deployments. True if unreachable: registering again would not help."""
        try:
            return self._send("GET", "/deployments/name/dispatch/dispatch").status_code != httpx.codes.NOT_FOUND
        except PrefectUnreachable:
            return True

    def start(self, deployment: str, host: str, name: str, parameters: dict[str, Any], key: str) -> str:
        """Create a run of `deployment` on a host's queue; return its id. The same key gives the same run.

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
            # One at a time: parallel requests block each other in Prefect's SQLite for longer than they take.
            with self._creating:
                response = self._send_patiently("POST", path, body)
            # A wiped Prefect database assigns new ids: look the id up once more.
            if response.status_code != httpx.codes.NOT_FOUND:
                break
        if not response.is_success:
            raise PrefectUnreachable(f"status {response.status_code}")
        return str(response.json()["id"])

    def run_state(self, run_id: str) -> str | None:
        """Return the state type of a run, such as RUNNING; None if it does not exist. Raises PrefectUnreachable."""
        response = self._send("GET", f"/flow_runs/{run_id}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        return str(_json(response)["state_type"])

    def bring_forward(self, run_id: str, moment: datetime) -> bool:
        """Reschedule a run that waits for a later moment to `moment`; return whether it was waiting.

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
        """Send the server an event for its automations; the same id twice is one. Raises PrefectUnreachable."""
        response = self._send("POST", "/events", [event])
        if not response.is_success:
            raise PrefectUnreachable(f"status {response.status_code}")

    def begun_runs(self, host: str) -> list[str]:
        """Return the ids of a host queue's runs that an engine has begun: at most 200. Raises PrefectUnreachable."""
        return self._runs(host, {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}})

    def late_runs(self, host: str, flow: str, before: str) -> list[str]:
        """Return the ids of a flow's runs that were due before a moment (ISO-8601) and not picked up: at most 200.

        Raises PrefectUnreachable.
        """
        wanted = {"state": {"type": {"any_": ["SCHEDULED"]}}, "expected_start_time": {"before_": before}}
        return self._runs(host, wanted, {"flows": {"name": {"any_": [flow]}}})

    def existing_runs(self, run_ids: list[str]) -> set[str]:
        """Return those of some runs (at most 200) that the server still has. Raises PrefectUnreachable."""
        body = {"flow_runs": {"id": {"any_": run_ids}}, "limit": 200}
        return {str(run["id"]) for run in _json(self._send_once("POST", "/flow_runs/filter", body))}

    def delete(self, run_id: str) -> None:
        """Delete a run. Raises PrefectUnreachable."""
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
        """Send, retrying while the server is busy: its SQLite answers 503 while another writer holds the lock.

        Every call here may be repeated: a run is created under an idempotency key.
        """
        for pause in (*BUSY_PAUSES_S, None):
            response = self._send_once(method, path, body)
            if pause is None or response.status_code not in BUSY:
                return response
            time.sleep(pause)
        raise AssertionError("the last pause is None")

    def _send_patiently(self, method: str, path: str, body: Any) -> httpx.Response:
        """Send as _send does, and retry once after a read timeout, for callers that can wait."""
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

"""Everything that Backstay and Prefect stored or said, collected as bytes with the place where it was found."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import httpx
from websockets import ConnectionClosed, Subprotocol
from websockets.sync.client import ClientConnection, connect

from tests.faults.leak_search import Hit, find

# Whose job it is to hold a secret.
KEEPERS = frozenset({"prefect-auth", "secret.key"})
LISTED = (
    "flow_runs",
    "task_runs",
    "flow_run_states",
    "logs",
    "artifacts",
    "deployments",
    "variables",
    "block_documents",
)
PAGE = 200
PREFECT = Subprotocol("prefect")


class Evidence:
    """Contents by place; the same bytes of one place are kept once."""

    def __init__(self) -> None:
        self.found: dict[str, set[bytes]] = {}

    def add(self, place: str, content: bytes | str) -> None:
        """Keep what was seen at a place."""
        self.found.setdefault(place, set()).add(content.encode() if isinstance(content, str) else content)

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return sum(len(content) for contents in self.found.values() for content in contents)

    def hits(self, secrets: Mapping[str, str]) -> list[Hit]:
        """Every secret that is in it."""
        return [
            hit
            for place, contents in list(self.found.items())
            for content in sorted(contents)
            for hit in find(secrets, place, content)
        ]


def answer(evidence: Evidence, response: httpx.Response) -> None:
    """What an HTTP answer said: the status, the headers, the body. The cookie is meant for the one who logs in."""
    response.read()
    headers = "\n".join(f"{key}: {value}" for key, value in response.headers.items() if key != "set-cookie")
    place = f"answer to {response.request.method} {response.request.url.path[:40]}"
    evidence.add(place, f"{response.status_code} {response.reason_phrase}\n{headers}\n\n".encode() + response.content)


def files(evidence: Evidence, home: Path) -> None:
    """Every file under HOME, databases with their journals included, as raw bytes."""
    for path in home.rglob("*"):
        if path.is_file() and path.name not in KEEPERS:
            evidence.add(f"file {path.relative_to(home)}", path.read_bytes())


def rows(evidence: Evidence, database: Path) -> None:
    """Every value of every table of a SQLite database: a long one is in pieces in the file."""
    with sqlite3.connect(database, timeout=30) as connection:
        connection.text_factory = bytes
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            table = name.decode()
            lines = [_line(row) for row in connection.execute(f'SELECT * FROM "{table}"')]
            evidence.add(f"table {database.name}/{table}", b"\n".join(lines))
    connection.close()


def prefect(evidence: Evidence, url: str, auth: tuple[str, str]) -> None:
    """What Prefect's API tells: its runs, their states and logs, its events, its artifacts."""
    with httpx.Client(base_url=url, auth=auth, timeout=60) as client:
        for name in LISTED:
            seen = PAGE
            for offset in range(0, 100_000, PAGE):
                if seen < PAGE:
                    break
                response = client.post(f"/{name}/filter", json={"limit": PAGE, "offset": offset})
                if response.status_code in {httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED}:
                    break
                response.raise_for_status()
                evidence.add(f"prefect {name}", response.content)
                seen = len(response.json())
        for run in client.post("/flow_runs/filter", json={"limit": PAGE}).json():
            evidence.add("prefect states", client.get("/flow_run_states/", params={"flow_run_id": run["id"]}).content)
        page = client.post("/events/filter", json={"limit": 50})
        while True:
            page.raise_for_status()
            evidence.add("prefect events", page.content)
            following = page.json()["next_page"]
            if not following:
                break
            page = client.get(following)


def stream(url: str, auth: str, path: str, wanted: dict[str, Any]) -> ClientConnection:
    """A subscription to Prefect's websocket, already accepted."""
    socket = connect(
        url.replace("http", "ws", 1) + path, subprotocols=[PREFECT], max_size=None, max_queue=None, ping_interval=None
    )
    socket.send(json.dumps({"type": "auth", "token": auth}))
    accepted = json.loads(socket.recv(10))
    assert accepted["type"] == "auth_success", accepted
    socket.send(json.dumps({"type": "filter", "filter": wanted}))
    return socket


def drain(evidence: Evidence, place: str, socket: ClientConnection) -> int:
    """Keep what a subscription has received by now; answers how many messages that were."""
    count = 0
    with socket:
        while True:
            try:
                evidence.add(place, socket.recv(1))
            except (TimeoutError, ConnectionClosed):  # quiet by now, or the server has dropped a slow listener
                return count
            count += 1


def watch(evidence: Evidence, events: Iterable[dict[str, Any]], prefix: str) -> None:
    """What Docker tells of our containers while it happens, names and labels of removed ones included."""
    with suppress(Exception):  # closed from another thread, which is how it ends
        for event in events:
            shown = json.dumps(event, ensure_ascii=False)
            if prefix in shown:
                evidence.add("docker events", shown)


def engine(evidence: Evidence, client: docker.DockerClient, label: str) -> None:
    """What Docker can tell of our containers and volumes, but their own environment and their own output."""
    for container in client.containers.list(all=True, filters={"label": label}, ignore_removed=True):
        shown = container.attrs | {"Config": {**container.attrs["Config"], "Env": "the container's own"}}
        evidence.add("docker containers", json.dumps(shown, ensure_ascii=False))
    for volume in client.volumes.list(filters={"label": label}):
        evidence.add("docker volumes", json.dumps(volume.attrs, ensure_ascii=False))


def _line(row: tuple[Any, ...]) -> bytes:
    return b"\t".join(value if isinstance(value, bytes) else str(value).encode() for value in row)

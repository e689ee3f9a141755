"""A workload of a house that is going to be hit: what to ask of it, and what must be true of it afterwards."""

from __future__ import annotations

import itertools
import time
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from db.models import Deploy
from db.states import FINAL, ErrorCode, Status, status_for
from flows.requests import request_deploy, request_rollback
from tasks.prefect_api import TERMINAL, PrefectUnreachable
from tests.docker.images import PORT, Images
from tests.docker.scenario import ME, Scenario
from tests.faults.counting import SEEN, Seen
from tests.real_parts import wait_until

ENDS_WITHIN_S = 60  # the promise of the issue
TIDY_WITHIN_S = 10  # the old version is removed after the row has ended
COMPARED_WITHIN_S = 75  # what runs is compared with the ledger each minute
CUT_OFF = frozenset({ErrorCode.INTERRUPTED})


@dataclass
class Crashed(Scenario):
    """The scenario, but each request goes to a house of real programs. `port` 0: none of the host's."""

    accepted: int = 0  # the newest version that was accepted
    before: int = 0  # the newest version when the case began
    tags: Any = field(default_factory=lambda: itertools.cycle("21"))

    def build(self, images: Images) -> None:
        """Two versions, and the workload that the first of them is the source of."""
        for tag in "12":
            images.build(self.image(tag), self.image(tag))
        ports = [{"container": PORT, "host": self.port} if self.port else {"container": PORT}]
        self.create(self.image("1"), ports=ports, health={"http": "/healthz", "timeout_s": 10})

    def image(self, tag: str) -> str:
        """What a version is made of, and what it serves."""
        return f"localhost/{self.name}:{tag}"

    def ask(self, kind: str) -> Deploy:
        """Ask for a deploy of the other image, or for a rollback to it."""
        if kind == "rollback":
            deploy = request_rollback(self.context, self.name, ME, self.rollback_target())
        else:
            deploy = request_deploy(self.context, self.name, ME, self.image(next(self.tags)))
        self.accepted += 1
        return deploy

    def rollback_target(self) -> int:
        """The newest version that can be rolled back to and is of another image than the live one."""
        serving = self.live()["requested"]
        return next(row["version"] for row in self.every_row() if row["can_rollback"] and row["requested"] != serving)

    def deploy_well(self) -> None:
        """Deploy the other image; it has to succeed."""
        row = self.ended(self.ask("deploy").version)
        assert row["status"] == Status.SUCCEEDED, row

    def begin(self) -> bool:
        """Begin a case with what is there; answers whether that is as it should be, whatever the last case did."""
        self.accepted = self.before = self.every_row()[0]["version"]
        patience = time.monotonic() + TIDY_WITHIN_S
        while not (well := self._is_well()) and time.monotonic() < patience:
            time.sleep(0.1)
        return well

    def _is_well(self) -> bool:
        rows = self.every_row()
        serving = [row for row in rows if row["live"]]
        return (
            all(row["status"] in FINAL for row in rows)
            and len(serving) == 1
            and self.containers() == {f"{self.name}-v{serving[0]['version']}": "running"}
            and self.serves() == serving[0]["requested"]
        )

    def live(self) -> dict[str, Any]:
        """The one row that the ledger calls live."""
        (row,) = [row for row in self.every_row() if row["live"]]
        return row

    def row(self, version: int) -> dict[str, Any]:
        """The row of a version."""
        return next(row for row in self.rows() if row["version"] == version)

    def ended(self, version: int) -> dict[str, Any]:
        """The row of a version when it has its final status, which may take a minute."""
        wait_until(
            lambda: self.row(version)["status"] in FINAL, ENDS_WITHIN_S, lambda: f"unfinished: {self.row(version)}"
        )
        return self.row(version)

    def serves(self) -> str:
        """What it answers over HTTP; empty when it does not."""
        if self.port:
            address = f"127.0.0.1:{self.port}"
        else:
            of_it = {"label": f"backstay.workload={self.name}"}
            found = [
                next(iter(one.attrs["NetworkSettings"]["Networks"].values()))["IPAddress"]
                for one in self.docker.containers.list(filters=of_it, ignore_removed=True)
            ]
            address = f"{found[0]}:{PORT}" if len(found) == 1 else ""
        try:
            with urllib.request.urlopen(f"http://{address}/", timeout=5) as answer:
                return str(answer.read().decode())
        except (OSError, ValueError):
            return ""

    def expect_a_true_ledger(
        self,
        version: int,
        where: tuple[str, str] | None = None,
        codes: frozenset[ErrorCode] = CUT_OFF,
        compared_within_s: float = 0,
    ) -> dict[str, Any]:
        """All that must hold once the programs run again after a crash in the middle of `version`.

        It succeeded, or has one of `codes`. `where`, a program and a point, has the crash counted. A live version that
        was down with Docker is marked as drifted, until what runs is compared again: `compared_within_s`.
        """
        row = self.ended(version)
        assert row["status"] == (status_for(row["error_code"]) if row["error_code"] else Status.SUCCEEDED), row
        assert row["live"] is (row["status"] == Status.SUCCEEDED)
        assert row["error_code"] in codes | {None}, row
        if not compared_within_s:
            assert row["verified"] is (True if row["live"] else None), row
        mine = [one["version"] for one in self.every_row() if one["version"] > self.before]
        if where:
            SEEN.append(Seen(*where, self.accepted - self.before, len(mine)))
        assert mine == list(range(self.accepted, self.before, -1)), "not one row a request"
        alive = [one for one in self.every_row() if one["live"]]
        wanted = {f"{self.name}-v{alive[0]['version']}": "running"} if alive else {}
        wait_until(lambda: self.containers() == wanted, 30, lambda: f"{self.containers()} instead of {wanted}")
        if alive:
            wait_until(lambda: self.serves() == alive[0]["requested"], 10, lambda: f"serves {self.serves()!r}")
            patience = max(compared_within_s, 1)
            wait_until(lambda: self.live()["verified"], patience, lambda: f"not verified: {self.live()}")
        self.expect_a_closed_run(row)
        return row

    def expect_a_closed_run(self, row: dict[str, Any]) -> None:
        """Prefect calls the run ended, or never had it; that of an interrupted deploy it calls crashed."""
        seen: list[str | None] = []

        def closed() -> bool:
            try:
                seen.append(self.context.prefect.run_state(row["flow_run_id"]))
            except PrefectUnreachable:
                return False
            return seen[-1] in TERMINAL

        if row["flow_run_id"] is not None:
            wait_until(closed, ENDS_WITHIN_S, lambda: f"the run of {row} is {seen[-1:]}")
            assert row["status"] != Status.INTERRUPTED or seen[-1] == "CRASHED", (row, seen[-1])

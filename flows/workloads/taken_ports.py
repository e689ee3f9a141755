"""Ports of the host that more than one workload publishes: no fault of a spec, as one of them may be stopped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from db import history, pins, workloads
from db.messages.file_problems import FileProblem
from db.models import Workload
from tasks.compose import model
from tasks.sources.invalid_spec import Reason

EVERYWHERE = frozenset({"", "0.0.0.0", "::"})


@dataclass(frozen=True)
class Claim:
    """A port of the host that the key of a spec or of a compose file publishes. TCP only."""

    key: str
    address: str
    port: int

    def meets(self, other: Claim) -> bool:
        """Return whether the host has only one port for both."""
        is_same = self.address == other.address or bool({self.address, other.address} & EVERYWHERE)
        return self.port == other.port and is_same


def shared(session: Session, name: str, wanted: Sequence[Claim]) -> list[Reason]:
    """Return a warning for each claim that another workload has too."""
    others = [one for one in workloads.every(session) if one.name != name] if wanted else []
    return [
        Reason(claim.key, FileProblem.PORT_SHARED, {"name": other.name})
        for other in others
        for claim in wanted
        if any(claim.meets(theirs) for theirs in _claims(session, other))
    ]


def of_spec(ports: Iterable[Mapping[str, Any]]) -> Iterator[Claim]:
    """Yield the claims of `ports` of a stored spec. Pure."""
    for at, one in enumerate(ports):
        if one.get("host") is None or one.get("protocol") == "udp":
            continue
        for more in range((one.get("to") or one["container"]) - one["container"] + 1):
            yield Claim(f"ports.{at}.host", one["address"], one["host"] + more)


def of_file(rendered: Mapping[str, Any]) -> Iterator[Claim]:
    """Yield the claims of a rendered compose file. Pure."""
    for name, service in rendered["services"].items():
        for address, port in model.published({"services": {name: service}}):
            yield Claim(f"{name}.ports", address, port)


def _claims(session: Session, workload: Workload) -> list[Claim]:
    """Return what a workload publishes: by its spec, or by the file of its live release."""
    live = history.live(session, workload.id)
    pin = pins.of_compose(live.pin) if live else None
    if pin is not None:
        return list(of_file(workloads.document(session, pin["sha256"])))
    return list(of_spec(workload.spec.get("ports", [])))

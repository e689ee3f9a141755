"""Compose files with every secret in them: as environment, as files and as configs, in stacks that fail too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.leak_story import Story


class Stacks:
    """What happens to compose workloads while a story is told."""

    def __init__(self, story: Story) -> None:
        self.story, self.home = story, story.home

    def text(self, behaviour: str, **service: object) -> str:
        """A file whose service gets every secret in every way."""
        names = sorted(self.story.secrets)
        web = {
            "image": self.story.image(behaviour),
            "init": True,
            "environment": {name: f"${{{name}}}" for name in names}
            | {"ALL": " ".join(f"x${{{name}}}y" for name in names)},
            "configs": [{"source": "all", "target": "/etc/all"}],
            "secrets": names,
        }
        return json.dumps(
            {
                "services": {"web": web | service},
                "configs": {"all": {"content": " ".join(f"${{{name}:?needed}}" for name in names)}},
                "secrets": {name: {"environment": name} for name in names},
            }
        )

    def workload(self, what: str, text: str) -> str:
        """A compose workload with all the secrets."""
        name = f"{self.story.prefix}-stack-{what}"
        spec = {
            "name": name,
            "source": {"kind": "compose", "text": text},
            "secrets": self.story.secrets,
            "health": {"running_s": 0.5, "timeout_s": 20},
        }
        answer = self.home.post("/workloads", spec)
        assert answer.status_code == 201, answer.text
        return name

    def refused(self, what: str, text: str) -> str:
        """A workload of a file that every deploy refuses, which a check says, and the answer to creating it too."""
        spec = {
            "name": f"{self.story.prefix}-never-{what}",
            "source": {"kind": "compose", "text": text},
            "secrets": self.story.secrets,
        }
        assert self.home.post("/workloads/check", spec).json()["ok"] is False
        made = self.home.post("/workloads", spec)
        assert made.status_code == 201
        assert made.json()["problems"]
        return str(spec["name"])

    def good_and_back(self) -> None:
        """Two versions, one with other values, a difference, and the way back."""
        name = self.workload("good", self.text("shouts"))
        assert self.home.ended(name, self.home.deploy(name))["status"] == "succeeded"
        lines = self.home.client.get(f"/api/workloads/{name}/logs?tail=500").json()["lines"]
        assert any("PLAIN=" in line for line in lines)
        changed = {"source": {"kind": "compose", "text": self.text("shouts", hostname="two")}}
        assert self.home.client.patch(f"/api/workloads/{name}", json=changed).status_code == 200
        assert self.home.ended(name, self.home.deploy(name))["status"] == "succeeded"
        self.home.client.get(f"/api/workloads/{name}/deploys/2/diff?against=1")
        self.home.run("diff", name, "1", "2")
        answer = self.home.accepted(f"/workloads/{name}/rollback")
        assert self.home.ended(name, answer.json()["version"])["status"] == "succeeded"
        self.home.run("logs", name)

    def failures(self) -> None:
        """A service that ends, a port that is taken, and secrets where Docker Compose takes none."""
        port = self.story.taken.getsockname()[1]
        for what, code, text in (
            ("exits", "exited_early", self.text("shouts_and_exits")),
            ("port", "port_in_use", self.text("shouts", ports=[f"127.0.0.1:{port}:8080"])),
            ("number", "invalid_source", self.text("shouts", ports=["${PLAIN}:8080"])),
            ("image", "invalid_source", self.text("shouts", image="shop:${SHELL}")),
            ("refused", "invalid_source", self.text("shouts", volumes=["/${URL}:/x"])),
        ):
            name = self.refused(what, text) if code == "invalid_source" else self.workload(what, text)
            self.home.outcomes[name] = (code, self.home.ended(name, self.home.deploy(name))["error_code"])

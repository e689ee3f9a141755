"""Repositories in the story of tests.faults.leak_story: tokens wrong and right, and builds that shout secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.docker.git_servers import GitServer, new_repository

if TYPE_CHECKING:
    from tests.faults.leak_story import Story


class Repositories:
    """Deploys from a git server. What a Dockerfile prints is what somebody wrote into it: here, all that is secret."""

    def __init__(self, story: Story, server: GitServer) -> None:
        self.story, self.server = story, server
        self.home, self.planted = story.home, story.planted

    def deploy(self) -> None:
        """auth_required, then a build that works, one that fails, and both their logs read to the end."""
        base = f"{self.story.prefix}-base:1"
        self.story.images.build(base, "built", "shouts")
        shouted = "\n".join((self.planted["PLAIN"], self.planted["URL"], self.planted["git_right"]))
        secret = sorted(self.story.secrets)[0]
        mount = f"--mount=type=secret,id={secret},required"
        shout = f"cat /shouted && cat /shouted >&2 && cat /run/secrets/{secret}"
        steps = f"FROM {base}\nCOPY shouted /shouted\nRUN {mount} {shout}\n"
        repository = new_repository(self.server.root / "shop", {"Dockerfile": steps, "shouted": shouted})
        name = f"{self.story.prefix}-built"
        source = {"kind": "git", "url": self.server.url(repository), "build": {"secrets": [secret]}}
        health = {"health": {"running_s": 0.5}, "stop_timeout_s": 1}
        self._refused(repository.path.name)
        self.home.create_from(name, source, secrets=self.story.secrets, **health)
        self._log_in("git_wrong")
        self._ends(name, "auth_required")
        self._log_in("git_right")
        self._ends(name, None)
        repository.commit({"Dockerfile": f"{steps}RUN cat /shouted && exit 3\n"})
        self._ends(name, "build_failed")
        repository.commit({"Dockerfile": f"FROM {base}\nCOPY {self.planted['PLAIN']} /nowhere\n"})
        self._ends(name, "build_failed")

    def _log_in(self, which: str) -> None:
        body = {"username": "x-access-token", "password": self.planted[which]}
        answer = self.home.client.put(f"/api/git-credentials/{self.server.host}", json=body)
        assert answer.status_code == 200
        self.home.client.get("/api/git-credentials")

    def _refused(self, path: str) -> None:
        """A token where it does not belong: in the address."""
        url = f"https://ann:{self.planted['git_in_url']}@{self.server.host}/{path}"
        answer = self.home.client.post("/api/workloads", json={"name": "x", "source": {"kind": "git", "url": url}})
        assert answer.status_code == 422

    def _ends(self, name: str, code: str | None) -> None:
        row = self.home.ended(name, self.home.deploy(name))
        self.home.outcomes[f"{name} v{row['version']}"] = (code, row["error_code"])
        log = self.home.client.get(f"/api/workloads/{name}/deploys/{row['version']}/build-log").json()
        assert log["complete"]
        if code != "auth_required":
            assert "[redacted]" in log["text"]
        self.home.client.get(f"/apps/{name}/build/{row['version']}", headers={"Accept": "text/html"})

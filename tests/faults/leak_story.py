"""What happens to the installation of tests.faults.test_leaks: deploys that fail in each way, and some that do not."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor

from db.states import Stage
from tests.docker.git_servers import GitServer
from tests.docker.images import Images
from tests.docker.registries import RegistryServer
from tests.faults import leak_evidence
from tests.faults.leak_builds import Repositories
from tests.faults.leak_compose import Stacks
from tests.faults.leak_home import LeakyHome
from tests.faults.leak_mistakes import Mistakes
from tests.real_parts import free_port

HOWS = ("docker", "requests", "sqlalchemy", "os", "value", "engine")
WORKLOAD = ("PLAIN", "SHELL", "URL", "JSON", "UNICODE", "LINES")


class Story:
    """What happens: deploys that fail in each way and some that do not, and people who put secrets in wrong places."""

    def __init__(
        self,
        home: LeakyHome,
        planted: dict[str, str],
        registry: RegistryServer,
        git: GitServer,
        images: Images,
        prefix: str,
    ) -> None:
        self.home, self.planted, self.registry, self.images, self.prefix = home, planted, registry, images, prefix
        images.logins[registry.address] = {"username": "puller", "password": planted["registry_right"]}
        self.mistakes, self.repositories = Mistakes(self), Repositories(self, git)
        self.secrets = {name: planted[name] for name in WORKLOAD}

    def tell(self) -> None:
        """All of it."""
        token = json.loads(self.home.run_quietly("token", "create", "--role", "admin", "--json").stdout)["token"]
        self.planted |= {"token": token, "prefect_auth": self.home.prefect_auth.partition(":")[2]}
        self.home.log_in(token)
        self.publish()
        self.listen()
        self.deploy_with_the_wrong_password()
        with ThreadPoolExecutor(2) as pool:
            mistakes, stacks = self.mistakes, Stacks(self)
            stories = [self.good_and_back, mistakes.bad_requests, mistakes.bad_verbs, mistakes.runs_by_hand]
            jobs = [pool.submit(one) for one in (*stories, stacks.good_and_back)]
            jobs += [pool.submit(self.fails, *one) for one in self.failures()]
            jobs += [pool.submit(self.breaks, stage, how) for stage, how in zip(Stage, HOWS, strict=True)]
            jobs += [pool.submit(self.breaks, "health", "unprintable"), pool.submit(self.breaks, "verify", "talk")]
            jobs += [pool.submit(stacks.failures), pool.submit(self.repositories.deploy)]
            for job in jobs:
                job.result()
        self.are_called()
        self.look_at_everything()
        self.hear()

    def publish(self) -> None:
        """The images."""
        for behaviour in ("shouts", "shouts_and_exits", "eats_memory", "never_listens"):
            self.images.publish(self.image(behaviour), behaviour, behaviour)
        self.second = self.images.publish(self.image("shouts", 2), "second", "shouts")

    def image(self, behaviour: str, version: int = 1) -> str:
        """The reference of an image in the private registry."""
        return self.registry.reference(f"{self.prefix}/{behaviour.replace('_', '-')}:{version}")

    def deploy_with_the_wrong_password(self) -> None:
        """auth_required; then the right password is stored."""
        path = f"/api/registries/{self.registry.address}"
        name = self.workload("denied", "shouts")
        self.home.client.put(path, json={"username": "puller", "password": self.planted["registry_wrong"]})
        row = self.home.ended(name, self.home.deploy(name))
        self.home.outcomes[name] = ("auth_required", row["error_code"])
        answer = self.home.client.put(path, json={"username": "puller", "password": self.planted["registry_right"]})
        assert answer.status_code == 200

    def failures(self) -> list[tuple[str, str, dict[str, object]]]:
        """Error code, behaviour of the image, and the spec that leads to it."""
        taken = socket.create_server(("127.0.0.1", 0))
        self.taken = taken  # held for as long as the story is told
        port = [{"container": 8080, "host": taken.getsockname()[1]}]
        nowhere = [{"container": 8080, "host": free_port(), "address": "192.0.2.1"}]
        watched = {"http": "/healthz", "port": 8080, "timeout_s": 1}
        return [
            ("reference_not_found", "absent", {}),
            ("create_failed", "shouts", {"resources": {"cpus": 1000}}),
            ("start_failed", "shouts", {"ports": nowhere}),
            ("port_in_use", "shouts", {"ports": port}),
            ("exited_early", "shouts_and_exits", {}),
            ("health_timeout", "never_listens", {"health": watched}),
            ("out_of_memory", "eats_memory", {"resources": {"memory_mb": 16}, "health": {"running_s": 20}}),
        ]

    def workload(self, what: str, behaviour: str, **spec: object) -> str:
        """A workload with all the secrets."""
        name = f"{self.prefix}-{what.replace('_', '-')}"
        given = {"secrets": self.secrets, "health": {"running_s": 0.5}, "stop_timeout_s": 1} | spec
        self.home.create(name, self.image(behaviour), **given)
        return name

    def fails(self, code: str, behaviour: str, spec: dict[str, object]) -> None:
        """A deploy that fails as it should."""
        name = self.workload(code, behaviour, **spec)
        row = self.home.ended(name, self.home.deploy(name))
        self.home.outcomes[name] = (code, row["error_code"])

    def breaks(self, stage: str, how: str) -> None:
        """A deploy with a step that raises what a library would."""
        name = self.workload(f"{stage}-{how}", "shouts", env={"BREAK": f"{stage}:{how}"})
        row = self.home.ended(name, self.home.deploy(name))
        expected = {"engine": "create_failed", "talk": None}.get(how, "internal")
        self.home.outcomes[name] = (expected, row["error_code"])

    def good_and_back(self) -> None:
        """Two versions, what they wrote, a changed secret, a rollback, and one to an image that is gone."""
        name = self.workload("good", "shouts", secrets={**self.secrets, "OLD": self.planted["OLD"]})
        for body in ({}, {"image": self.second.reference}):
            assert self.home.ended(name, self.home.deploy(name, **body))["status"] == "succeeded"
        lines = self.home.client.get(f"/api/workloads/{name}/logs?tail=500").json()["lines"]
        assert any("PLAIN=" in line for line in lines)
        self.home.run("logs", name)
        self.home.client.patch(f"/api/workloads/{name}", json={"secrets": {"OLD": "another value"}})
        self.home.run("logs", name)  # a fresh process: it has never seen the value that the container has
        answer = self.home.accepted(f"/workloads/{name}/rollback")
        row = self.home.ended(name, answer.json()["version"])
        assert row["status"] == "succeeded", row
        self.images.forget(self.second.image_id)
        self.images.forget(self.second.reference)
        self.registry.delete(f"{self.prefix}/shouts", self.second.digest)
        answer = self.home.accepted(f"/workloads/{name}/rollback", {"version": 2})
        if answer.status_code == 202:
            row = self.home.ended(name, answer.json()["version"])
            self.home.outcomes[name] = ("pin_unavailable", row["error_code"])
        self.good = name

    def are_called(self) -> None:
        """Webhooks that are called rightly and wrongly, with secrets of the workload in what is sent."""
        for provider in ("generic", "registry"):
            verb = ("hook", "add", self.good, "--provider", provider, "--tag", "*", "--json")
            made = json.loads(self.home.run_quietly(*verb).stdout)
            self.planted |= {f"hook_{key}_{provider}": made[key] for key in ("token", "secret")}
            for secret in (self.planted["PLAIN"], self.planted["URL"], made["secret"], made["token"]):
                target = {"repository": f"{self.prefix}/shouts", "tag": secret, "digest": secret}
                event = {"id": secret, "action": "push", "target": target, "actor": {"name": secret}}
                body = {"id": secret, "tag": secret, "actor": secret, "commit": secret, "events": [event]}
                for header in (f"Bearer {made['secret']}", f"Bearer {secret}", secret):
                    headers = {"Authorization": header.encode()}
                    self.home.client.post(made["path"], json=body, headers=headers)  # type: ignore[arg-type]
            self.home.client.post(made["path"], content=made["secret"])
            self.home.client.get(made["path"])
            self.home.run("hook", "list", self.good)
        self.home.client.get(f"/api/workloads/{self.good}/hooks")

    def look_at_everything(self) -> None:
        """Read all there is to read, as JSON, as pages and at the command line."""
        client = self.home.client
        names = [one["name"] for one in client.get("/api/workloads").json()["workloads"]]
        assert len(names) >= 18
        for name in names:
            for part in (
                "",
                "/deploys",
                "/deploys/1",
                "/deploys/1/diff",
                "/events",
                "/runtime-state",
                "/logs?tail=500",
                "/stats/history",
            ):
                client.get(f"/api/workloads/{name}{part}")
            client.get(f"/apps/{name}", headers={"Accept": "text/html"})
        for path in (
            "/api/registries",
            "/api/stats/history",
            "/apps",
            "/system",
            "/readyz",
            f"/apps/{self.good}/rollback/1",
        ):
            client.get(path, headers={"Accept": "text/html", "Accept-Language": "ru"})
        for verb in (["status"], ["settings"], ["settings", "--json"], ["doctor"], ["releases", self.good, "--json"]):
            self.home.run(*verb)
        for name in (self.good, self.mistakes.typed):
            self.home.run("status", name, "--json")
            self.home.run("logs", name, "--tail", "500")

    def listen(self) -> None:
        """Subscribe to what Prefect tells while it happens."""
        url, auth = self.home.prefect_url, self.home.prefect_auth
        moment = {"before": "2100-01-01T00:00:00Z"}
        self.streams = {
            "events": leak_evidence.stream(
                url,
                auth,
                "/events/out",
                {"occurred": {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}},
            ),
            "logs": leak_evidence.stream(url, auth, "/logs/out", {"timestamp": moment}),
        }

    def hear(self) -> None:
        """Take what came."""
        heard = {
            name: leak_evidence.drain(self.home.evidence, f"prefect websocket {name}", one)
            for name, one in self.streams.items()
        }
        assert heard["events"] > 0

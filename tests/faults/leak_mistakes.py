"""Secrets in places where no secret belongs: people who type, paste and send them there."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

if TYPE_CHECKING:
    from tests.faults.leak_story import Story

WRONG_PLACES = (
    *("reference", "value", "key", "null-key", "env-name", "body", "path", "query", "header", "raw-line", "raw-header"),
    *("yaml", "yaml-key", "cli-image", "cli-name", "prefect-image", "prefect-id", "password", "idempotency"),
)


class Mistakes:
    """The mistakes that are made while a story is told."""

    def __init__(self, story: Story) -> None:
        self.story, self.home, self.planted = story, story.home, story.planted

    def bad_requests(self) -> None:
        """Secrets where no secret belongs, over HTTP."""
        client, of = self.home.client, self.planted
        name = self.story.workload("asked", "shouts")
        image = {"kind": "image", "image": self.story.image("shouts")}
        wrong = f"puller:{of['in_reference']}@{self.story.image('shouts')}"
        specs: list[object] = [
            {"name": "x", "source": {"kind": "image", "image": wrong}},
            {"name": "x", "source": image, "password": of["in_value"]},
            {"name": of["in_value"] + "!", "source": image, "ports": of["in_value"]},
            {"name": "x", "source": image, "health": {"http": of["in_value"]}, "resources": {"cpus": of["in_value"]}},
            {"name": "x", "source": {"kind": of["in_value"]}, "host": of["in_value"]},
            {"name": "x", "source": image, f"password={of['in_key']}": 1},
            {"name": "x", "source": image, "env": {f"PASSWORD={of['in_env-name']}": ""}},
            {"name": "x", "source": image, "secrets": {f"PASSWORD={of['in_env-name']}": ""}},
            [of["in_value"]],
        ]
        for spec in specs:
            assert self.home.post("/workloads", spec).status_code in {400, 422}
        path = f"/api/workloads/{name}"
        client.patch(path, json={f"password={of['in_null-key']}": None})
        client.patch(path, json={"secrets": {f"x={of['in_null-key']}": None}})
        for body in ({"image": wrong}, {f"image={of['in_key']}": "x"}, {"ref": of["in_value"]}):
            assert client.post(f"{path}/deploys", json=body).status_code == 422
        client.post(f"{path}/rollback", json={"version": of["in_value"]})
        client.post(
            "/api/workloads", content=f'{{"password": "{of["in_body"]}', headers={"Content-Type": "application/json"}
        )
        client.post("/api/workloads", content=of["in_body"], headers={"Content-Type": f"text/{of['in_header']}"})
        client.put(f"/api/registries/user:{quote(of['in_path'])}@host", json={"username": "u", "password": "p"})
        client.put("/api/registries/host", json={"username": "u", f"password:{of['in_key']}": "p"})
        page = {"Accept": "text/html", "Accept-Language": of["in_header"], "Referer": f"http://{of['in_header']}"}
        for headers in ({}, page, page | {"Accept-Language": "ru"}):
            for place in (
                "/api/workloads/{}",
                "/{}",
                "/apps/{}",
                "/apps/{}/deploy",
                "/static/{}",
                "/api/{}/x",
                "/apps/{}?before=x",
            ):
                client.get(place.format(of["in_path"]), headers=headers)
            for place in (
                "/apps?{}",
                f"/apps/{name}?{{}}",
                f"{path}/deploys?limit=1&{{}}",
                "/api/stats/history?window={}",
                "/nothing?{}",
            ):
                client.get(place.format(f"password={of['in_query']}"), headers=headers)
            client.request("DELETE", f"/apps/{of['in_path']}", headers=headers)
        keyed = {
            "Idempotency-Key": of["in_idempotency"],
            "X-Request-Id": of["in_header"],
            "Cookie": f"lang={of['in_header']}",
        }
        client.post(f"{path}/deploys", json={}, headers=keyed)
        self.home.ended(name, 1)
        self.home.ended(name, self.home.deploy(name))
        self.without_a_login()
        self.home.send_raw(f"GET /{of['in_raw-line']} with spaces HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        self.home.send_raw(f"{of['in_raw-line']}\r\n\r\n".encode())
        self.home.send_raw(f"GET / HTTP/{of['in_raw-line']}\r\n\r\n".encode())
        self.home.send_raw(f"GET /healthz HTTP/1.1\r\nHost: x\r\nBearer {of['in_raw-header']}\r\n\r\n".encode())
        self.home.send_raw(f"GET /healthz HTTP/1.1\r\nHost: x\r\nA b: {of['in_raw-header']}\r\n\r\n".encode())
        self.home.send_raw(f"GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: {of['in_raw-header']}\r\n\r\n".encode())
        self.home.send_raw(
            f"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {of['in_raw-header']}\r\n\r\n".encode()
        )

    def without_a_login(self) -> None:
        """The same from somebody who is not known, or is known by name and password."""
        client, of = self.home.stranger, self.planted
        basic = base64.b64encode(f"admin:{of['in_password']}".encode()).decode()
        for authorization in (f"Basic {basic}", f"Bearer {of['in_password']}", of["in_password"]):
            client.get("/api/workloads", headers={"Authorization": authorization})
            client.get("/apps", headers={"Authorization": authorization, "Accept": "text/html"})
        for path in (f"/apps/x?token={of['in_query']}", f"/{of['in_path']}", f"/login?next=/{of['in_path']}"):
            client.get(path, headers={"Accept": "text/html"})
        for password in (of["in_password"], of["admin"]):
            client.post("/login", data={"username": "admin", "password": password, "next": "/apps"})
            client.post("/login", json={"username": "admin", "password": password})
        self.planted |= {"cookie": client.cookies["backstay_session"]}

    def bad_verbs(self) -> None:
        """Secrets where no secret belongs, at the command line."""
        run, of = self.home.run, self.planted
        name = self.story.workload("typed", "shouts")
        run("apply", "-", stdin=f"name: y\nsecrets: {{A: {of['in_yaml']}\n  - b: ]")
        run("apply", "-", stdin=f"name: y\npassword: {of['in_yaml']}\nsource: {of['in_yaml']}")
        run("apply", "-", stdin=f"{of['in_yaml-key']}!: y\n")
        run("apply", "-", stdin=f"name: y\nsecrets: {{'A={of['in_yaml-key']}': x}}")
        run("apply", "-", stdin=f"--- !!python/object:{of['in_yaml']} x")
        run("deploy", name, "--image", f"puller:{of['in_cli-image']}@{self.story.image('shouts')}")
        run("deploy", f"https://u:{of['in_cli-name']}@host/x")
        run("rollback", name, of["in_cli-name"])
        run("deploy", name, "--image", self.story.image("absent"))
        run("status", f"a/{of['in_cli-name']}")
        self.typed = name

    def runs_by_hand(self) -> None:
        """A secret as a parameter of a run that somebody starts in Prefect's own UI."""
        user, _, password = self.home.prefect_auth.partition(":")
        name = self.story.workload("by-hand", "shouts")
        image = f"puller:{self.planted['in_prefect-image']}@{self.story.image('shouts')}"
        given = [
            {"workload": name, "image": image},
            {"workload": name, "ref": f"https://puller:{self.planted['in_prefect-image']}@host/shop.git"},
            {"deploy_id": self.planted["in_prefect-id"]},
            {"workload": name, "version": self.planted["in_prefect-id"]},
        ]
        with httpx.Client(base_url=self.home.prefect_url, auth=(user, password), timeout=30) as client:
            for flow in ("dispatch", "rollback"):
                found = client.get(f"/deployments/name/{flow}/{flow}").json()["id"]
                for parameters in given:
                    client.post(f"/deployments/{found}/create_flow_run", json={"parameters": parameters})

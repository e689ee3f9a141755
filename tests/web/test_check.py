"""A spec is checked: every reason at once, ready to be put right, and nothing is stored."""

from __future__ import annotations

import time
from typing import Any

import pytest
from flask.testing import FlaskClient

from db import workloads
from db.messages.file_problems import FileProblem
from db.messages.key_problems import KeyProblem
from flows.workloads import check_file
from tasks.context import Context

ADDRESS = "/api/workloads/check"


def stack(text: str, **more: Any) -> dict[str, Any]:
    """The spec of a compose text."""
    source = {"kind": "compose", "text": text} | more.pop("source", {})
    return {"name": "stack", "source": source} | more


def checked(client: FlaskClient, spec: Any) -> dict[str, Any]:
    """What a check answers."""
    answer = client.post(ADDRESS, json=spec)
    assert answer.status_code == 200, answer.text
    assert answer.json.keys() == {"ok", "problems", "allow", "warnings"}
    return answer.json


def pairs(reasons: list[dict[str, str]]) -> set[tuple[str, str]]:
    """Key and code of each; the message begins with the key."""
    assert all(one["message"].startswith(f"{one['key']}: ") and "%" not in one["message"] for one in reasons)
    return {(one["key"], one["code"]) for one in reasons}


def test_a_spec_that_is_fine_is_ok_and_nothing_is_stored(admin: FlaskClient, context: Context) -> None:
    found = checked(admin, stack("services: {web: {image: 'shop:1'}}"))
    assert found == {"ok": True, "problems": [], "allow": [], "warnings": []}
    with context.database.reading() as session:
        assert workloads.every(session) == []
    assert admin.get("/api/workloads/stack").status_code == 404


def test_everything_that_is_wrong_with_a_spec_is_said_at_once(admin: FlaskClient) -> None:
    spec = {
        "name": "A B",
        "source": {"kind": "image", "image": "x:1"},
        "watch_s": 1,
        "sauce": "hunter2",
        "privileged": True,
        "cap_add": ["NET_ADMIN"],
        "volumes": [{"host_path": "/srv/media", "path": "/a"}, {"name": "x", "path": "/a"}],
        "health": {"http": "/"},
        "env": {"A": "hunter2"},
        "secrets": {"A": "hunter2"},
        "allow": ["/srv/other"],
    }
    found = checked(admin, spec)
    assert pairs(found["problems"]) == {
        ("name", KeyProblem.BAD_PATTERN),
        ("watch_s", KeyProblem.AT_LEAST),
        ("sauce", KeyProblem.UNKNOWN_KEY),
        ("privileged", KeyProblem.NOT_ALLOWED),
        ("cap_add", KeyProblem.NOT_ALLOWED),
        ("volumes.0.host_path", KeyProblem.HOST_PATH_NOT_ALLOWED),
        ("volumes", KeyProblem.TWICE),
        ("tmpfs", KeyProblem.TWICE),
        ("health.port", KeyProblem.NO_PORT),
        ("secrets", KeyProblem.IN_ENV_TOO),
    }
    assert found["allow"] == ["/srv/other", "cap_add", "privileged", "/srv/media"]
    assert "hunter2" not in str(found)


def test_what_allow_lists_is_complete(admin: FlaskClient) -> None:
    spec = {"name": "x", "source": {"kind": "image", "image": "x:1"}, "privileged": True, "devices": ["/dev/dri"]}
    spec["allow"] = checked(admin, spec)["allow"]
    assert checked(admin, spec)["ok"]
    text = "services: {web: {image: 'x:1', pid: host, volumes: ['/srv:/a']}}\nvolumes: {}"
    allow = checked(admin, stack(text))["allow"]
    assert allow == ["web.pid", "web.volumes"]
    assert checked(admin, stack(text, source={"allow": allow}))["ok"]


def test_a_compose_text_is_wrong_in_every_class_at_once(admin: FlaskClient) -> None:
    text = """
services:
  web:
    image: x:1
    privileged: true
    env_file: a.env
    prots: []
    ports: 5
    mem_limit: hunter2
    environment: {A: "${KEY:?hunter2}", B: "${NOT_SET}", C: "${K"}
    volumes: ["../x:/x", "./gone.conf:/gone.conf"]
  db: {pid: host, image: "${IMAGE:?}"}
  tool: {build: .}
zones: {}
"""
    found = checked(admin, stack(text, watch_s=1, ports=[{"container": 1}]))
    assert pairs(found["problems"]) == {
        ("watch_s", KeyProblem.AT_LEAST),
        ("ports", KeyProblem.IN_COMPOSE_FILE),
        ("web.env_file", FileProblem.FILE_MISSING),
        ("tool.build", FileProblem.UNUSABLE),
        ("KEY", FileProblem.VARIABLE_REQUIRED),
        ("IMAGE", FileProblem.VARIABLE_REQUIRED),
        ("web.environment.C", FileProblem.BAD_VARIABLE),
        ("web.prots", FileProblem.UNKNOWN_KEY),
        ("web.ports", FileProblem.WRONG_TYPE),
        ("web.mem_limit", FileProblem.BAD_VALUE),
        ("zones", FileProblem.UNKNOWN_KEY),
        ("web.privileged", FileProblem.REFUSED),
        ("db.pid", FileProblem.REFUSED),
        ("web.volumes", FileProblem.OUT_OF_REACH),
        ("web.volumes", FileProblem.FILES_MISSING),
    }
    assert found["allow"] == ["db.pid", "web.privileged"]
    assert pairs(found["warnings"]) == {("NOT_SET", FileProblem.UNSET)}
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("text", "key", "code"),
    [
        ("services: {web: [", "source.text", FileProblem.NOT_YAML),
        ("hello", "source", FileProblem.NOT_A_FILE),
        ("services: {}", "services", FileProblem.UNUSABLE),
        ("services: {web: {image: !!binary eA==}}", "source.text", FileProblem.UNREADABLE),
        ("services: {web: {}}", "web", FileProblem.NO_IMAGE),
        ("services: {web: {image: X Y}}", "web.image", FileProblem.UNUSABLE),
        ("services: {web: {image: x, volumes: ['data:/a']}}", "web.volumes", FileProblem.UNDEFINED),
        ("services: {web: {image: x}}\nsecrets: {p: {environment: PW}}", "secrets.p.environment", FileProblem.UNUSABLE),
    ],
)
def test_a_text_that_no_deploy_could_read_is_refused_by_key(
    admin: FlaskClient, text: str, key: str, code: FileProblem
) -> None:
    if "secrets" in text:
        text = text.replace("image: x", "image: x, secrets: [p]")
    found = checked(admin, stack(text))
    assert (found["ok"], pairs(found["problems"]), found["allow"]) == (False, {(key, code)}, [])


def test_variables_and_secrets_of_the_spec_count_and_an_undefined_one_is_a_warning(admin: FlaskClient) -> None:
    text = "services: {web: {image: x, environment: {A: '${A:?}', B: '${B:?}', C: $C, D: }, container_name: name}}"
    found = checked(admin, stack(text, env={"A": "1"}, secrets={"B": "hunter2"}))
    assert (found["ok"], found["problems"]) == (True, [])
    assert pairs(found["warnings"]) == {
        ("C", FileProblem.UNSET),
        ("D", FileProblem.UNSET),
        ("web.container_name", FileProblem.NAMES_UNKNOWN),  # Docker is out of reach here
    }


def test_a_spec_with_the_name_of_a_workload_is_checked_as_its_change(admin: FlaskClient) -> None:
    text = "services: {web: {image: x, environment: {A: '${A:?}'}}}"
    assert admin.post("/api/workloads", json=stack(text, secrets={"A": "hunter2"})).status_code == 201
    assert checked(admin, stack(text))["ok"]  # its secrets stay
    found = checked(admin, stack(text, env={"A": "1"}))
    assert pairs(found["problems"]) == {("env.A", KeyProblem.SECRET_TOO)}
    found = checked(admin, {"name": "stack", "source": {"kind": "image", "image": "x"}})
    assert pairs(found["problems"]) == {("source.kind", KeyProblem.FIXED_KIND)}
    shown = admin.get("/api/workloads/stack").json
    assert (shown["spec"]["env"], shown["spec"]["source"]["kind"]) == ({}, "compose")


def test_a_port_that_another_app_publishes_is_a_warning(admin: FlaskClient) -> None:
    port = {"container": 80, "host": 18099}
    shop = {"name": "shop", "source": {"kind": "image", "image": "x"}, "ports": [port]}
    assert admin.post("/api/workloads", json=shop).status_code == 201
    assert checked(admin, shop)["warnings"] == []
    found = checked(admin, shop | {"name": "other"})
    assert (found["ok"], pairs(found["warnings"])) == (True, {("ports.0.host", FileProblem.PORT_SHARED)})
    assert "shop" in found["warnings"][0]["message"]
    found = checked(admin, stack("services: {web: {image: x, ports: ['18099:80']}}"))
    assert (found["ok"], pairs(found["warnings"])) == (True, {("web.ports", FileProblem.PORT_SHARED)})
    udp = "services: {web: {image: x, ports: ['18099:80/udp']}}"
    assert checked(admin, stack(udp))["warnings"] == []


def test_a_repository_is_not_fetched_and_the_check_says_so(admin: FlaskClient) -> None:
    spec = {"name": "stack", "source": {"kind": "compose", "url": "https://git.invalid/x.git"}}
    found = checked(admin, spec)
    assert (found["ok"], pairs(found["warnings"])) == (True, {("source.url", FileProblem.KNOWN_AT_DEPLOY)})


def test_a_secret_that_a_build_needs_and_nobody_has_stored_is_missed(admin: FlaskClient) -> None:
    source = {"kind": "git", "url": "https://git.example/x.git", "build": {"secrets": ["TOKEN"]}}
    found = checked(admin, {"name": "x", "source": source})
    assert pairs(found["problems"]) == {("source.build.secrets", FileProblem.SECRET_MISSING)}
    assert admin.post("/api/workloads", json={"name": "x", "source": source}).status_code == 201


def test_a_body_that_is_no_spec_gets_the_errors_of_create(admin: FlaskClient, viewer: FlaskClient) -> None:
    assert admin.post(ADDRESS, data="{").status_code == 415
    assert admin.post(ADDRESS, data="{", content_type="application/json").json["code"] == "bad_request"
    assert admin.post(ADDRESS, json=[1]).json["code"] == "bad_request"
    assert viewer.post(ADDRESS, json={}).json["code"] == "forbidden"
    assert pairs(checked(admin, {})["problems"]) == {
        ("name", KeyProblem.REQUIRED),
        ("source", KeyProblem.REQUIRED),
    }


def test_create_answers_with_every_reason_and_the_list_to_paste(admin: FlaskClient, context: Context) -> None:
    text = "services: {web: {image: x, privileged: true, prots: [], environment: {A: '${A:?}'}}}"
    of_the_file = {
        ("web.prots", FileProblem.UNKNOWN_KEY),
        ("A", FileProblem.VARIABLE_REQUIRED),
        ("web.privileged", FileProblem.REFUSED),
    }
    refused = admin.post("/api/workloads", json=stack(text, watch_s=1, sauce=1))
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_spec")
    of_the_spec = {("watch_s", KeyProblem.AT_LEAST), ("sauce", KeyProblem.UNKNOWN_KEY)}
    assert pairs(refused.json["problems"]) == of_the_file | of_the_spec
    first = refused.json["problems"][0]
    assert (refused.json["key"], refused.json["problem"]) == (first["key"], first["code"])
    assert refused.json["allow"] == ["web.privileged"]
    assert admin.get("/api/workloads/stack").status_code == 404
    for method, address in (("POST", "/api/workloads"), ("PUT", "/api/workloads/stack")):
        answer = admin.open(address, method=method, json=stack(text))
        assert (answer.status_code, answer.json["allow"]) == (201, ["web.privileged"])
        assert pairs(answer.json["problems"]) == of_the_file
        with context.database.writing() as session:
            workloads.remove(session, workloads.every(session)[0].id)


def test_what_may_come_later_does_not_keep_a_workload_from_being_created(admin: FlaskClient) -> None:
    text = "services: {web: {image: x, environment: {A: '${A:?}'}, volumes: ['./a.conf:/a.conf']}}"
    found = checked(admin, stack(text))
    assert pairs(found["problems"]) == {
        ("A", FileProblem.VARIABLE_REQUIRED),
        ("web.volumes", FileProblem.FILES_MISSING),
    }
    assert admin.post("/api/workloads", json=stack(text)).status_code == 201


def test_more_checks_than_the_machine_can_bear_wait_and_then_say_so(
    admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_file, "WAITS_S", 0.2)
    spec = stack("services: {web: {image: x, privileged: true}}")
    with check_file.AT_ONCE, check_file.AT_ONCE:
        began = time.monotonic()
        found = checked(admin, spec)
        assert time.monotonic() - began < 10
    assert pairs(found["problems"]) == {("source.text", FileProblem.NOT_CHECKED)}
    assert pairs(checked(admin, spec)["problems"]) == {("web.privileged", FileProblem.REFUSED)}


def test_without_docker_compose_a_check_says_so_and_a_workload_can_be_created(
    admin: FlaskClient, context: Context
) -> None:
    context.settings = context.settings.model_copy(update={"compose": "/nonexistent/docker-compose"})
    spec = stack("services: {web: {image: x, privileged: true}}")
    assert pairs(checked(admin, spec)["problems"]) == {("source.text", FileProblem.NOT_CHECKED)}
    assert admin.post("/api/workloads", json=spec).status_code == 201


def test_a_workload_may_be_called_check(admin: FlaskClient) -> None:
    spec = {"name": "check", "source": {"kind": "image", "image": "x"}}
    assert admin.post("/api/workloads", json=spec).status_code == 201
    assert checked(admin, spec)["ok"]
    assert admin.get(ADDRESS).json["name"] == "check"
    assert admin.patch(ADDRESS, json={"watch_s": 7}).json["spec"]["watch_s"] == 7
    assert admin.options(ADDRESS).headers["Allow"] == "OPTIONS, POST"

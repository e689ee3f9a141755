"""A deploy of a compose file says every reason against it at once, and what a check has passed it accepts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from db import event_log, history, workloads
from db.messages.file_problems import FileProblem
from flows.cli.follow import failure
from flows.workloads import check
from tests.docker.git_servers import new_repository
from tests.docker.images import LABEL, Images
from tests.docker.scenario import Scenario
from webapp.presenters import shapes

MANY = """
services:
  web:
    image: %s
    privileged: true
    pid: host
    env_file: beside.env
    prots: []
    environment: {A: "${KEY:?give hunter2}", B: "${OTHER:?}"}
    volumes: ["./gone.conf:/etc/gone.conf:ro", "../above:/above"]
  made: {build: .}
"""


def told(shop: Scenario) -> dict[str, Any]:
    """Why the newest deploy did not succeed, as the API has it."""
    with shop.context.database.reading() as session:
        workload = workloads.find(session, shop.name)
        assert workload is not None
        newest = history.latest(session, workload.id)
        assert newest is not None
        found = shapes.told(event_log.reasons(session, newest))
    said = failure(shop.context, shop.name, newest)
    assert all(one["message"] in said for one in found["reasons"])
    return found


def keys(found: dict[str, Any]) -> dict[str, list[str]]:
    """Code -> the keys that have it."""
    return {one["code"]: one["keys"] for one in found["reasons"]}


def test_every_class_of_reasons_is_said_at_once_and_what_can_be_permitted_of_it(shop: Scenario) -> None:
    shop.create_from({"kind": "compose", "text": MANY % "x:1", "allow": ["web.ipc"]}, ports=[])
    row = shop.deploy()
    assert (row["error_code"], row["stage"]) == ("invalid_source", "pin")
    found = told(shop)
    assert keys(found) == {
        FileProblem.FILE_MISSING: ["web.env_file"],
        FileProblem.UNUSABLE: ["made.build"],
        FileProblem.VARIABLE_REQUIRED: ["KEY", "OTHER"],
        FileProblem.UNKNOWN_KEY: ["web.prots"],
        FileProblem.OUT_OF_REACH: ["web.volumes"],
        FileProblem.REFUSED: ["web.pid", "web.privileged"],
        FileProblem.FILES_MISSING: ["web.volumes"],
    }
    assert found["allow"] == ["web.ipc", "web.pid", "web.privileged"]
    assert "hunter2" not in "\n".join(shop.messages())
    assert shop.messages()[1] == (
        "To allow what can be allowed of this, set source.allow to [web.ipc, web.pid, web.privileged]."
    )


def test_what_a_check_allows_a_deploy_accepts(shop: Scenario, images: Images, tag: Callable[[str], str]) -> None:
    images.publish(tag("1"), "one")
    text = f"services: {{web: {{image: '{tag('1')}', init: true, cap_add: [NET_ADMIN], ipc: host}}}}"
    spec = {"name": shop.name, "source": {"kind": "compose", "text": text}, "health": {"running_s": 0.2}}
    found = check.check(shop.context, spec)
    assert (found.ok, found.allow) == (False, ["web.cap_add", "web.ipc"])
    spec["source"] |= {"allow": found.allow}
    assert check.check(shop.context, spec).ok
    shop.create_from(spec["source"], ports=[], health={"running_s": 0.2})
    assert shop.deploy()["status"] == "succeeded", shop.messages()


def test_a_name_that_another_container_has_is_found_by_a_check(
    shop: Scenario, images: Images, tag: Callable[[str], str]
) -> None:
    images.build(tag("1"))
    other = shop.docker.containers.create(tag("1"), name=f"{shop.name}-of-others", labels={LABEL: images.session})
    text = f"services: {{web: {{image: x, container_name: {other.name}}}}}"
    found = check.check(shop.context, {"name": shop.name, "source": {"kind": "compose", "text": text}})
    assert [(one.key, one.problem) for one in found.problems] == [("web.container_name", FileProblem.REFUSED)]


def test_a_variable_that_a_repositorys_file_requires_and_a_file_that_it_lacks_are_named(
    shop: Scenario, tmp_path: Path
) -> None:
    text = "services: {web: {image: x, environment: {A: '${KEY:?give hunter2}'}}}"
    repository = new_repository(tmp_path / "repository", {"compose.yaml": text})
    shop.create_from({"kind": "compose", "url": repository.url}, ports=[])
    shop.deploy()
    assert keys(told(shop)) == {FileProblem.VARIABLE_REQUIRED: ["KEY"]}
    repository.commit({"compose.yaml": "services: {web: {image: x, env_file: conf/gone.env}}"})
    shop.deploy()
    found = told(shop)
    assert keys(found) == {FileProblem.FILE_MISSING: ["web.env_file"]}
    assert "conf/gone.env (web.env_file)" in found["reasons"][0]["message"]
    shop.change(source={"kind": "compose", "url": repository.url, "file": "other.yaml"})
    assert shop.deploy()["error_code"] == "reference_not_found"
    assert keys(told(shop)) == {FileProblem.FILE_MISSING: ["source.file"]}
    assert "hunter2" not in "\n".join(shop.messages())


def test_a_directory_of_the_host_that_is_not_there_is_named(
    shop: Scenario, images: Images, tag: Callable[[str], str]
) -> None:
    images.publish(tag("1"), "one")
    text = f"""
services:
  web:
    image: "{tag("1")}"
    volumes: [{{type: bind, source: /srv/not-there-at-all, target: /data, bind: {{create_host_path: false}}}}]
"""
    shop.create_from({"kind": "compose", "text": text, "allow": ["/srv/not-there-at-all"]}, ports=[])
    assert shop.deploy()["error_code"] == "create_failed"
    found = told(shop)
    assert keys(found)["mount_source_missing"] == ["web.volumes"]
    assert "/srv/not-there-at-all" in found["reasons"][0]["message"]


def test_a_directory_of_the_host_that_a_spec_mounts_and_that_is_not_there_is_named(
    shop: Scenario, images: Images, tag: Callable[[str], str]
) -> None:
    images.publish(tag("1"), "one")
    volumes = [{"host_path": "/srv/not-there-at-all", "path": "/data"}]
    shop.create(tag("1"), volumes=volumes, allow=["/srv/not-there-at-all"])
    assert shop.deploy()["error_code"] == "create_failed"
    assert keys(told(shop)) == {"mount_source_missing": ["volumes.0.host_path"]}

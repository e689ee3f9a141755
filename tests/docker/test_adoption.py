"""Adopting a container on the real Engine: it runs on untouched and is replaced without loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import docker
import pytest

from db import diff, history, ledger, workloads
from db.metrics import containers as index
from db.states import ErrorCode, Stage
from flows.dispatch import carry_out
from flows.refusals import Refusal
from flows.upkeep.housekeeping import tidy
from flows.upkeep.reconcile import compare, reconcile
from flows.upkeep.sweep import sweep
from flows.workloads.adoption import find_container, open_adoption
from tasks.containers import live_reads
from tasks.context import now
from tests.docker.adopted_app import OLD, adopt, cut_off, lives, strangers
from tests.docker.images import Images
from tests.docker.scenario import ME, Scenario
from tests.real_parts import wait_until

SECRET = "hunter2-of-the-old-one"


@pytest.fixture
def old(shop: Scenario, images: Images, docker_client: docker.DockerClient) -> Iterator[str]:
    """A container that somebody started with `docker run`: it serves the page of version `one` at the shop's port."""
    tag = f"localhost/{shop.name}:one"
    images.build(tag, "one", "shows_env")
    with strangers(docker_client, shop.name) as mine:
        volume = docker_client.volumes.create(f"old-data-{mine}", labels={OLD: mine})
        docker_client.containers.run(
            tag,
            name=f"old-{mine}",
            detach=True,
            init=True,
            environment={"MODE": "fast", "DB_PASSWORD": SECRET},
            labels={OLD: mine, "traefik.enable": "true"},
            ports={"8080/tcp": ("127.0.0.1", shop.port)},
            volumes={volume.name: {"bind": "/data", "mode": "rw"}},
            restart_policy={"Name": "unless-stopped"},
            mem_limit="64m",
            memswap_limit="64m",
        )
        assert shop.served_at_last() == "one"
        yield f"old-{mine}"


def workload_id(shop: Scenario) -> int:
    with shop.context.database.reading() as session:
        found = workloads.find(session, shop.name)
        assert found is not None
        return found.id


def runtime(shop: Scenario) -> list[dict[str, Any]]:
    workload = shop.context.workload(workload_id(shop))
    found: list[dict[str, Any]] = live_reads.of_host(shop.context, "local").runtime_state(workload)["containers"]
    return found


def test_it_runs_on_untouched_and_its_row_is_live_and_verified(shop: Scenario, old: str) -> None:
    before = lives(shop.docker, old)
    row = adopt(shop, old)
    assert (row["status"], row["reason"], row["version"], row["live"], row["verified"]) == (
        "succeeded",
        "adopt",
        1,
        True,
        True,
    )
    assert row["pin"]["image_id"] == shop.docker.api.inspect_container(old)["Image"]
    assert [one["name"] for one in row["stages"]] == ["prepare", "verify", "finish"]
    assert lives(shop.docker, old) == before
    (seen,) = runtime(shop)
    assert (seen["name"], seen["version"], seen["state"]) == (old, 1, "running")
    assert SECRET not in str(shop.every_row()) + str(shop.messages()) + str(
        shop.context.workload(workload_id(shop)).spec
    )
    assert shop.context.secrets_of(shop.context.workload(workload_id(shop))) == {"DB_PASSWORD": SECRET}


def test_it_is_sampled_and_its_log_is_read(shop: Scenario, old: str) -> None:
    adopt(shop, old)
    with shop.context.database.reading() as session:
        (entry,) = index.present(session, workload_id(shop))
        sampled = [one.docker_id for one in index.to_sample(session, shop.context.settings.host_name)]
    assert entry.docker_id in sampled
    workload = shop.context.workload(workload_id(shop))
    assert live_reads.of_host(shop.context, "local").log_tail(workload, 5) == []  # it has written nothing


def test_what_tidies_up_leaves_it_alone_and_keeps_its_image(shop: Scenario, old: str) -> None:
    row = adopt(shop, old)
    before = lives(shop.docker, old)
    with shop.context.database.writing() as session:
        workloads.set_needs_reconcile(session, workload_id(shop), True)
    reconcile(shop.context, "engine-2")
    compare(shop.context)
    tidy(shop.context)
    assert [one for one in sweep(shop.context, apply=True) if one.leftover.kind == "container"] == []
    assert lives(shop.docker, old) == before
    assert shop.row(1)["verified"]
    tags = shop.docker.images.get(row["pin"]["image_id"]).tags
    assert any(tag.endswith(f"/{shop.name}:v1") for tag in tags)


def test_drift_is_seen_when_it_is_removed_by_hand(shop: Scenario, old: str) -> None:
    adopt(shop, old)
    shop.docker.api.remove_container(old, force=True)
    compare(shop.context)
    assert shop.row(1)["verified"] is False
    assert runtime(shop) == []


def test_the_first_deploy_replaces_it_with_the_same_settings(shop: Scenario, old: str) -> None:
    adopt(shop, old)
    before = shop.docker.api.inspect_container(old)
    row = shop.deploy()
    assert row["status"] == "succeeded"
    assert shop.containers() == {f"{shop.name}-v2": "running"}
    after = shop.docker.api.inspect_container(f"{shop.name}-v2")
    assert after["Image"] == before["Image"]
    assert after["Config"]["Env"] == before["Config"]["Env"] or set(after["Config"]["Env"]) == set(
        before["Config"]["Env"]
    )
    for key in ("Memory", "MemorySwap", "NanoCpus", "Init", "ShmSize", "ReadonlyRootfs", "CapAdd", "Privileged"):
        assert after["HostConfig"][key] == before["HostConfig"][key], key
    assert after["HostConfig"]["PortBindings"] == before["HostConfig"]["PortBindings"]
    assert [one["Name"] for one in after["Mounts"]] == [one["Name"] for one in before["Mounts"]]
    assert after["Config"]["Labels"]["traefik.enable"] == "true"
    assert shop.served_at_last("/env").count(SECRET) == 1
    found = shop.docker.containers.list(all=True, filters={"name": old})
    assert found == []
    starts = shop.docker.containers.get(f"{shop.name}-v2").exec_run(["cat", "/data/starts"]).output.decode()
    assert starts.splitlines() == ["started", "started"]  # the data of the old one is there


def test_a_first_deploy_that_fails_brings_it_back(shop: Scenario, images: Images, old: str) -> None:
    adopt(shop, old)
    images.build(f"localhost/{shop.name}:bad", "bad", "exits")
    identity, _, _, policy = lives(shop.docker, old)
    row = shop.deploy(f"localhost/{shop.name}:bad")
    assert (row["status"], row["error_code"]) == ("failed", "exited_early")
    again = lives(shop.docker, old)
    assert (again[0], again[3]) == (identity, policy)
    assert shop.served_at_last() == "one"
    assert shop.containers() == {}
    compare(shop.context)
    assert (shop.row(1)["live"], shop.row(1)["verified"]) == (True, True)
    assert [one["name"] for one in runtime(shop)] == [old]


def test_a_first_deploy_whose_engine_dies_is_undone_by_the_next_one(shop: Scenario, old: str) -> None:
    adopt(shop, old)
    identity, *_ = lives(shop.docker, old)
    cut_off(shop, Stage.HEALTH)
    assert shop.docker.containers.get(old).status == "exited"
    reconcile(shop.context, "engine-2")
    assert shop.row(2)["status"] == "interrupted"
    assert lives(shop.docker, old)[0] == identity
    assert shop.served_at_last() == "one"
    assert shop.containers() == {}


def test_an_adoption_whose_engine_dies_leaves_the_container_to_nobody(shop: Scenario, old: str) -> None:
    before = lives(shop.docker, old)
    opened = open_adoption(shop.context, find_container(shop.context, old, shop.name), ME)[0]
    with shop.context.database.writing() as session:
        ledger.claim(session, opened.id, "engine-1", None, now())
    reconcile(shop.context, "engine-2")
    assert shop.row(1)["status"] == "interrupted"
    assert runtime(shop) == []
    assert lives(shop.docker, old) == before
    assert adopt(shop, old)["status"] == "succeeded"


def test_the_diff_to_the_first_own_deploy_names_what_only_the_old_one_had(
    shop: Scenario, images: Images, docker_client: docker.DockerClient
) -> None:
    tag = f"localhost/{shop.name}:one"
    images.build(tag, "one")
    with strangers(docker_client, shop.name) as mine:
        old = docker_client.containers.run(tag, detach=True, init=True, labels={OLD: mine}, cap_drop=["NET_RAW"])
        row = adopt(shop, str(old.name))
        assert row["pin"]["not_carried"] == ["HostConfig.CapDrop"]
        assert "cannot express: HostConfig.CapDrop." in shop.messages()[0]
        assert shop.deploy()["status"] == "succeeded"
        with shop.context.database.reading() as session:
            one, two = (history.find(session, workload_id(shop), version) for version in (1, 2))
            assert one is not None and two is not None
            assert diff.between(session, one, two)["config"] == [
                {"key": "container.HostConfig.CapDrop", "from": "set", "to": None}
            ]


def test_rolling_back_to_it_makes_it_anew_from_its_pin(shop: Scenario, images: Images, old: str) -> None:
    adopt(shop, old)
    images.build(f"localhost/{shop.name}:two", "two", "shows_env")
    assert shop.deploy(f"localhost/{shop.name}:two")["status"] == "succeeded"
    assert shop.served_at_last() == "two"
    row = shop.rollback(1)
    assert (row["status"], row["reason"], row["rollback_of"]) == ("succeeded", "rollback", 1)
    assert shop.served_at_last() == "one"
    assert row["pin"]["image_id"] == shop.row(1)["pin"]["image_id"]
    assert "not_carried" not in row["pin"]


def test_removing_the_workload_removes_it_and_keeps_its_volumes(shop: Scenario, old: str) -> None:
    adopt(shop, old)
    (volume,) = [one["Name"] for one in shop.docker.api.inspect_container(old)["Mounts"]]
    shop.remove()
    assert shop.docker.containers.list(all=True, filters={"name": old}) == []
    assert shop.docker.volumes.get(volume).name == volume


def test_the_anonymous_volume_of_an_adopted_container_outlives_it(shop: Scenario, images: Images) -> None:
    tag = f"localhost/{shop.name}:one"
    images.build(tag, "one")
    with strangers(shop.docker, shop.name) as mine:
        found = shop.docker.containers.run(tag, detach=True, init=True, labels={OLD: mine}, volumes=["/keep"])
        wait_until(lambda: found.reload() or found.status == "running", 10, "it does not run")
        (volume,) = [one["Name"] for one in found.attrs["Mounts"]]
        adopt(shop, found.name)
        try:
            shop.remove()
            assert shop.docker.volumes.get(volume).name == volume
        finally:
            shop.docker.volumes.get(volume).remove()


def test_an_adoption_fails_when_the_container_has_been_replaced_and_can_be_tried_again(
    shop: Scenario, old: str
) -> None:
    found = find_container(shop.context, old, shop.name)
    opened = open_adoption(shop.context, found, ME)[0]
    shop.docker.api.stop(old, timeout=1)
    assert carry_out(shop.context, opened.id, "test-engine") == ErrorCode.PIN_MISMATCH
    assert runtime(shop) == []
    shop.docker.api.start(old)
    row = adopt(shop, old)
    assert (row["version"], row["status"]) == (2, "succeeded")


def test_a_failed_adoption_lets_the_container_be(shop: Scenario, old: str) -> None:
    opened = open_adoption(shop.context, find_container(shop.context, old, shop.name), ME)[0]
    shop.docker.api.pause(old)
    assert carry_out(shop.context, opened.id, "test-engine") == ErrorCode.PIN_MISMATCH
    shop.docker.api.unpause(old)
    before = lives(shop.docker, old)
    shop.remove()
    assert lives(shop.docker, old) == before


def refused(shop: Scenario, container: str) -> str:
    with pytest.raises(Refusal) as refusal:
        adopt(shop, container)
    return str(refusal.value.code)


def test_what_cannot_be_adopted_is_refused_with_its_code(shop: Scenario, old: str) -> None:
    assert refused(shop, "no-such-container") == "no_such_container"
    shop.docker.api.stop(old, timeout=1)
    assert refused(shop, old) == "not_running"
    shop.docker.api.start(old)
    adopt(shop, old)
    assert refused(shop, old) == "already_managed"
    assert shop.deploy()["status"] == "succeeded"
    assert refused(shop, f"{shop.name}-v2") == "already_managed"


def test_a_name_that_is_taken_is_refused(shop: Scenario, old: str) -> None:
    shop.create(f"localhost/{shop.name}:one")
    assert refused(shop, old) == "name_taken"


def test_a_container_that_docker_removes_when_it_stops_is_made_anew_when_the_first_deploy_fails(
    shop: Scenario, images: Images
) -> None:
    tag = f"localhost/{shop.name}:one"
    images.build(tag, "one")
    images.build(f"localhost/{shop.name}:bad", "bad", "exits")
    with strangers(shop.docker, shop.name) as mine:
        ports = {"8080/tcp": ("127.0.0.1", shop.port)}
        old = shop.docker.containers.run(tag, detach=True, init=True, auto_remove=True, labels={OLD: mine}, ports=ports)
        assert adopt(shop, str(old.name))["pin"]["not_carried"] == ["HostConfig.AutoRemove"]
        assert shop.deploy(f"localhost/{shop.name}:bad")["status"] == "failed"
        assert shop.served_at_last() == "one"
        assert shop.containers() == {f"{shop.name}-v1": "running"}
        compare(shop.context)
        assert shop.row(1)["verified"] is True

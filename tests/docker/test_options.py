"""Options of a container on the real Engine: each of them by what it does in there."""

from __future__ import annotations

import time
from typing import Any

import pytest
from docker.models.containers import Container

from tests.docker.images import Images, bring_to_its_end
from tests.docker.scenario import Scenario
from tests.real_parts import wait_until


@pytest.fixture
def image(images: Images, shop: Scenario) -> str:
    """An image that serves."""
    tag = f"localhost/{shop.name}:options"
    images.build(tag, "options")
    return tag


def deployed(shop: Scenario, image: str, **spec: Any) -> Container:
    """The container of a deploy that went well."""
    shop.create(image, **spec)
    row = shop.deploy()
    assert row["status"] == "succeeded", row["error_code"]
    found: Container = shop.docker.containers.get(f"{shop.name}-v{row['version']}")
    return found


def run(container: Container, script: str) -> tuple[int, str]:
    """Run a script in a container; answers exit code and output."""
    code, output = container.exec_run(["/bin/sh", "-c", script])
    return code, output.decode().strip()


def test_a_container_runs_as_another_user_with_files_it_cannot_change(shop: Scenario, image: str) -> None:
    shown = deployed(
        shop,
        image,
        user="1234:5678",
        working_dir="/www",
        read_only=True,
        tmpfs=[{"path": "/scratch", "size_mb": 1}, "/run"],
    )
    assert run(shown, "busybox id -u; busybox id -g; busybox pwd")[1].split() == ["1234", "5678", "/www"]
    assert run(shown, "echo x > /www/new")[0] != 0
    assert run(shown, "echo x > /run/new && cat /run/new") == (0, "x")
    assert run(shown, "dd if=/dev/zero of=/scratch/half bs=1024 count=512")[0] == 0
    assert run(shown, "dd if=/dev/zero of=/scratch/more bs=1024 count=1024")[0] != 0


def test_an_entrypoint_replaces_that_of_the_image_and_its_command(shop: Scenario, image: str) -> None:
    script = 'echo "$0 $*" > /www/told; exec httpd -f -p 8080 -h /www'
    deployed(shop, image, entrypoint=["/bin/sh", "-c", script], command=["first", "second"])
    assert shop.served("/told") == "first second\n"


def test_limits_labels_and_host_names_are_in_the_container(shop: Scenario, image: str) -> None:
    shown = deployed(
        shop,
        image,
        ulimits={"nofile": {"soft": 100, "hard": 200}, "core": 0},
        shm_mb=7,
        labels={"org.example.team": "shop"},
        extra_hosts={"db.internal": "10.1.2.3", "machine": "host-gateway"},
    )
    limits = run(shown, "ulimit -Sn; ulimit -Hn; ulimit -c")[1].split()
    assert limits == ["100", "200", "0"]
    assert int(run(shown, "busybox df -k /dev/shm | busybox tail -n 1")[1].split()[1]) == 7 * 1024
    assert shown.labels["org.example.team"] == "shop"
    assert shown.labels["backstay.workload"] == shop.name
    hosts = dict(line.split()[::-1] for line in run(shown, "cat /etc/hosts")[1].splitlines() if len(line.split()) == 2)
    assert hosts["db.internal"] == "10.1.2.3"
    assert hosts["machine"].count(".") == 3


@pytest.mark.parametrize(
    ("log", "kind", "options"),
    [
        (None, "json-file", {"max-size": "10m", "max-file": "3"}),
        ({"max_size_mb": 1, "max_files": 2}, "json-file", {"max-size": "1m", "max-file": "2"}),
        ({"driver": "local", "max_files": 5}, "local", {"max-size": "10m", "max-file": "5"}),
        ({"driver": "none"}, "none", {}),
    ],
)
def test_the_output_goes_where_the_spec_says(
    shop: Scenario, image: str, log: dict[str, Any] | None, kind: str, options: dict[str, str]
) -> None:
    talks = ["/bin/sh", "-c", "echo here I am; exec httpd -f -p 8080 -h /www"]
    given = {} if log is None else {"log": log}
    shown = deployed(shop, image, command=talks, **given)
    assert shown.attrs["HostConfig"]["LogConfig"] == {"Type": kind, "Config": options}
    lines = shop.context.docker.containers.log_tail(str(shown.id), 10)
    assert lines == ([] if kind == "none" else ["here I am"])


def test_a_failure_without_a_log_is_still_told_as_what_it_is(shop: Scenario, images: Images) -> None:
    tag = f"localhost/{shop.name}:exits"
    images.build(tag, "exits", "exits")
    shop.create(tag, log={"driver": "none"})
    row = shop.deploy()
    assert (row["status"], row["error_code"]) == ("failed", "exited_early")


@pytest.mark.parametrize(
    ("restart", "policy", "comes_back"),
    [("always", "always", True), ("on-failure", "on-failure", True), ("no", "no", False), (None, "always", True)],
)
def test_docker_restarts_a_version_that_is_live_as_the_spec_says(
    shop: Scenario, images: Images, restart: str | None, policy: str, comes_back: bool
) -> None:
    tag = f"localhost/{shop.name}:ends"
    images.build(tag, "ends", "exits_when_told")  # with code 4
    given = {} if restart is None else {"restart": restart}
    shown = deployed(shop, tag, **given)
    assert shown.attrs["HostConfig"]["RestartPolicy"]["Name"] == policy
    bring_to_its_end(shop.docker, str(shown.name))

    def has_ended() -> bool:
        shown.reload()
        return bool(shown.attrs["RestartCount"]) or not shown.attrs["State"]["Running"]

    wait_until(has_ended, 20, "it did not end")
    time.sleep(0.5)  # it is the restart that must not come
    shown.reload()
    assert (shown.attrs["RestartCount"] > 0) is comes_back


def test_an_option_belongs_to_the_version_and_comes_back_with_it(shop: Scenario, image: str) -> None:
    deployed(shop, image, labels={"team": "one"}, restart="no")
    shop.change(labels={"team": "two"}, restart=None)
    assert shop.deploy()["status"] == "succeeded"
    assert shop.docker.containers.get(f"{shop.name}-v2").attrs["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert shop.rollback(1)["status"] == "succeeded"
    back = shop.docker.containers.get(f"{shop.name}-v3")
    assert back.labels["team"] == "one"
    assert back.attrs["HostConfig"]["RestartPolicy"]["Name"] == "no"

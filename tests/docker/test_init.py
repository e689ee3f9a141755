"""Process 1 of a container: Docker's init, or the image's own program, as the image needs it and the spec says."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.docker.images import Images
from tests.docker.scenario import Scenario

Tag = Callable[[str], str]


def first_process(shop: Scenario) -> str:
    """The name of process 1 in the workload's container."""
    (container,) = shop.docker.containers.list(filters={"label": f"backstay.workload={shop.name}"})
    return str(container.exec_run("cat /proc/1/comm").output.decode().strip())


@pytest.mark.parametrize(
    ("behaviour", "init", "outcome", "process"),
    [
        ("has_its_own_init", None, None, "httpd"),
        ("has_its_own_init", False, None, "httpd"),
        ("has_its_own_init", True, "exited_early", ""),
        ("must_be_first", False, None, "httpd"),
        ("must_be_first", None, "exited_early", ""),  # nothing shows what its script asks for
        ("ok", None, None, "docker-init"),
        ("ok", True, None, "docker-init"),
        ("ok", False, None, "httpd"),
    ],
)
def test_an_image_runs_as_process_1_where_it_brings_an_init_or_the_spec_says_so(
    shop: Scenario, images: Images, tag: Tag, behaviour: str, init: bool | None, outcome: str | None, process: str
) -> None:
    images.publish(tag("1"), "one", behaviour)
    shop.create(tag("1"), **({} if init is None else {"init": init}), health={"http": "/healthz", "timeout_s": 20})
    row = shop.deploy()
    assert row["error_code"] == outcome
    if outcome is None:
        assert (shop.served(), first_process(shop)) == ("one", process)


def test_init_belongs_to_a_release_and_the_usual_stop_is_quick(shop: Scenario, images: Images, tag: Tag) -> None:
    images.publish(tag("1"), "one")
    shop.create(tag("1"), stop_timeout_s=30)
    shop.deploy()
    (container,) = shop.docker.containers.list(filters={"label": f"backstay.workload={shop.name}"})
    began = time.monotonic()
    shop.context.docker.containers.stop(container.id, 30)
    assert time.monotonic() - began < 10  # httpd as process 1 ignores SIGTERM, and would be killed after 30 s
    shop.change(init=False, stop_timeout_s=1)
    second = shop.deploy()
    assert (second["status"], first_process(shop)) == ("succeeded", "httpd")
    shop.change(init=None)
    shop.deploy()
    assert first_process(shop) == "docker-init"
    assert shop.rollback(second["version"])["status"] == "succeeded"
    assert first_process(shop) == "httpd"

"""Two installations on one Docker host, each with a workload of the same name: neither gets into the other's way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db.migrate import upgrade
from flows.upkeep.sweep import sweep
from tasks.context import Context
from tests.docker.images import Images
from tests.docker.scenario import Scenario
from tests.real_parts import free_port

Tag = Callable[[str], str]


@pytest.fixture
def neighbour(shop: Scenario, tmp_path: Path) -> Iterator[Scenario]:
    """The workload of that name in another installation."""
    settings = shop.context.settings.model_copy(update={"home": tmp_path / "neighbour"})
    context = Context.open(settings, "neighbour", quiet=True)
    upgrade(context.database)
    yield Scenario(context, shop.docker, shop.name, free_port())
    context.close()


def test_a_name_that_another_installation_has_taken_is_told_apart_by_the_installation(
    shop: Scenario, neighbour: Scenario, images: Images, tag: Tag
) -> None:
    for page in ("ours", "theirs", "theirs again"):
        images.publish(tag(page.replace(" ", "-")), page)
    shop.create(tag("ours"))
    shop.deploy()
    neighbour.create(tag("theirs"))
    row = neighbour.deploy()
    assert (row["status"], row["error_code"]) == ("succeeded", None)
    told_apart = f"{shop.name}-v1-{neighbour.context.installation[:8]}"
    assert shop.containers() == {f"{shop.name}-v1": "running", told_apart: "running"}
    # The plain name again where it is free, and never the other's containers.
    assert neighbour.deploy(tag("theirs-again"))["status"] == "succeeded"
    assert shop.containers() == {f"{shop.name}-v1": "running", f"{shop.name}-v2": "running"}
    assert (shop.served(), neighbour.served()) == ("ours", "theirs again")
    assert sweep(shop.context) == sweep(neighbour.context) == []
    neighbour.remove()
    assert shop.containers() == {f"{shop.name}-v1": "running"}
    assert shop.served() == "ours"

"""How often a deploy looks at the containers of the Engine: once per stage that has to, not once per question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tasks.context import Context
from tasks.docker.client import Connection
from tasks.docker.containers import Containers
from tasks.docker.records import ContainerRecord
from tests.docker.images import Images
from tests.docker.scenario import Scenario


class Counted(Containers):
    """The containers of the Engine, each look at them counted."""

    def __init__(self, context: Context) -> None:
        super().__init__(Connection(context.docker.address, context.log))
        self.looks = Counter[str]()

    def find(self, labels: dict[str, str]) -> list[ContainerRecord]:
        """Count, then list."""
        self.looks["list"] += 1
        return super().find(labels)

    def inspect(self, container_id: str) -> ContainerRecord | None:
        """Count, then inspect."""
        self.looks["inspect"] += 1
        return super().inspect(container_id)


def test_a_deploy_of_one_container_looks_once_per_stage(
    shop: Scenario, images: Images, tag: Callable[[str], str]
) -> None:
    for version in ("1", "2"):
        images.publish(tag(version), version)
    shop.create(tag("1"), health={"running_s": 0.01})
    shop.deploy()
    counted = shop.context.docker.containers = Counted(shop.context)
    assert shop.deploy(tag("2"))["status"] == "succeeded"
    assert counted.looks["list"] == 3  # roll_out, verify, clean_up
    assert counted.looks["inspect"] <= 8  # 5 of these stages, the others of the health check

"""Builds that are cut off, of a git repository and a static site: the version before serves, and nothing is left."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from db.states import Status
from flows.requests import request_deploy
from flows.upkeep.sweep import sweep
from tasks.images import build_log
from tests.docker.building import is_running
from tests.docker.git_servers import new_repository
from tests.docker.images import FOR_EVER, Images
from tests.docker.scenario import ME
from tests.faults.houses import STATIC_SERVER, House
from tests.faults.workloads import Crashed
from tests.real_parts import free_port, wait_until


@dataclass
class Building:
    """A workload of a house, built upon `base`."""

    house: House
    shop: Crashed
    base: str

    def deploy(self) -> str:
        """Deploy to the end; answers the status."""
        return str(self.shop.ended(request_deploy(self.shop.context, self.shop.name, ME).version)["status"])

    def begun(self) -> int:
        """Begin a deploy, and answer its version once a step of its build has said `begun`."""
        deploy = request_deploy(self.shop.context, self.shop.name, ME)
        log = (self.house.settings, deploy.workload_id, deploy.version, 0)
        wait_until(
            lambda: "\nbegun\n" in build_log.read(*log).text, 30, lambda: f"no build: {self.shop.row(deploy.version)}"
        )
        assert is_running(FOR_EVER)
        return int(deploy.version)

    def expect_nothing_of(self, version: int, status: Status) -> None:
        """A build that was cut off has ended, and the first version serves alone."""
        assert self.shop.ended(version)["status"] == status
        wait_until(lambda: not is_running(FOR_EVER), 15, "the build goes on")
        work = self.house.settings.work
        assert not work.exists() or list(work.iterdir()) == []
        self.expect_serving(1, "one")

    def expect_serving(self, version: int, page: str) -> None:
        """A version serves, and there is no container of another one."""
        only = {f"{self.shop.name}-v{version}": "running"}
        wait_until(lambda: self.shop.containers() == only, 30, lambda: f"{self.shop.containers()} instead of {only}")
        wait_until(lambda: self.shop.serves() == page, 10, lambda: f"serves {self.shop.serves()!r}")

    def left_over(self) -> list[str]:
        """What `backstay sweep` finds of it."""
        return [one.leftover.name for one in sweep(self.shop.context) if self.shop.name in one.leftover.name]


@pytest.fixture
def shop(house: House, workload_name: str) -> Crashed:
    """A workload, not yet created."""
    return house.workload(workload_name, port=free_port())


def test_a_build_that_is_cut_off_by_a_kill_or_a_cancel_leaves_nothing_of_it(
    house: House, images: Images, shop: Crashed, tmp_path: Path
) -> None:
    building = Building(house, shop, shop.image("base"))
    images.build_base(building.base)
    steps = f"FROM {building.base}\nCOPY page /www/index.html\n"
    repository = new_repository(tmp_path / "git", {"Dockerfile": steps, "page": "one"})
    shop.create_from({"kind": "git", "url": repository.url})
    assert building.deploy() == Status.SUCCEEDED
    repository.commit({"Dockerfile": f"{steps}RUN echo begun; {FOR_EVER}\n", "page": "two"})
    version = building.begun()
    house.kill("engine")
    house.start("engine")
    building.expect_nothing_of(version, Status.INTERRUPTED)
    version = building.begun()
    assert house.http.post(f"/workloads/{shop.name}/deploys/{version}/cancel").status_code == 202
    building.expect_nothing_of(version, Status.CANCELLED)


def test_an_upload_whose_deploy_is_cut_off_in_its_build_or_its_rollout_leaves_nothing_of_it(
    house: House, images: Images, shop: Crashed
) -> None:
    building = Building(house, shop, STATIC_SERVER)
    images.build_base(STATIC_SERVER)
    shop.create_from({"kind": "static"})
    upload(house, shop.name, "one")
    assert building.deploy() == Status.SUCCEEDED
    upload(house, shop.name, "two")
    images.build_base(STATIC_SERVER, "slow_to_build_upon")
    version = building.begun()
    house.kill("engine")
    house.start("engine")
    building.expect_nothing_of(version, Status.INTERRUPTED)
    images.build_base(STATIC_SERVER)
    with house.caught_at("started") as caught:  # the old version was stopped, the new one runs
        version = request_deploy(shop.context, shop.name, ME).version
        caught.wait()
        house.kill("engine")
    house.start("engine")
    assert shop.ended(version)["status"] == Status.INTERRUPTED
    building.expect_serving(1, "one")
    assert building.deploy() == Status.SUCCEEDED
    building.expect_serving(version + 1, "two")
    wait_until(lambda: not building.left_over(), 10, lambda: f"left over: {building.left_over()}")


def upload(house: House, name: str, page: str) -> None:
    """Upload a page, as a person does with curl."""
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as archive:
        file = tarfile.TarInfo("index.html")
        file.size = len(page)
        archive.addfile(file, io.BytesIO(page.encode()))
    answer = house.http.put(f"/workloads/{name}/content", content=body.getvalue())
    assert answer.status_code == 200, answer.text

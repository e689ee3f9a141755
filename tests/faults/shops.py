"""Workloads for tests that crash things: each case gets one that is well, whatever the case before did to it."""

from __future__ import annotations

import os

from tests.docker.fixtures import remove_workload
from tests.docker.images import Images
from tests.faults.houses import House
from tests.faults.workloads import Crashed
from tests.real_parts import free_port


class Shops:
    """By shape: `ported` has a fixed port of the host, so that its old version stops first; `free` has none.

    Each has a version to go back to. One that a failed case has left in disorder is not used again.
    """

    def __init__(self, house: House, images: Images, prefix: str) -> None:
        self._house, self._images, self._prefix = house, images, prefix
        self._now: dict[str, Crashed] = {}
        self._made: list[str] = []

    def __getitem__(self, shape: str) -> Crashed:
        shop = self._now.get(shape)
        if shop is None or not shop.begin():
            shop = self._now[shape] = self._new(shape)
        return shop

    def close(self) -> None:
        """Remove what was made."""
        for name in self._made:
            remove_workload(self._house.docker, name)

    def _new(self, shape: str) -> Crashed:
        name = f"t-{self._prefix}-{shape}-{os.getpid()}-{len(self._made)}"
        self._made.append(name)
        shop = self._house.workload(name, port=free_port() if shape == "ported" else None)
        shop.build(self._images)
        shop.deploy_well()
        shop.deploy_well()
        assert shop.begin(), "a new workload is not well"
        return shop

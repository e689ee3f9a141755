"""What a compose file may ask for unasked is what the Engine gives each container anyway."""

from __future__ import annotations

import docker

from tasks.compose.harmless import CAPABILITIES
from tests.docker.images import Images

# The bit of each in the kernel's sets: capability.h numbers them for ever.
BITS = {
    "CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8,
    "NET_BIND_SERVICE": 10, "SYS_CHROOT": 18, "SETFCAP": 31,
}  # fmt: skip


def held(client: docker.DockerClient, image: str, **options: object) -> set[str]:
    """Which of these a container has."""
    said = client.containers.run(image, ["/bin/cat", "/proc/self/status"], entrypoint=[], remove=True, **options)
    (line,) = [one for one in said.decode().splitlines() if one.startswith("CapEff:")]
    return {name for name, bit in BITS.items() if int(line.split()[1], 16) >> bit & 1}


def test_a_container_has_the_harmless_capabilities_without_asking(
    docker_client: docker.DockerClient, images: Images, workload_name: str
) -> None:
    image = f"localhost/{workload_name}:1"
    images.build(image)
    assert BITS.keys() == CAPABILITIES
    assert held(docker_client, image) == CAPABILITIES
    assert held(docker_client, image, cap_drop=["ALL"]) == set()
    assert held(docker_client, image, cap_drop=["ALL"], cap_add=["CHOWN", "SETUID"]) == {"CHOWN", "SETUID"}

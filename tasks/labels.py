"""The labels on our containers, images, networks and volumes, by which Docker alone identifies the owner. Pure."""

from __future__ import annotations

WORKLOAD = "backstay.workload"
DEPLOY = "backstay.deploy"
SERVICE = "backstay.service"
INSTALLATION = "backstay.installation"
NETWORK = "backstay.network"  # the name of a network that several workloads join

# The service of a single-container workload.
MAIN_SERVICE = "app"


def container_labels(installation: str, workload: str, version: int, service: str = MAIN_SERVICE) -> dict[str, str]:
    """Return the labels of a container, from which the index can be rebuilt when only Docker is left."""
    return {WORKLOAD: workload, DEPLOY: str(version), SERVICE: service, INSTALLATION: installation}

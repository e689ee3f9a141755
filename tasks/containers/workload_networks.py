"""The network of a workload, and the named networks of the installation: made before a container needs them.

A network is addressed by its name, which stays the same when it has to be made again; it is ours by its labels.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network
from itertools import islice
from pathlib import Path

from db.states import ErrorCode
from tasks.containers import subnets
from tasks.context import Context
from tasks.docker.records import ContainerRecord, NetworkRecord
from tasks.failures import Failure
from tasks.labels import INSTALLATION, NETWORK, WORKLOAD

# Another program may take a subnet at the same moment.
_TRIES = 5


def own_network(context: Context, workload: str) -> NetworkRecord:
    """Return the network of a workload, created if it is missing. Raises Failure: no_network_left, …"""
    labels = {INSTALLATION: context.installation, WORKLOAD: workload}
    return _ensure(context, _prefix(context, "-") + workload, labels)


def named_network(context: Context, name: str) -> NetworkRecord:
    """Return a network that several workloads join, created if it is missing. Raises Failure: no_network_left, …"""
    labels = {INSTALLATION: context.installation, NETWORK: name}
    return _ensure(context, _prefix(context, ".") + name, labels)


def join(context: Context, container_id: str, names: Sequence[str], alias: str | None) -> None:
    """Put a container that has not started into named networks, where others find it as `alias`. Raises Failure."""
    for name in names:
        network = named_network(context, name)
        context.docker.networks.connect(network.name, container_id, [alias] if alias else [])


def be_found(context: Context, workload: str, container_id: str, names: Sequence[str]) -> None:
    """Have others find a running container by its workload's name in named networks. Raises Failure.

    Docker takes a name only when a container joins, so it leaves and comes back with the same address: connections that
    it has there wait for a moment and go on.
    """
    networks = context.docker.networks
    for name in names:
        network = named_network(context, name)
        address = networks.endpoints(network.id).get(container_id)
        networks.disconnect(network.name, container_id)
        networks.connect(network.name, container_id, [workload], address if _is_ours(context, network) else None)


def keep_in_ours(context: Context, workload: str, record: ContainerRecord) -> None:
    """Make sure that a stopped container of a workload finds its networks when it starts. Raises Failure.

    `docker network prune` removes a network in which nothing runs, and Docker looks for the one of that id only. A
    container that was made without a network of its own stays where it is.
    """
    own, named = _prefix(context, "-"), _prefix(context, ".")
    for name in record.addresses:
        if name.startswith(named):
            network, aliases, address = named_network(context, name.removeprefix(named)), [workload], None
        elif name.startswith(own):
            network, aliases = own_network(context, workload), []
            address = address_for(context, network, record.version)
        else:
            continue
        if network.id not in record.network_ids:
            context.docker.networks.disconnect(network.name, record.id)
            context.docker.networks.connect(network.name, record.id, aliases, address)


def forget_own(context: Context, workload: str) -> None:
    """Remove the networks of a workload whose containers are gone. Raises Failure."""
    for network in context.docker.networks.find({INSTALLATION: context.installation, WORKLOAD: workload}):
        remove(context, network.id)


def remove(context: Context, network_id: str) -> None:
    """Remove a network also when people put containers of theirs into it, which leave it. Raises Failure."""
    for container_id in context.docker.networks.endpoints(network_id):
        context.docker.networks.disconnect(network_id, container_id)
    context.docker.networks.remove(network_id)


def forget_named(context: Context, needed: Iterable[str]) -> None:
    """Remove named networks that no workload's spec names and no container is in. Raises Failure."""
    keep = set(needed)
    for network in context.docker.networks.find({INSTALLATION: context.installation, NETWORK: ""}):
        if network.labels.get(NETWORK) not in keep and not context.docker.networks.endpoints(network.id):
            context.docker.networks.remove(network.id)


def address_for(context: Context, network: NetworkRecord, version: int) -> str | None:
    """Return a free address for a version's container; None leaves the choice to Docker, which takes no address of ours
    in a subnet that it has chosen itself."""
    if not _is_ours(context, network):
        return None
    (subnet,) = subnets.parse_subnets(network.subnets)
    return subnets.address_for(subnet, version, context.docker.networks.endpoints(network.id).values())


def _ensure(context: Context, name: str, labels: dict[str, str]) -> NetworkRecord:
    networks = context.docker.networks
    if there := networks.find(labels):
        return there[0]
    pool = IPv4Network(context.settings.network_pool)
    taken = [*subnets.parse_subnets(one for network in networks.find({}) for one in network.subnets), *_routes()]
    for subnet in islice(subnets.free_subnets(pool, taken), _TRIES):
        if networks.create(name, labels, str(subnet)):
            return networks.find(labels)[0]
    # All of the pool is taken, for example by a VPN that has a route to it: Docker's own pools may have room.
    if networks.create(name, labels, None):
        return networks.find(labels)[0]
    raise Failure(ErrorCode.NO_NETWORK_LEFT, "pool")


def _prefix(context: Context, sign: str) -> str:
    """Return how the names of this installation's networks begin; no workload's name has a dot."""
    return f"backstay-{context.installation[:8]}{sign}"


def _is_ours(context: Context, network: NetworkRecord) -> bool:
    """Return whether we chose its subnet: Docker takes addresses of ours only there."""
    pool = IPv4Network(context.settings.network_pool)
    found = subnets.parse_subnets(network.subnets)
    return len(found) == 1 and found[0].subnet_of(pool)


def _routes() -> list[IPv4Network]:
    """Return the routes of this machine; none where they cannot be read, or where Docker is on another one."""
    with contextlib.suppress(OSError):
        return subnets.routes(Path("/proc/net/route").read_text())
    return []

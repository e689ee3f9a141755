"""Which part of the address pool a new network gets, and which address a new container has in it. Pure.

Docker's own pools hold some thirty networks. A workload needs few addresses, so the pool is cut into small subnets.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, ip_network

PREFIX = 26  # 61 addresses beside the gateway's: two versions are up at once, and people attach tools of their own
_ROUTE_FIELDS = 8


def free_subnets(pool: IPv4Network, taken: Iterable[IPv4Network]) -> Iterator[IPv4Network]:
    """Return the subnets of the pool that overlap with none that is taken, lowest first."""
    near = [one for one in taken if one.overlaps(pool)]
    cuts = pool.subnets(new_prefix=PREFIX) if pool.prefixlen < PREFIX else [pool]
    return (subnet for subnet in cuts if not any(subnet.overlaps(one) for one in near))


def address_for(subnet: IPv4Network, version: int, in_use: Iterable[str]) -> str | None:
    """Return the address of a version's container: another one than that of the version before it.

    Whoever asked for the old container while nobody had its address (by ARP) waits a second for the next answer. By
    itself this does not shorten the gap of a deploy: docs/decisions/0024. None when every address is in use.
    """
    hosts = subnet.num_addresses - 3  # without the network's, the gateway's and the broadcast address
    occupied = set(in_use)
    for step in range(hosts):
        address = str(subnet.network_address + 2 + (version + step) % hosts)
        if address not in occupied:
            return address
    return None


def routes(proc_net_route: str) -> list[IPv4Network]:
    """Return the networks that the host has a route to, from the text of /proc/net/route; without the default one."""
    found = []
    for line in proc_net_route.splitlines()[1:]:
        fields = line.split()
        if len(fields) >= _ROUTE_FIELDS and (mask := _address(fields[7])) != IPv4Address(0):
            found.append(IPv4Network((_address(fields[1]), str(mask)), strict=False))
    return found


def parse_subnets(texts: Iterable[str]) -> list[IPv4Network]:
    """Return the IPv4 subnets among those of a network; others cannot overlap with ours."""
    parsed = (ip_network(text, strict=False) for text in texts)
    return [one for one in parsed if isinstance(one, IPv4Network)]


def _address(little_endian_hex: str) -> IPv4Address:
    return IPv4Address(socket.inet_ntoa(struct.pack("<I", int(little_endian_hex, 16))))

"""Where a network goes and which address a container gets: never onto another one's, never the one before."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.containers.subnets import address_for, free_subnets, parse_subnets, routes

POOL = IPv4Network("10.213.0.0/16")
SUBNET = IPv4Network("10.213.0.64/26")
# The default route, one to 10.213.0.0/25, and one of a single address.
ROUTES = """Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0100A8C0	0003	0	0	0	00000000	0	0	0
vpn0	0000D50A	00000000	0001	0	0	0	80FFFFFF	0	0	0
vpn0	0101A8C0	00000000	0005	0	0	0	FFFFFFFF	0	0	0

"""


def first(*taken: str, pool: IPv4Network = POOL) -> str | None:
    """The lowest free subnet."""
    return next((str(one) for one in free_subnets(pool, map(IPv4Network, taken))), None)


@pytest.mark.parametrize(
    ("taken", "free"),
    [
        ((), "10.213.0.0/26"),
        (("10.213.0.0/26", "10.213.0.64/26"), "10.213.0.128/26"),
        (("10.213.0.64/26",), "10.213.0.0/26"),
        (("10.213.0.17/32",), "10.213.0.64/26"),
        (("10.213.0.0/24",), "10.213.1.0/26"),
        (("172.17.0.0/16",), "10.213.0.0/26"),
        (("10.0.0.0/8",), None),
    ],
)
def test_a_network_goes_where_no_other_one_is(taken: tuple[str, ...], free: str | None) -> None:
    assert first(*taken) == free


def test_a_pool_that_is_smaller_than_a_part_is_one_part() -> None:
    assert first(pool=IPv4Network("192.168.9.0/28")) == "192.168.9.0/28"
    assert first("192.168.9.8/32", pool=IPv4Network("192.168.9.0/28")) is None


def test_a_pool_holds_a_thousand_workloads() -> None:
    assert len(list(free_subnets(POOL, []))) == 1024


@given(st.integers(min_value=1, max_value=10**6))
def test_a_version_never_has_the_address_of_the_version_before(version: int) -> None:
    before, after = address_for(SUBNET, version, ()), address_for(SUBNET, version + 1, ())
    assert before is not None
    assert after is not None
    assert before != after
    for one in (before, after):  # neither the network's, the gateway's nor the broadcast address
        assert IPv4Network(one).subnet_of(SUBNET)
        assert one not in {"10.213.0.64", "10.213.0.65", "10.213.0.127"}


def test_an_address_in_use_is_passed_over() -> None:
    every = [str(address) for address in SUBNET.hosts()]
    assert address_for(SUBNET, 0, ["10.213.0.66"]) == "10.213.0.67"
    assert address_for(SUBNET, 60, ["10.213.0.126"]) == "10.213.0.66"
    assert address_for(SUBNET, 7, every) is None


def test_the_routes_of_the_host_are_read_and_the_default_one_is_none() -> None:
    assert routes(ROUTES) == [IPv4Network("10.213.0.0/25"), IPv4Network("192.168.1.1/32")]
    assert routes("") == []


def test_other_subnets_than_ipv4_ones_do_not_matter() -> None:
    assert parse_subnets(["fd00::/64", "10.1.0.0/16"]) == [IPv4Network("10.1.0.0/16")]

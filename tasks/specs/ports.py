"""Ports in a spec: one or a range, TCP or UDP. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from db.messages.key_problems import KeyProblem
from tasks.sources.base import Part, whole
from tasks.sources.invalid_spec import wrong

HIGHEST = 65535
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LONGEST_RANGE = 1000  # Docker runs a process for each published port


# The limits stand before the validator: after it, the description of the API would omit them.
Port = Annotated[int, Field(strict=True, ge=1, le=HIGHEST), BeforeValidator(whole)]


class PortMapping(Part):
    """A port of the container, or the ports `container` to `to`; published on `address`, from `host` on, when `host` is
    given. TCP unless `protocol` says udp."""

    container: Port
    to: Port | None = None
    host: Port | None = None
    address: str = Field("127.0.0.1", json_schema_extra={"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]})
    protocol: Literal["tcp", "udp"] | None = None

    @field_validator("address")
    @classmethod
    def _is_address(cls, value: str) -> str:
        try:
            ipaddress.ip_address(value)
        except ValueError:
            raise wrong(KeyProblem.NOT_AN_ADDRESS) from None
        return value

    @model_validator(mode="after")
    def _is_range(self) -> PortMapping:
        more = self.to - self.container if self.to is not None else 0
        if (self.to is not None and not 0 < more < LONGEST_RANGE) or (self.host or 0) + more > HIGHEST:
            raise wrong(KeyProblem.BAD_PORT_RANGE, limit=LONGEST_RANGE)
        return self

    @property
    def is_udp(self) -> bool:
        """Whether it is reached over UDP."""
        return self.protocol == "udp"

    def places(self) -> Iterator[tuple[object, ...]]:
        """Yield what no other entry may have too: each published place, or each port that is not published."""
        last = self.to or self.container
        for inside in range(self.container, last + 1):
            if self.host is None:
                yield self.is_udp, inside
            else:
                yield self.is_udp, self.address, self.host + inside - self.container

    def hosts(self) -> range:
        """Return the host's ports, none where it is not published."""
        more = self.to - self.container if self.to is not None else 0
        return range(self.host, self.host + more + 1) if self.host is not None else range(0)


def overlaps(ports: Sequence[PortMapping]) -> Iterator[PydanticCustomError]:
    """Yield the refusal of each two entries of which the kernel would grant only one a port of the host."""
    published = [port for port in ports if port.host is not None]
    for at, other in enumerate(published):
        for one in published[:at]:
            both = range(max(one.hosts()[0], other.hosts()[0]), min(one.hosts()[-1], other.hosts()[-1]) + 1)
            if both and one.is_udp == other.is_udp and _same(_plain(one.address), _plain(other.address)):
                texts = [_written(_plain(port.address), both[0]) for port in (one, other)]
                yield wrong(KeyProblem.PORTS_OVERLAP, "ports", one=texts[0], other=texts[1])


def _same(one: Address, other: Address) -> bool:
    return one.version == other.version and (one == other or one.is_unspecified or other.is_unspecified)


def _plain(address: str) -> Address:
    parsed = ipaddress.ip_address(address)
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _written(address: Address, port: int) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"

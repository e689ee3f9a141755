"""Options of a container in a spec: user, labels, files in memory, limits of processes, log, restart. Pure.

Absent ones stay absent in what is stored, so a release of before they existed does not differ from one without them.
"""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from db.messages.key_problems import KeyProblem
from tasks.sources.base import Part, spoken, whole
from tasks.sources.invalid_spec import wrong


def _is_host_address(value: str) -> str:
    try:
        return value if value == "host-gateway" else str(ipaddress.ip_address(value)) and value
    except ValueError:
        raise wrong(KeyProblem.NOT_A_HOST_ADDRESS) from None


def _as_text(value: object) -> object:
    """Return true as `true`: YAML reads `traefik.enable: true` as a boolean, and a label is a text."""
    return str(value).lower() if isinstance(value, bool) else value


def _as_no(value: object) -> object:
    """Return false as `no`: YAML reads `restart: no` as a boolean."""
    return "no" if value is False else value


def _with_path(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


def _as_both(value: object) -> object:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"soft": value, "hard": value} if is_number else value


Mebibytes = Annotated[int, Field(strict=True, ge=1, le=16_777_216), BeforeValidator(whole)]
Limit = Annotated[int, Field(strict=True, ge=-1, le=2**53), BeforeValidator(whole)]
User = Annotated[str, *spoken(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$", KeyProblem.NOT_A_USER)]
# A colon would end it in the Engine's list of mounts.
ContainerPath = Annotated[str, Field(max_length=500), *spoken(r"^/[^:\x00]*$", KeyProblem.NOT_IN_CONTAINER)]
LabelName = Annotated[str, Field(max_length=200), *spoken(r"^(?!backstay\.)[!-<>-~]+$", KeyProblem.BAD_LABEL)]
LabelValue = Annotated[
    str,
    Field(coerce_numbers_to_str=True, json_schema_extra={"type": ["string", "number", "boolean"]}),
    BeforeValidator(_as_text),
]
HostName = Annotated[str, Field(max_length=253), *spoken(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", KeyProblem.NOT_A_HOST_NAME)]
HostAddress = Annotated[
    str,
    Field(json_schema_extra={"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}, {"const": "host-gateway"}]}),
    AfterValidator(_is_host_address),
]
Restart = Annotated[
    Literal["always", "on-failure", "no"],
    BeforeValidator(_as_no, json_schema_input_type=Literal["always", "on-failure", "no", False]),
]
UlimitName = Literal[
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
]


class MemoryFiles(Part):
    """A directory of the container in memory, empty at each start. Absent size: half of the machine's memory."""

    path: ContainerPath
    size_mb: Mebibytes | None = None


class LimitPair(Part):
    """A limit of every process: the soft one, and how far the process may raise it. -1 means none."""

    soft: Limit
    hard: Limit

    @model_validator(mode="after")
    def _soft_is_lower(self) -> LimitPair:
        if self.hard != -1 and not -1 < self.soft <= self.hard:
            raise wrong(KeyProblem.SOFT_ABOVE_HARD)
        return self


class Log(Part):
    """Where Docker keeps the output, and how much of it: at most `max_files` files of `max_size_mb`."""

    driver: Literal["json-file", "local", "journald", "none"] | None = None
    max_size_mb: Mebibytes | None = None
    max_files: Annotated[int, Field(strict=True, ge=1, le=1000), BeforeValidator(whole)] | None = None

    @model_validator(mode="after")
    def _has_files(self) -> Log:
        if self.driver in {"journald", "none"} and (self.max_size_mb or self.max_files):
            raise wrong(KeyProblem.LOG_WITHOUT_FILES)
        return self


Tmpfs = Annotated[MemoryFiles, BeforeValidator(_with_path, json_schema_input_type=ContainerPath | MemoryFiles)]
Ulimit = Annotated[LimitPair, BeforeValidator(_as_both, json_schema_input_type=Limit | LimitPair)]

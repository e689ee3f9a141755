"""Image builds by the Engine's BuildKit, or by its classic builder where it has no other.

Writes the log, can be cancelled, has a time limit.
The request is `POST /build` with a tar, so no other program is needed. See docs/decisions/0021-builds-by-buildkit.md.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import IO, Any

from db.access import accounts
from db.messages.events import Told, tell
from db.serialize import iso
from db.states import ErrorCode
from tasks.context import Context
from tasks.credentials import Credentials, auth_config
from tasks.docker.builds import BUILDKIT
from tasks.docker.client import DockerEngine
from tasks.docker.records import Builder
from tasks.failures import Failure, attempt
from tasks.image_reference import DOCKER_HUB
from tasks.images import base_images
from tasks.images.build_log import BuildLog
from tasks.images.build_run import REFUSED, STEP, follow
from tasks.images.builder_gaps import Gap, gaps
from tasks.images.dockerfile import Dockerfile, asks_for_dockers_own
from tasks.images.dockerfile import base_images as base_images_of

HUB = "https://index.docker.io/v1/"  # the classic builder's name for docker.io
HUB_REGISTRY = "registry-1.docker.io"  # BuildKit's
BUILT_FOR, BUILT_BY = "backstay.built-for", "backstay.built-by"
_SECRETS = "RUN --mount=type=secret"


@dataclass(frozen=True)
class Order:
    """What to build of a context, and how to name it. `secrets`: id of a secret mount -> its value."""

    dockerfile: str
    tag: str
    labels: Mapping[str, str] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def options(self) -> dict[str, Any]:
        """Return the options of the Engine's builders. BuildKit has no containers to remove, and ignores both `rm`."""
        given = {"t": self.tag, "dockerfile": self.dockerfile, "rm": True, "forcerm": True, "target": self.target}
        found = {key: value for key, value in given.items() if value}
        return found | {"labels": json.dumps(dict(self.labels)), "buildargs": json.dumps(dict(self.args))}


@dataclass(frozen=True)
class _Build:
    """One build under way."""

    context: Context
    tar: IO[bytes]
    order: Order
    dockerfile: Dockerfile
    builder: Builder
    log: BuildLog
    look: Callable[[], None]


def build(
    context: Context,
    tar: IO[bytes],
    order: Order,
    log: BuildLog,
    look: Callable[[], None],
    report: Callable[[Told], None] = lambda _: None,
    version: int = 0,
) -> str:
    """Build an image and name it; return its id. `look` is called each half second and may raise to end it.

    A base image is taken from the host if present, else pulled with the credentials of its registry. `report` is told
    why a build failed, where Backstay knows; `version` is named to it. Raises Failure: build_failed, builder_too_old,
    host_not_ready, engine_unreachable.
    """
    deadline = time.monotonic() + context.settings.build_timeout

    def go_on() -> None:
        look()
        if time.monotonic() > deadline:
            log.say(f"The build took longer than {context.settings.build_timeout} seconds.")
            raise Failure(ErrorCode.BUILD_FAILED, "timeout")

    builder = context.docker.builds.builder()
    one = _Build(context, tar, order, base_images.in_tar(tar, order.dockerfile), builder, log, go_on)
    missing = _bring(one)
    _use_what_is_built_in(one, missing)
    built = attempt(lambda: _by_buildkit(one), Failure) if builder.buildkit else _lacking(log)
    if isinstance(built, Failure) and built.kind == REFUSED:
        one = replace(one, builder=replace(builder, buildkit=False))
        tar.seek(0)
        built = attempt(lambda: _by_classic_builder(one), Failure)
    if isinstance(built, Failure):
        raise _explained(one, built.with_traceback(None), missing, report, version)
    log.say(f"Built {built}")
    return built


def quietly(docker: DockerEngine, tar: IO[bytes], tag: str) -> str:
    """Build an image without a log and without a way to cancel it, for the demo. Raises Failure as follow does."""
    options = Order("Dockerfile", tag).options() | ({"version": BUILDKIT} if docker.builds.builder().buildkit else {})
    return follow(docker, tar, options, _headers({}), lambda _: None, lambda: None)


def _bring(one: _Build) -> list[str]:
    if not one.builder.buildkit:
        return []  # the classic builder pulls by itself, with the logins in the request
    wanted = base_images_of(one.dockerfile, one.order.args, one.order.target)
    wanted = [one.dockerfile.syntax, *wanted] if one.dockerfile.syntax else wanted
    return base_images.bring(one.context, wanted, one.log, one.look)


def _use_what_is_built_in(one: _Build, missing: list[str]) -> None:
    """Do without the frontend that a syntax line asks for, where it cannot be had and the Engine's own knows as much.

    Many Dockerfiles have that line and use nothing new; without a network they could not be built.
    """
    own = replace(one.dockerfile, syntax="")
    if one.dockerfile.syntax in missing and asks_for_dockers_own(one.dockerfile) and not gaps(own, one.builder):
        one.log.say("Docker's own reader of Dockerfiles is used: it knows all that this one uses.")
        base_images.drop_syntax(one.tar, one.order.dockerfile)


def _lacking(log: BuildLog) -> Failure:
    log.say("This host's Docker has no BuildKit, or has it turned off.")
    return Failure(ErrorCode.BUILD_FAILED, REFUSED)


def _by_classic_builder(one: _Build) -> str:
    if one.order.secrets:
        raise Failure(ErrorCode.BUILD_FAILED, REFUSED)  # never as arguments, which an image keeps
    one.log.say("Docker's classic builder is used.")
    logins = {HUB if host == DOCKER_HUB else host: login for host, login in _logins(one.context).items()}
    return follow(one.context.docker, one.tar, one.order.options(), _headers(logins), one.log.write, one.look)


def _by_buildkit(one: _Build) -> str:
    with _session(one) as session:
        options = one.order.options() | {"version": BUILDKIT} | ({"session": session} if session else {})
        return follow(one.context.docker, one.tar, options, _headers({}), one.log.write, one.look)


@contextmanager
def _session(one: _Build) -> Iterator[str]:
    """Open the session that BuildKit asks for logins and secrets. Without one, it cannot even ask a registry without a
    login; images on the host need none."""
    logins = {HUB_REGISTRY if host == DOCKER_HUB else host: login for host, login in _logins(one.context).items()}
    secrets = {name: value.encode() for name, value in one.order.secrets.items()}
    opened = attempt(lambda: one.context.docker.builds.open_session(logins, secrets), Failure)
    if isinstance(opened, Failure):
        one.log.say("Docker refused a session for this build, so it gets no secrets and no logins of registries.")
        if secrets:
            raise Failure(ErrorCode.BUILD_FAILED, "no session")
        yield ""
        return
    try:
        yield opened.id
    finally:
        opened.close()


def _explained(
    one: _Build, failure: Failure, missing: list[str], report: Callable[[Told], None], version: int
) -> Failure:
    """Note why a build failed, if that can be told from the Dockerfile and the builder; return the failure to raise."""
    if failure.code is not ErrorCode.BUILD_FAILED or failure.kind not in (STEP, REFUSED):
        return failure
    without_its_own_reader = one.dockerfile.syntax in missing and asks_for_dockers_own(one.dockerfile)
    read = replace(one.dockerfile, syntax="") if without_its_own_reader else one.dockerfile
    unknown = gaps(read, one.builder)
    if one.order.secrets and not one.builder.buildkit and not unknown:
        unknown = [Gap(_SECRETS)]
    for gap in unknown:
        report(_told(one.log, gap, one.builder, version))
    for image in missing if without_its_own_reader or not unknown else []:
        report(tell("base_not_pulled", version=version, image=image))
    return Failure(ErrorCode.BUILDER_TOO_OLD, STEP) if unknown else failure


def _told(log: BuildLog, gap: Gap, builder: Builder, version: int) -> Told:
    if not gap.since:
        told = tell("build_needs_buildkit", version=version, what=gap.what)
    else:
        told = tell("builder_too_old", version=version, what=gap.what, engine=builder.version, since=gap.since)
    log.say(told.text)
    return told


def labels_of(installation: str, workload: str, moment: datetime, **facts: str) -> dict[str, str]:
    """Return the labels of an image built here: the OCI ones, and its owner.

    Not the labels of a container: a container inherits an image's labels, and one that someone else starts from it
    would look like ours. facts: revision, source (an address without credentials), version.
    """
    oci = {"created": iso(moment) or "", **facts}
    return {f"org.opencontainers.image.{key}": value for key, value in oci.items()} | {
        BUILT_FOR: workload,
        BUILT_BY: installation,
    }


def _headers(logins: Mapping[str, Credentials]) -> dict[str, str]:
    known = json.dumps({host: auth_config(one) for host, one in logins.items()})
    return {
        "Content-Type": "application/x-tar",
        "X-Registry-Config": base64.urlsafe_b64encode(known.encode()).decode(),
    }


def _logins(context: Context) -> dict[str, Credentials]:
    with context.database.reading() as session:
        hosts = [row.host for row in accounts.registries(session)]
    found = {host: context.credentials_for(host) for host in hosts}
    return {host: one for host, one in found.items() if one is not None}

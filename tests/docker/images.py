"""Tiny images for the tests: nothing but Debian's static busybox, a page, and a way to behave.

Every image carries the label backstay.test=<session>; so does every container made of it, whoever makes it.
"""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import docker
from docker.errors import NotFound

LABEL = "backstay.test"
PORT = 8080
SECOND = 10**9
SERVE = f"exec httpd -f -p {PORT} -h /www"
FIRST = f"test $$ = 1 || {{ echo can only run as process 1; exit 100; }}; {SERVE}"
EAT = "exec dd if=/dev/zero of=/dev/null bs=200M count=1"
TOLD = "/tmp/told"  # in the container, which comes to its end when this file does
UNTIL_TOLD = f"httpd -p {PORT} -h /www; while [ ! -e {TOLD} ]; do sleep 0.1; done"
FOR_EVER = "sleep 97531"
SHOUT = "env; env >&2; env | busybox base64 -w 0; echo"
APPLETS = ("sh", "httpd", "sleep", "dd", "env", "cat", "echo", "wget", "nc", "kill", "touch", "test", "mkdir", "rm")


@dataclass(frozen=True)
class Behaviour:
    """What a container of the image does. `script` runs under sh; `healthz` is whether GET /healthz answers 200."""

    script: str = SERVE
    healthz: bool = True
    healthcheck: bool = False
    plain_healthcheck: bool = False  # one without options: Docker looks for the first time after half a minute
    start: str = "start"  # the name of the script; the entry is its path where it is executable
    on_build: str = ""  # a step of every build upon it


BEHAVIOURS: Mapping[str, Behaviour] = {
    "ok": Behaviour(),
    "broken_health": Behaviour(healthz=False),
    "exits": Behaviour("echo going down; exit 3"),
    # Bounded, so that a test that forgets the limit does not take the machine along: 200 MB, then the end.
    "eats_memory": Behaviour(EAT),
    # These serve until `bring_to_its_end`: after any time that a deploy takes on a busy machine.
    "eats_memory_when_told": Behaviour(f"{UNTIL_TOLD}; {EAT}"),
    "exits_when_told": Behaviour(f"{UNTIL_TOLD}; exit 4"),
    "never_listens": Behaviour("exec sleep 3600"),
    "slow_start": Behaviour(f"sleep 2; {SERVE}"),
    "ignores_sigterm": Behaviour("trap '' TERM; httpd -f -p 8080 -h /www"),
    "burns_cpu": Behaviour(f"httpd -p {PORT} -h /www; while :; do :; done"),
    # GET /env shows the environment; GET /state is what a volume at /data keeps across containers.
    "shows_env": Behaviour(f"env > /www/env; echo started >> /data/starts; {SERVE}"),
    # Print all that they were told, to both streams.
    "shouts": Behaviour(f"{SHOUT}; {SERVE}"),
    "shouts_and_exits": Behaviour(f"{SHOUT}; exit 5"),
    "slow_to_build_upon": Behaviour(on_build=f"RUN echo begun; {FOR_EVER}"),
    "leaves_a_file_when_built_upon": Behaviour(on_build="RUN echo triggered > /found"),
    # As the first program of many images does, which must be process 1.
    "must_be_first": Behaviour(FIRST),
    "has_its_own_init": Behaviour(FIRST, start="init"),
    "serves_beside": Behaviour(f"httpd -p {PORT} -h /www; exec sleep 3600"),  # its server may end, and it goes on
    "docker_healthy": Behaviour(healthcheck=True),
    "docker_healthy_by_default": Behaviour(healthz=False, plain_healthcheck=True),
    "docker_unhealthy": Behaviour(healthz=False, healthcheck=True),
}


@dataclass(frozen=True)
class Published:
    """An image that a registry has and the Docker host has not."""

    reference: str
    digest: str
    image_id: str


@dataclass
class Images:
    """Builds, publishes and forgets test images. One a session; `remove_all` at its end."""

    client: docker.DockerClient
    session: str
    logins: dict[str, dict[str, str]] = field(default_factory=dict)  # registry address -> {"username", "password"}

    def build(self, tag: str, page: str = "v1", behaviour: str = "ok") -> str:
        """Build `tag` on the Docker host: GET / answers `page`, GET /healthz 200. Answers the image id."""
        layer = _layer(BEHAVIOURS[behaviour], page)
        description = _description(BEHAVIOURS[behaviour], layer, {LABEL: self.session})
        image_id = f"sha256:{hashlib.sha256(description).hexdigest()}"
        if not self._is_tagged(image_id, tag):
            (image,) = self.client.images.load(_archive(tag, description, layer))
            assert image.id == image_id
        return image_id

    def _is_tagged(self, image_id: str, tag: str) -> bool:
        """Name an image that the host has already: most tests want the same few."""
        name, _, version = tag.rpartition(":")
        try:
            return self.client.api.tag(image_id, name, version)
        except NotFound:
            return False

    def build_base(self, tag: str, behaviour: str = "ok") -> str:
        """Build an image to build others upon. Like no other one: Docker does not remove what has children."""
        return self.build(tag, f"base {secrets.token_hex(8)}", behaviour)

    def push(self, tag: str) -> str:
        """Push what `tag` names to its registry; answers the digest that the registry gave it."""
        registry = tag.partition("/")[0]
        said = self.client.images.push(tag, auth_config=self.logins.get(registry), stream=True, decode=True)
        for line in said:
            if "error" in line:
                raise RuntimeError(line["error"])
            if digest := line.get("aux", {}).get("Digest"):
                return str(digest)
        raise RuntimeError("the registry gave no digest")

    def publish(self, tag: str, page: str = "v1", behaviour: str = "ok") -> Published:
        """Build and push, and forget the local copy, so that a deploy has to pull it."""
        image_id = self.build(tag, page, behaviour)
        digest = self.push(tag)
        self.forget(image_id)
        return Published(tag, digest, image_id)

    def forget(self, reference: str) -> None:
        """Remove an image from the Docker host, if it is there."""
        with suppress(NotFound):
            self.client.images.remove(reference, force=True)

    def remove_all(self) -> None:
        """Remove every container and every image of this session, the ones that the product pulled included."""
        only_mine = {"label": f"{LABEL}={self.session}"}
        for container in self.client.containers.list(all=True, filters=only_mine, ignore_removed=True):
            with suppress(NotFound):
                container.remove(force=True, v=True)
        # Not `images.list`, which asks for each once more and fails when another test has removed it meanwhile.
        for image in self.client.api.images(filters=only_mine):
            self.forget(image["Id"])


def bring_to_its_end(client: docker.DockerClient, container: str) -> None:
    """Have a container of an image that waits for it come to its end, and again each time it is started."""
    assert client.containers.get(container).exec_run(["touch", TOLD]).exit_code == 0


def image_archive(tag: str, behaviour: Behaviour, page: str, labels: dict[str, str]) -> tuple[bytes, str]:
    """An image as `docker load` takes it, and its id. The same content gives the same id, other content another."""
    layer = _layer(behaviour, page)
    description = _description(behaviour, layer, labels)
    return _archive(tag, description, layer), f"sha256:{hashlib.sha256(description).hexdigest()}"


@lru_cache(32)  # two megabytes each
def _layer(behaviour: Behaviour, page: str) -> bytes:
    files = {
        "www/index.html": page.encode(),
        behaviour.start: f"#!/bin/sh\n{behaviour.script}".encode(),
        "data/.keep": b"",
        "tmp/.keep": b"",
    }
    if behaviour.healthz:
        files["www/healthz"] = b"ok"
    files["bin/busybox"] = Path("/bin/busybox").read_bytes()
    return tar_of(files, links=[f"bin/{name}" for name in APPLETS])


def _description(behaviour: Behaviour, layer: bytes, labels: dict[str, str]) -> bytes:
    command = ["/bin/sh", "/start"] if behaviour.start == "start" else [f"/{behaviour.start}"]
    config: dict[str, Any] = {"Cmd": command, "Env": ["PATH=/bin"], "Labels": labels}
    config["ExposedPorts"] = {f"{PORT}/tcp": {}}
    if behaviour.healthcheck:
        probe = ["CMD", "wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{PORT}/healthz"]
        config["Healthcheck"] = {"Test": probe, "Interval": SECOND, "Timeout": 10 * SECOND, "Retries": 1}
    if behaviour.plain_healthcheck:
        config["Healthcheck"] = {"Test": ["CMD", "test", "-e", "/www"]}
    if behaviour.on_build:
        config["OnBuild"] = [behaviour.on_build]
    image = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "backstay tests"}],
    }
    return json.dumps(image, sort_keys=True).encode()


def _archive(tag: str, description: bytes, layer: bytes) -> bytes:
    config = f"{hashlib.sha256(description).hexdigest()}.json"
    manifest = [{"Config": config, "RepoTags": [tag], "Layers": ["layer.tar"]}]
    return tar_of({config: description, "layer.tar": layer, "manifest.json": json.dumps(manifest).encode()})


def tar_of(
    files: Mapping[str, bytes], links: Sequence[str] = (), programs: tuple[str, ...] = ("bin/", "init")
) -> bytes:
    """A tar of files; those whose names begin with one of `programs` can be executed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755 if name.startswith(programs) else 0o644
            archive.addfile(entry, io.BytesIO(content))
        for name in links:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    return buffer.getvalue()

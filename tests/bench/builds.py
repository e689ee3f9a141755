"""Building the same app again by BuildKit, beside the classic builder: after a change of its code, and of its packages.

The app has two stages that install a dozen packages each, which takes as long as compressing a few megabytes. The
Dockerfile for BuildKit keeps the packages in a cache mount; the classic builder has no such thing and installs all of
them again when one was added. Both builders are warm: the first two rounds are not counted.
"""

from __future__ import annotations

import io
import secrets
import tarfile
import time
from pathlib import Path

import docker

from tasks.docker.client import DockerEngine
from tasks.images.build import Order
from tasks.images.build_run import follow
from tests.bench.table import Line, medians
from tests.docker.images import Images
from tests.real_parts import docker_address

ROUNDS = 7
PACKAGES = 12
MOST_OF_PACKAGES = 0.34
STAGE = """FROM {base} AS {name}
COPY {name}/packages /packages
RUN {mount}mkdir -p /kept && while read p; do \
test -e /kept/$p || busybox dd if=/dev/urandom bs=1M count=6 | busybox gzip > /kept/$p; done < /packages; \
busybox du -s /kept > /installed
COPY {name}/code /code
RUN busybox sha256sum /code > /built
"""
MOUNT = "--mount=type=cache,id={id}-{name},target=/kept "
LAST = "FROM {base}\nCOPY --from=front /built /front\nCOPY --from=back /built /back\n"


def main(directory: Path) -> list[Line]:
    """Build, change, build again."""
    client = docker.DockerClient(base_url=docker_address(), timeout=60)
    engine = DockerEngine(docker_address())
    images = Images(client, secrets.token_hex(4))
    base, mark = f"bench-{secrets.token_hex(3)}:base", secrets.token_hex(4)
    images.build_base(base)
    tags = [f"bench-{mark}:buildkit", f"bench-{mark}:classic"]
    try:
        lines = []
        for what, most in (("code", None), ("packages", MOST_OF_PACKAGES)):

            def build(number: int, buildkit: bool, what: str = what) -> None:
                tar = context(base, mark, buildkit, what)
                options = Order("Dockerfile", tags[not buildkit]).options() | ({"version": "2"} if buildkit else {})
                follow(engine, tar, options, {"Content-Type": "application/x-tar"}, lambda _: None, lambda: None)

            ours, classic = medians(ROUNDS, lambda number: build(number, True), lambda number: build(number, False))
            title = f"built again, {what} changed: BuildKit / the classic builder"
            lines.append(Line(title, ours, "ms", classic, most))
        return lines
    finally:
        for name in (*tags, base):
            images.forget(name)
        engine.close()
        client.close()


def context(base: str, mark: str, buildkit: bool, changed: str) -> io.BytesIO:
    """The app as a tar, with another change at each call."""
    code = str(time.time_ns())
    packages = [f"p{number}" for number in range(PACKAGES)] + ([f"new{code}"] if changed == "packages" else [])
    names = ("front", "back")
    mounts = {name: MOUNT.format(id=mark, name=name) if buildkit else "" for name in names}
    dockerfile = "".join(STAGE.format(base=base, name=name, mount=mounts[name]) for name in names)
    files = {"Dockerfile": dockerfile + LAST.format(base=base)}
    for name in names:
        files |= {f"{name}/packages": "\n".join(packages) + "\n", f"{name}/code": code}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))
    buffer.seek(0)
    return buffer

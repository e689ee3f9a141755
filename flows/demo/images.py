"""The images of `make demo`: a static busybox and a page, built from scratch, so that no registry is needed. Pure.

Version 1 and 2 breathe, so that the chart moves; version 3 has no /healthz and fails its health gate.
"""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass

PORT = 8080
REPOSITORY = "localhost/backstay-demo"
# `localhost/` is no registry that responds: the deploy uses the image on the host.

_DOCKERFILE = b"""FROM scratch
COPY busybox /bin/busybox
COPY www /www
COPY serve /serve
ENV PATH=/bin
ENTRYPOINT ["/bin/busybox", "sh", "/serve"]
"""

# Busy for a part of each second, varying over a minute, with some memory allocated.
_SERVE = """busybox httpd -p {port} -h /www
held=$(busybox head -c {held} /dev/zero | busybox tr '\\0' x)
while :; do
  second=$(( $(busybox date +%s) % 60 ))
  [ $second -gt 30 ] && second=$(( 60 - second ))
  rounds=$(( {rounds} * (10 + second) )); i=0
  while [ $i -lt $rounds ]; do i=$((i + 1)); done
  extra=$(busybox head -c $(( {held} * second / 60 )) /dev/zero | busybox tr '\\0' x)
  busybox sleep 1
done
"""

_PAGE = """<!doctype html><meta charset="utf-8"><title>demo {version}</title>
<body style="font:600 3rem system-ui;display:grid;place-items:center;min-height:90vh;color:{colour}">
<p>demo, version {version}</p>
"""


@dataclass(frozen=True)
class DemoVersion:
    """One version of the demo: its tag, its CPU load and its memory (bytes)."""

    tag: str
    colour: str
    rounds: int
    held: int
    healthy: bool

    @property
    def image(self) -> str:
        """The reference that a spec names."""
        return f"{REPOSITORY}:{self.tag}"

    @property
    def page(self) -> bytes:
        """The page that it serves."""
        return _PAGE.format(version=self.tag, colour=self.colour).encode()


VERSIONS = (
    DemoVersion("1", "#0f766e", rounds=250, held=6_000_000, healthy=True),
    DemoVersion("2", "#6d28d9", rounds=700, held=14_000_000, healthy=True),
    DemoVersion("3", "#b91c1c", rounds=250, held=6_000_000, healthy=False),
)


def build_context(version: DemoVersion, busybox: bytes) -> bytes:
    """Return the tar from which the Engine builds the image."""
    files: dict[str, tuple[bytes, int]] = {
        "Dockerfile": (_DOCKERFILE, 0o644),
        "busybox": (busybox, 0o755),
        "serve": (_SERVE.format(port=PORT, held=version.held, rounds=version.rounds).encode(), 0o644),
        "www/index.html": (version.page, 0o644),
    }
    if version.healthy:
        files["www/healthz"] = (b"ok\n", 0o644)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()

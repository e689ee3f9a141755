"""What the pictures tell: three apps and their versions, up to a leak that has to be rolled back.

Each version is an image as well: its container holds the memory, uses roughly the CPU and leaks at the rate told here,
so that the samples of the Backstay that runs continue those that were written for the time before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any

from db.states import ErrorCode, Trigger
from tests.docker.images import PORT, Behaviour

USER = "anna"
MIB = 1024 * 1024
ROUNDS_PER_PERCENT = 8000  # of a loop in busybox's shell, once per second
# Held in /dev/shm, which counts as used memory; a file of the image would be cache.
SCRIPT = """trap 'exit 0' TERM
httpd -p {port} -h /www
echo "{name} {tag} serves on port {port}"
busybox head -c {held} /dev/zero > /dev/shm/held
second=0
while :; do
  i=0; while [ $i -lt {rounds} ]; do i=$((i + 1)); done
  second=$((second + 1))
  busybox head -c {leaks} /dev/zero >> /dev/shm/held
  [ $((second % 5)) -eq 0 ] && echo "batch $((second / 5)): cache $(busybox stat -c %s /dev/shm/held) bytes"
  sleep 1
done
"""


@dataclass(frozen=True)
class Version:
    """One version: how many hours ago it was deployed, and how it behaves.

    cpu: percent of a core; memory: MiB; leak: MiB per hour. env: changes of the spec before the deploy. fails: the
    code that the deploy ends with, in the health check.
    """

    tag: str
    hours: float
    cpu: float
    memory: float
    leak: float = 0.0
    actor: str = USER
    trigger: Trigger = Trigger.UI
    env: dict[str, str] = field(default_factory=dict)
    fails: ErrorCode | None = None


@dataclass(frozen=True)
class App:
    """One app. limit: MiB. With `url` it is built from a git repository, else it is an image."""

    name: str
    limit: int
    versions: tuple[Version, ...]
    url: str = ""
    env: dict[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    is_published: bool = False

    def image(self, version: Version) -> str:
        """The name of a version's image."""
        return f"localhost/{self.name}:{version.tag}"

    def spec(self, port: int) -> dict[str, Any]:
        """The spec that the app was created with; `port` is the one that it publishes, if it does."""
        image = {"kind": "image", "image": self.image(self.versions[0])}
        return {
            "name": self.name,
            "source": {"kind": "git", "url": self.url, "ref": "main"} if self.url else image,
            "ports": [{"container": PORT, **({"host": port} if self.is_published else {})}],
            "env": self.env,
            "secrets": {name: token_urlsafe() for name in self.secrets},
            "health": {"http": "/healthz"},
            "resources": {"memory_mb": self.limit},
        }

    def behaviour(self, version: Version) -> Behaviour:
        """What a container of a version does. It starts with the memory that the version has come to hold by now."""
        script = SCRIPT.format(
            name=self.name,
            tag=version.tag,
            port=PORT,
            held=round((version.memory + version.leak * version.hours) * MIB),
            rounds=round(version.cpu * ROUNDS_PER_PERCENT),
            leaks=round(version.leak * MIB / 3600),
        )
        return Behaviour(script, healthz=version.fails is None)


CI: Any = {"actor": "token:ci", "trigger": Trigger.API}
PUSH: Any = {"actor": "boris", "trigger": Trigger.WEBHOOK}

APPS = (
    App(
        "shop",
        80,
        (
            Version("2.3.0", 46, cpu=9.5, memory=24),
            Version("2.3.1", 27, cpu=6, memory=24, **CI),
            Version("2.4.0", 5.6, cpu=6, memory=24, fails=ErrorCode.HEALTH_TIMEOUT, **CI),
            Version("2.4.1", 5.2, cpu=6.2, memory=25, **CI),
            Version("2.5.0", 3.1, cpu=6.6, memory=25, leak=11, env={"CACHE_LIMIT": "none"}),
        ),
        env={"CACHE_LIMIT": "16 MiB", "LOG_LEVEL": "info"},
        secrets=("DATABASE_PASSWORD",),
        is_published=True,
    ),
    App(
        "search",
        64,
        (
            Version("main-1", 45, cpu=3.2, memory=34, **PUSH),
            Version("main-2", 20, cpu=3, memory=21, **PUSH),
        ),
        url="https://git.example/team/search.git",
    ),
    App(
        "mailer",
        32,
        (
            Version("1.8.2", 44, cpu=1.2, memory=9),
            Version("1.9.0", 12, cpu=1.3, memory=9.5),
            Version("1.9.1", 0.7, cpu=1, memory=9, fails=ErrorCode.EXITED_EARLY, **CI),
        ),
    ),
)

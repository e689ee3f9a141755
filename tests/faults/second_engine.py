"""A second Docker Engine that a test may kill: dockerd and containerd with their own disk, bridge and socket.

It leaves iptables alone, so that it does not fight with the machine's own Engine: docker-proxy serves published ports.
containerd is started beside it, as a distribution does, not by dockerd: when that is killed, containers live on.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
import psutil
from docker.errors import DockerException

from tests.real_parts import stop, wait_until

READY_WITHIN_S = 40  # without live-restore a dockerd that was killed stops what still runs before it answers
CONTAINERD = """
version = 2
root = "{home}/containerd-root"
state = "{home}/containerd-state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{home}/containerd.sock"
"""


class SecondEngine:
    """Not running at first. `home` is a short path: a socket's name has 108 characters at most.

    With `own_path` its programs are found in a directory of links, from which `without` takes some away.
    """

    def __init__(self, home: Path, *, own_path: bool = False) -> None:
        self.home = home
        self.address = f"unix://{home}/docker.sock"
        self._bridge = f"bst{secrets.token_hex(4)}"
        self._containerd: subprocess.Popen[bytes] | None = None
        self._dockerd: subprocess.Popen[bytes] | None = None
        home.mkdir(parents=True, exist_ok=True)
        (home / "containerd.toml").write_text(CONTAINERD.format(home=home))
        self._programs = _linked(home / "programs") if own_path else None
        self._ip("link", "add", self._bridge, "type", "bridge")
        self._ip("addr", "add", f"10.213.{secrets.randbelow(250)}.1/24", "dev", self._bridge)
        self._ip("link", "set", self._bridge, "up")

    def start(self) -> None:
        """Start what does not run, and wait until it answers."""
        socket = self.home / "containerd.sock"
        if self._containerd is None:
            socket.unlink(missing_ok=True)
            command = ["containerd", "--config", str(self.home / "containerd.toml"), "--log-level", "warn"]
            self._containerd = self._spawn(command)
            wait_until(socket.exists, READY_WITHIN_S, self._said)
        (self.home / "dockerd.pid").unlink(missing_ok=True)
        self._dockerd = self._spawn(
            [
                "dockerd",
                *("--host", self.address, "--containerd", str(socket), "--pidfile", str(self.home / "dockerd.pid")),
                *("--data-root", str(self.home / "data"), "--exec-root", str(self.home / "exec")),
                *("--bridge", self._bridge, "--iptables=false", "--ip-masq=false", "--log-level", "warn"),
            ]
        )
        wait_until(self._answers, READY_WITHIN_S, self._said)

    @contextmanager
    def without(self, program: str) -> Iterator[None]:
        """Take a program of the machine away from it."""
        assert self._programs is not None
        link = self._programs / program
        target = link.readlink()
        link.unlink()
        try:
            yield
        finally:
            link.symlink_to(target)

    def heal(self) -> None:
        """Start again what an earlier test has left dead."""
        if self._dockerd is None or self._dockerd.poll() is not None:
            self.start()

    def kill(self) -> None:
        """kill -9 of dockerd. containerd and the containers live on; nobody serves their published ports any more."""
        assert self._dockerd is not None
        os.killpg(self._dockerd.pid, signal.SIGKILL)
        self._dockerd.wait()
        self._dockerd = None

    def cut_the_power(self) -> None:
        """kill -9 of all that there is: dockerd, containerd, and every container."""
        self.kill()
        assert self._containerd is not None
        self._containerd.kill()
        self._containerd.wait()
        self._containerd = None
        self._kill_containers()

    def close(self) -> None:
        """End it, with its containers, its mounts and its bridge."""
        for process in (self._dockerd, self._containerd):
            if process is not None:
                stop(process)
        self._kill_containers()
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((one for one in mounts if one.startswith(f"{self.home}/")), reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=False)
        self._ip("link", "del", self._bridge)

    def _kill_containers(self) -> None:
        """The processes of its containers: each hangs below a shim that was given our containerd's address."""
        for shim in psutil.process_iter(["cmdline"]):
            if f"{self.home}/containerd.sock" in (shim.info["cmdline"] or []) and "-namespace" in shim.info["cmdline"]:
                with suppress(psutil.NoSuchProcess):
                    for process in [*shim.children(recursive=True), shim]:
                        with suppress(psutil.NoSuchProcess):
                            process.kill()

    def _answers(self) -> bool:
        assert self._dockerd is not None
        assert self._dockerd.poll() is None, self._said()
        with suppress(DockerException):
            client = docker.DockerClient(base_url=self.address, timeout=5)
            try:
                return bool(client.ping())
            finally:
                client.close()
        return False

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.home / "log").open("ab") as log:
            path = {"PATH": str(self._programs)} if self._programs else {}
            return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, env=os.environ | path)

    def _said(self) -> str:
        return (self.home / "log").read_text(errors="replace")[-2000:]

    @staticmethod
    def _ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _linked(directory: Path) -> Path:
    """Links to all programs of the machine."""
    directory.mkdir()
    for place in ("/usr/sbin", "/usr/bin", "/sbin", "/bin"):
        for program in Path(place).iterdir():
            with suppress(FileExistsError):
                (directory / program.name).symlink_to(program)
    return directory

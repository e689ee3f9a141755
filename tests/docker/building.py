"""Builds of a directory by the product, and what of them runs: a step of BuildKit has no container, only a process."""

from __future__ import annotations

import io
import secrets
import shutil
import tarfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import docker
import psutil

from db.messages.events import Told
from tasks.context import Context, now
from tasks.images import build_log
from tasks.images.build import Order, build, labels_of
from tasks.images.build_context import pack
from tasks.images.build_log import BuildLog
from tests.docker.images import LABEL, Images


@dataclass
class Building:
    """Builds what `directory` holds; the log is that of version 1 of workload 1. `base` is an image to build on."""

    context: Context
    client: docker.DockerClient
    images: Images
    name: str
    directory: Path
    notes: list[Told] = field(default_factory=list)

    @property
    def base(self) -> str:
        """The name of a base image of its own."""
        return f"{self.name}-base:1"

    @property
    def tag(self) -> str:
        """The name that the images get."""
        return f"{self.name}:built"

    def build(
        self,
        dockerfile: str,
        files: Mapping[str, str] | None = None,
        look: Callable[[], None] = lambda: None,
        args: Mapping[str, str] | None = None,
        target: str = "",
        passed: Mapping[str, str] | None = None,
        mtime: int = 0,
    ) -> str:
        """Build a Dockerfile with these files beside it; answers the image's id. `passed`: build secrets."""
        shutil.rmtree(self.directory, ignore_errors=True)
        for name, content in {"page": "hello", "Dockerfile": dockerfile, **(files or {})}.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        tar = io.BytesIO()
        pack(self.directory, "Dockerfile", tar, mtime)
        labels = labels_of(self.context.installation, self.name, now(), revision="abc") | {LABEL: self.images.session}
        labels.pop("org.opencontainers.image.created")  # so that the same gives the same
        order = Order("Dockerfile", self.tag, labels, args or {}, target, passed or {})
        log = BuildLog(self.context, self.name, 1, 1)
        try:
            return build(self.context, tar, order, log, look, self.notes.append, 1)
        finally:
            log.close()

    @property
    def log(self) -> str:
        """The log of the last build."""
        return build_log.path_of(self.context.settings, 1, 1).read_text()

    def said(self, image: str, *command: str) -> str:
        """What a command in a container of an image prints."""
        labels = {LABEL: self.images.session}
        container = self.client.containers.run(image, list(command), detach=True, labels=labels)
        try:
            container.wait()  # what is read while it still runs may lack the last line
            return str(container.logs().decode())
        finally:
            container.remove(force=True)

    def holds(self, image: str, words: str) -> bool:
        """Whether any byte of an image, its history and its configuration included, says these words."""
        with tarfile.open(fileobj=io.BytesIO(b"".join(self.client.images.get(image).save()))) as archive:
            found = any(words.encode() in file.read() for one in archive if (file := archive.extractfile(one)))
        return found or words in str(self.client.api.history(image)) + str(self.client.api.inspect_image(image))


def a_long_sleep() -> str:
    """A command that no other test runs and that lasts longer than any."""
    return f"sleep {1000 + secrets.randbelow(1_000_000)}"


def is_running(command: str) -> bool:
    """Whether the machine runs a process of exactly this command: a step of a build."""
    words = command.split()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cmdline() == words:
                return True
    return False

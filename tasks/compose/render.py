"""A compose file through `docker compose config`, with the variables of the spec and marks for its secrets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from db.states import ErrorCode
from tasks.compose import cli, env_files, model, warning_log
from tasks.compose.opened_files import EnvFile
from tasks.failures import Failure, translated
from tasks.job import Job


@dataclass(frozen=True)
class Files:
    """What is read. `tree`: the directory that nothing is read outside of. `folder`: the one of the project, in it.
    `names`: of the files in their order, or `-` for `text`."""

    tree: Path
    folder: Path
    names: Sequence[str]
    env_files: Sequence[EnvFile]
    text: bytes = b""


class Render:
    """A file as Docker Compose renders it. `as_written` has its paths as the file has them, after interpolation.

    Raises Failure as tasks.compose.cli.config does; what is known of the reason is noted.
    """

    def __init__(self, job: Job, project: str, profiles: Sequence[str], files: Files) -> None:
        self._job, self._project, self._files = job, project, files
        self._arguments = [word for file in files.names for word in ("--file", file)]
        self._arguments += [word for profile in profiles for word in ("--profile", profile)]
        self.model = self._rendered()

    @cached_property
    def as_written(self) -> dict[str, Any]:
        """The file with its paths as written."""
        return self._rendered("--no-path-resolution")

    def _rendered(self, *options: str) -> dict[str, Any]:
        marked = model.marks(self._job.release.get("secrets", []))
        values = {**self._job.release.get("env", {}), **marked}
        with env_files.provided(self._files.tree, self._files.env_files, values):
            said = self._read([*self._arguments, "config", "--format", "json", *options], values)
        return translated(
            lambda: model.unmarked(said, marked), ValueError, into=Failure(ErrorCode.INVALID_SOURCE, cli.REFUSED)
        )

    def _read(self, arguments: list[str], values: dict[str, str]) -> bytes:
        files, heard = self._files, warning_log.listener(self._job)  # notes the same warning once
        try:
            return cli.config(self._job.context, self._project, files.folder, arguments, values, files.text, heard)
        except Failure as failure:
            missing = env_files.missing(files.tree, files.env_files)
            warning_log.note_why_unread(self._job, failure, missing)
            raise

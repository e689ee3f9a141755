"""Docker Compose, the program: finding it and running it, with an environment of its own.

It gets no credentials, no user's configuration and no variable of ours or of a spec (tasks.compose.variables): images
are on the host before it is called. Its output goes to the redacted log and nowhere else.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from db.settings import Settings
from db.states import ErrorCode
from tasks.compose.variables import handed_over
from tasks.context import Context
from tasks.failures import Failure, translated
from tasks.system import limited, processes
from tasks.system.file_locks import locked

OLDEST = (2, 24)  # the first with all features used here: `content` of configs, `up --pull never`
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PLUGINS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
CONFIG_TIMEOUT_S = 60.0
# A file of 30 services with 40 variables each takes 90 MB, 0.2 s and 85 kB; 400 bytes of aliases take what they get.
CONFIG_LIMITS = limited.Limits(data_bytes=512_000_000, cpu_s=10, output_bytes=8_000_000)
_COMPLAINED = 1  # its exit code when it dislikes a file; any other is a crash of the program, or a signal
LOCK_TIMEOUT_S = 60.0
GRACE_S = 15.0
LOOK_EVERY_S = 0.25
OUTPUT_LINES = 100
TOO_LARGE, REFUSED = "too large", "compose"  # kinds of Failure(invalid_source)


@dataclass(frozen=True)
class Found:
    """The program and its version, as it prints it."""

    path: str
    version: str


def find(settings: Settings) -> Found | None:
    """Return the first program that works: the one that the setting names, Docker's plugin, docker-compose on the path,
    or the one installed beside our Python. None when there is none, or it is too old."""
    for path in _candidates(settings):
        version = _version(path)
        if version is not None and _numbers(version) >= OLDEST:
            return Found(path, version)
    return None


def needed(context: Context) -> Found:
    """Return the program. Raises Failure(compose_missing)."""
    found = find(context.settings)
    if found is None:
        context.log.error("there is no Docker Compose %s or newer here", ".".join(map(str, OLDEST)))
        raise Failure(ErrorCode.COMPOSE_MISSING, "absent")
    return found


def config(
    context: Context,
    project: str,
    folder: Path,
    arguments: Sequence[str],
    variables: Mapping[str, str],
    text: bytes = b"",
    heard: Callable[[bytes], None] = lambda _: None,
) -> bytes:
    """Return the output of `docker compose config` for the files that `arguments` name, or for `text` with `-f -`.
    `heard` is handed its error output, where its warnings are, also when it fails.

    Reads files, and contacts no registry and no Engine. Raises Failure: compose_missing, and invalid_source, of the
    kind TOO_LARGE when that takes more time or memory than any file that people write.
    """
    with _spec_of(variables) as (env_file, values):
        argv = [*_program(context), "--project-name", project, "--project-directory", str(folder)]
        argv += ["--env-file", f"/proc/self/fd/{env_file}", *arguments]

        def run() -> limited.Ended:
            return limited.run(
                argv,
                CONFIG_TIMEOUT_S,
                CONFIG_LIMITS,
                env=_environment(values),
                cwd=folder,
                stdin=text,
                pass_fds=[env_file],
            )

        ended = translated(run, OSError, into=Failure(ErrorCode.COMPOSE_MISSING, "vanished"))
    done = ended.finished
    heard(done.stderr)
    said = {"project": project, "output": done.stderr.decode(errors="replace")[-8000:]}
    if done.timed_out or ended.is_cut or done.code not in {0, _COMPLAINED}:
        context.log.error("docker compose takes too much for the file", extra=said | {"code": done.code})
        raise Failure(ErrorCode.INVALID_SOURCE, TOO_LARGE)
    if done.code != 0:
        context.log.error("docker compose refuses the file", extra=said)
        raise Failure(ErrorCode.INVALID_SOURCE, REFUSED)
    if done.stderr.strip():
        context.log.warning("docker compose warns about the file", extra=said)
    return done.stdout


def up(
    context: Context,
    project: str,
    file: str,
    variables: Mapping[str, str],
    timeout_s: float,
    raise_if_cancelled: Callable[[], None],
    heard: Callable[[Sequence[str]], None] = lambda _: None,
) -> bool:
    """Converge the containers on `file`; return whether that succeeded. Containers that already match are not touched.
    `heard` is handed the last lines of its output, which may quote the file.

    `raise_if_cancelled` is polled and may raise. One at a time per project, also across a crash of ours: waits for a
    program that a dead engine left behind. Raises Failure(compose_missing), and what the check raises.
    """
    program = _program(context, "--host", context.settings.engine_address)
    path = home(context) / f"{project}.json"
    # The program inherits the lock, so that an engine started after a crash of this one waits until it has exited.
    with (
        locked(home(context) / f"{project}.lock", _with_deadline(raise_if_cancelled)) as lock,
        _spec_of(variables) as given,
    ):
        env_file, values = given
        draft = path.with_suffix(".draft")
        draft.write_text(file)
        draft.replace(path)
        argv = [*program, "--ansi", "never", "--progress", "plain", "--project-name", project]
        # A file contains no path of ours; an empty one would resolve to this directory.
        argv += ["--project-directory", str(home(context) / "empty"), "--env-file", f"/proc/self/fd/{env_file}"]
        argv += ["--file", str(path)]
        argv += ["up", "--detach", "--pull", "never", "--no-build", "--remove-orphans"]
        child = processes.spawn(argv, _environment(values), cwd=home(context), pass_fds=[lock, env_file])
        code, lines = _followed(child, timeout_s, raise_if_cancelled)
    heard(lines)
    said = {"project": project, "code": code, "output": "\n".join(lines)}
    context.log.log(logging.INFO if code == 0 else logging.ERROR, "docker compose up", extra=said)
    return code == 0


def forget(context: Context, project: str) -> None:
    """Remove the files of a removed project. Its lock file stays: another process might hold it."""
    (home(context) / f"{project}.json").unlink(missing_ok=True)


def home(context: Context) -> Path:
    """Return the program's home directory: files of ours, none of a user's."""
    folder = context.settings.home / "compose"
    for one in (folder, folder / "docker", folder / "empty"):
        one.mkdir(mode=0o700, exist_ok=True)
    return folder


def _candidates(settings: Settings) -> Iterator[str]:
    if settings.compose:
        yield settings.compose  # and no other: the setting is binding
        return
    own = Path(os.environ.get("DOCKER_CONFIG") or "~/.docker").expanduser() / "cli-plugins"
    for folder in (str(own), *PLUGINS):
        yield f"{folder}/docker-compose"
    yield shutil.which("docker-compose") or ""
    yield str(Path(sys.executable).parent / "docker-compose")


def _version(path: str) -> str | None:
    if not path or not os.access(path, os.X_OK):
        return None
    try:
        done = processes.run([path, "version", "--short"], 10, env={"PATH": SEARCH_PATH, "HOME": "/nonexistent"})
    except OSError:
        return None
    return done.stdout.decode(errors="replace").strip().removeprefix("v") if done.code == 0 else None


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split("-", maxsplit=1)[0].split("+", maxsplit=1)[0].split(".")
    return tuple(int(part) for part in parts if part.isdigit())


def _program(context: Context, *options: str) -> list[str]:
    """Return how a command begins: as Docker's command line calls its plugin. Only there the directory of its
    configuration and the Engine's address are options, and need not be variables, which a compose file could read."""
    return [needed(context).path, "--config", str(home(context) / "docker"), *options, "compose"]


def _environment(values: Mapping[str, str]) -> dict[str, str]:
    return {
        **values,
        "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND": "docker",  # makes it a plugin
        # A file must not include others from the network: a deploy runs exactly what was pinned.
        "COMPOSE_EXPERIMENTAL_GIT_REMOTE": "false",
        "COMPOSE_EXPERIMENTAL_OCI_REMOTE": "false",
        "COMPOSE_MENU": "false",
    }


@contextmanager
def _spec_of(variables: Mapping[str, str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield an env file, as a descriptor that the program is passed, and the environment that it needs."""
    text, values = handed_over(variables)
    descriptor = os.memfd_create("env", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
        yield descriptor, values
    finally:
        os.close(descriptor)


def _with_deadline(raise_if_cancelled: Callable[[], None]) -> Callable[[], None]:
    """Return `raise_if_cancelled` with a deadline for waiting for a lock. Raises Failure."""
    deadline = time.monotonic() + LOCK_TIMEOUT_S

    def look() -> None:
        raise_if_cancelled()
        if time.monotonic() > deadline:
            raise Failure(ErrorCode.INTERNAL, "compose lock")

    return look


def _followed(
    child: processes.Child, timeout_s: float, raise_if_cancelled: Callable[[], None]
) -> tuple[int | None, Sequence[str]]:
    lines: deque[str] = deque(maxlen=OUTPUT_LINES)
    reader = threading.Thread(target=lambda: lines.extend(child.lines()), daemon=True)
    reader.start()
    deadline = time.monotonic() + timeout_s
    try:
        while (code := child.wait(LOOK_EVERY_S)) is None and time.monotonic() < deadline:
            raise_if_cancelled()
    finally:
        if child.poll() is None:
            processes.terminate(child, GRACE_S)
        reader.join(GRACE_S)
    return code, list(lines)

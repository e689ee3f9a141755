"""The images that a Dockerfile builds on: pulled by us where the host lacks them, with the stored logins.

So they stay on the host, and building the same again needs no registry. See docs/decisions/0021-builds-by-buildkit.md.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable
from typing import IO

from db.states import ErrorCode
from tasks.context import Context
from tasks.failures import Failure, attempt
from tasks.image_reference import parse_reference
from tasks.images import dockerfile
from tasks.images.build_log import BuildLog
from tasks.images.dockerfile import Dockerfile

_FIRST_LINE = 1_000
LARGEST = 200_000  # bytes of a Dockerfile that are read here; the builder reads all of it
_ENDS = (ErrorCode.CANCELLED, ErrorCode.INTERRUPTED, ErrorCode.BUILD_FAILED)  # of `look`, not of a pull


def in_tar(tar: IO[bytes], name: str) -> Dockerfile:
    """Return the Dockerfile in a build context; an empty one if there is none. Leaves the tar at its beginning."""
    try:
        with tarfile.open(fileobj=tar, mode="r:") as archive:
            file = archive.extractfile(name)
            text = file.read(LARGEST).decode(errors="replace") if file else ""
    except (KeyError, tarfile.TarError):
        text = ""
    tar.seek(0)
    return dockerfile.parse(text)


def drop_syntax(tar: IO[bytes], name: str) -> None:
    """Turn the syntax line of the Dockerfile in a build context into a comment, in place."""
    with tarfile.open(fileobj=tar, mode="r:") as archive:
        member = archive.getmember(name)
        file = archive.extractfile(member)
        begins = file.read(_FIRST_LINE) if file else b""
    if member.isfile():
        tar.seek(member.offset_data)
        tar.write(dockerfile.without_syntax(begins))
    tar.seek(0)


def bring(context: Context, images: Iterable[str], log: BuildLog, look: Callable[[], None]) -> list[str]:
    """Pull the images that the host lacks; return those that could not be pulled. Raises what `look` raises.

    Without one the build goes on: the builder may know better, and says why it fails.
    """
    missing: list[str] = []
    for image in images:
        reference = parse_reference(image)
        if reference is None or context.docker.images.inspect(image) is not None:
            continue
        log.say(f"Pulling {image}")
        name, login = reference.digest or reference.tag or "latest", context.credentials_for(reference.host)
        pulled = attempt(lambda: context.docker.images.pull(reference.repository, name, login, look), Failure)  # noqa: B023
        if isinstance(pulled, Failure):
            if pulled.code in _ENDS:
                raise pulled.with_traceback(None)
            log.say(f"{image} could not be pulled ({pulled.code})")
            missing.append(image)
    return missing

"""Compose services that are built: from a checkout, by the Engine, with the builder that git workloads use.

Their images carry no time and no commit, so that building the same again with the Engine's cache gives the same image,
and a deploy does not replace a service that did not change.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from db import images
from tasks.context import now
from tasks.failures import Failure
from tasks.images.build import BUILT_BY, BUILT_FOR, Order, build, labels_of
from tasks.images.build_context import directory_inside, file_inside, pack
from tasks.images.build_log import BuildLog
from tasks.images.retention import prefix
from tasks.job import Job

# Keys that the builder implements, and keys that only affect how a build is done.
KNOWN = frozenset({"context", "dockerfile", "args", "target"})
LEFT_OUT = frozenset({"tags", "cache_from", "cache_to", "no_cache", "pull", "labels", "provenance", "sbom"})


def relative(builds: Mapping[str, Mapping[str, Any]], tree: Path) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return service -> its build recipe, with the context relative to the checkout; and the services that cannot be
    built: from elsewhere, without a Dockerfile in the context, with keys that the builder lacks, or with a secret as an
    argument, which an image keeps. `tree` is a path without links."""
    found, refused = {}, []
    for name, recipe in builds.items():
        place = os.path.realpath(recipe.get("context") or "")
        dockerfile = os.path.relpath(Path(place, recipe.get("dockerfile") or "Dockerfile"), place)
        strange = {key for key in recipe if key not in KNOWN | LEFT_OUT and not key.startswith("x-")}
        arguments = {key: str(value) for key, value in (recipe.get("args") or {}).items() if value is not None}
        if strange or not _is_there(tree, place, dockerfile) or any(map(_has_a_secret, arguments.values())):
            refused.append(name)
            continue
        kept = {"target": recipe["target"]} if recipe.get("target") else {}
        kept |= {"dockerfile": dockerfile} if recipe.get("dockerfile") else {}
        plain = {key: value.replace("$$", "$") for key, value in arguments.items()}
        found[name] = kept | {"context": os.path.relpath(place, tree), "args": plain}
    return found, refused


def _is_there(tree: Path, place: str, dockerfile: str) -> bool:
    if not PurePosixPath(place).is_relative_to(tree):
        return False
    try:
        file_inside(Path(place), dockerfile)
        return ".." not in PurePosixPath(dockerfile).parts
    except Failure:
        return False


def _has_a_secret(argument: str) -> bool:
    return "${" in argument.replace("$$", "")


def build_all(job: Job, builds: Mapping[str, Mapping[str, Any]], tree: Path, address: str) -> dict[str, str]:
    """Build every service; return service -> image id. Services with the same recipe are built once.

    Raises Failure: build_failed, invalid_source, and what `job.check_cancelled` raises.
    """
    log = BuildLog(job.context, job.workload.name, job.deploy.workload_id, job.deploy.version)
    built: dict[str, str] = {}
    found: dict[str, str] = {}
    try:
        for name, build in sorted(builds.items()):
            made_of = json.dumps(build, sort_keys=True)
            if made_of not in built:
                log.say(f"Building the service {name}")
                built[made_of] = _build(job, name, build, tree, address, log)
            found[name] = built[made_of]
    finally:
        log.close()
    return found


def _build(job: Job, name: str, recipe: Mapping[str, Any], tree: Path, address: str, log: BuildLog) -> str:
    place = directory_inside(tree, recipe["context"])
    dockerfile = recipe.get("dockerfile", "Dockerfile")
    tag = f"{prefix(job.context.installation)}{job.workload.name}:built-{name[:100]}"
    order = Order(dockerfile, tag, _labels(job, address), recipe["args"], recipe.get("target") or "")
    job.context.settings.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=job.context.settings.work) as tar:
        # The current time on every file: web servers derive their ETag from it, and the builder's cache ignores it.
        pack(place, dockerfile, tar, int(time.time()))
        image_id = build(job.context, tar, order, log, job.check_cancelled, job.notes.append, job.deploy.version)
    with job.context.database.writing() as session:
        images.remember(session, job.deploy.host, image_id, now())
    return image_id


def _labels(job: Job, address: str) -> dict[str, str]:
    """Return labels that are the same for every build of a source: others would give the same files another image."""
    own = (BUILT_FOR, BUILT_BY)
    every = labels_of(job.context.installation, job.workload.name, now(), source=address)
    return {key: value for key, value in every.items() if key in own or key.endswith(".source")}

"""A compose file is read and every reason against it is collected, for a deploy and for a check alike.

A deploy stores what comes of it; a check only tells the reasons. Changes nothing: runs `docker compose config`, reads
the app's own directory, and asks whom it is handed for the names of other containers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from db import adopted
from db.messages.file_problems import ALLOWABLE, FileProblem
from db.messages.problem_base import Problem
from tasks.compose import builds, checkout, cli, model, own_files, policy, secret_files
from tasks.compose.own_files import Mount
from tasks.compose.reading import config_errors, external_files, opened_files, pruned
from tasks.compose.reading.render import Files, Render, Unrendered, Values
from tasks.context import Context
from tasks.failures import Failure, attempt
from tasks.labels import INSTALLATION, WORKLOAD
from tasks.sources.compose import DEFAULT_FILE, may_be_allowed
from tasks.sources.invalid_spec import Reason

Model = dict[str, Any]
STAND_IN = "1"  # for a variable that has no value: a text, a number and a port
MOST_TRIES = 20
TRIES_S = 20.0  # no further try begins after as many seconds
# What may be wrong only because a file that the text names was left out, or a variable was given a value.
OF_FILES_LEFT_OUT = frozenset({FileProblem.NO_IMAGE, FileProblem.UNDEFINED, FileProblem.FILE_MISSING})
OF_STAND_INS = frozenset({FileProblem.BAD_VALUE, FileProblem.WRONG_TYPE})


@dataclass(frozen=True)
class Order:
    """What is to be examined. `secrets`: their names. `has`: whether the app's own directory has a path; may raise.
    `others`: the names of containers that are not the workload's, None when unknown. `heard`: gets what Docker Compose
    writes beside the file. `sealed`: the secrets from files that the live release has, encrypted."""

    context: Context
    workload: str
    project: str
    source: Mapping[str, Any]
    env: Mapping[str, str]
    secrets: Collection[str]
    has: Callable[[PurePosixPath], bool]
    others: Callable[[], Collection[str] | None]
    heard: Callable[[bytes], None]
    sealed: Mapping[str, str] = field(default_factory=dict)

    @property
    def allowed(self) -> list[str]:
        """What the source permits."""
        return list(self.source.get("allow") or [])


@dataclass
class Examined:
    """The result. `rendered`: the file as Docker Compose renders it, `stored`: as a release has it, to be used only
    without reasons. `held`: path in the app's own directory -> what the checkout has for it. `not_built`: services of a
    text whose image is pulled. `uncompared`: keys of names that could not be compared."""

    allowed: list[str]
    rendered: Model = field(default_factory=lambda: {"services": {}})
    stored: Model = field(default_factory=lambda: {"services": {}})
    held: dict[PurePosixPath, Path] = field(default_factory=dict)
    reasons: list[Reason] = field(default_factory=list)
    not_built: list[str] = field(default_factory=list)
    uncompared: list[str] = field(default_factory=list)

    @property
    def allow(self) -> list[str]:
        """The whole `source.allow` that permits what can be permitted; empty where nothing more can."""
        more = [one.key for one in self.reasons if one.problem in ALLOWABLE]
        return list(dict.fromkeys([*self.allowed, *more])) if more else []

    def add(self, problem: Problem, *keys: str, **limits: Any) -> None:
        """Add a reason for each key, once."""
        for key in keys:
            allowable = problem not in ALLOWABLE or may_be_allowed(key)
            reason = Reason(key, problem, limits) if allowable else Reason(key, FileProblem.UNUSABLE)
            if reason not in self.reasons:
                self.reasons.append(reason)


def of_text(order: Order, folder: Path) -> Examined:
    """Examine a text, which stands alone: beside it there is a `.env` from the spec, and nothing else. `folder` is
    empty and has no link in its path. Raises Failure: compose_missing, and what the order's functions raise."""
    found, text = Examined(order.allowed), str(order.source["text"])
    opened = attempt(lambda: opened_files.of_text(text), external_files.Unreadable)
    if isinstance(opened, external_files.Unreadable):
        _add_unreadable(found, opened, "source.text")
        return found
    found.add(FileProblem.UNUSABLE, *opened.outside)
    rest = pruned.without_opened(text) if opened.outside else text
    if rest is None:
        return found
    render = _rendered(order, found, Files(folder, folder, ["-"], opened.env_files, rest))
    if render is None:
        return found
    _reaches_out(order, found, render, folder)
    given, found.not_built = model.images_for_builds(render.model)
    found.stored, _ = _own_files(order, found, given, folder)
    found.add(FileProblem.UNUSABLE, *(f"{name}.build" for name in model.builds(found.stored)))
    _as_a_release(order, found)
    return found


def of_checkout(order: Order, tree: Path) -> Examined:
    """Examine the files of a checkout, a path without links. Raises as `of_text` does."""
    found, files = Examined(order.allowed), order.source.get("file") or [DEFAULT_FILE]
    opened = attempt(lambda: opened_files.examine(tree, files), external_files.Unreadable)
    if isinstance(opened, external_files.Unreadable):
        _add_unreadable(found, opened, "source.file")
        return found
    found.add(FileProblem.UNUSABLE, *opened.outside)
    if opened.outside:
        return found  # Docker Compose would open them
    given = [str(tree / file) for file in files]
    render = _rendered(order, found, Files(tree, (tree / files[0]).parent, given, opened.env_files))
    if render is None:
        return found
    _reaches_out(order, found, render, tree)
    stored, found.held = _own_files(order, found, render.model, tree)
    sealed = secret_files.seal(order.context, stored, tree, order.sealed)
    said = {one.key for one in found.reasons}
    unusable = [key for key in sealed.unusable if key not in said]
    found.add(FileProblem.SECRET_UNUSABLE, *unusable, kilobytes=secret_files.MOST_BYTES // 1000)
    whole, refused = checkout.copied(sealed.model, tree)
    recipes, cannot = builds.relative(model.builds(whole), tree)
    found.add(FileProblem.UNUSABLE, *refused, *(f"{name}.build" for name in cannot))
    services = whole["services"].items()
    found.stored = whole | {
        "services": {name: one | ({"build": recipes[name]} if name in recipes else {}) for name, one in services}
    }
    _as_a_release(order, found)
    return found


def host_of(context: Context, folder: Path | None) -> policy.Host:
    """Return what a file may mount of the host, links followed. `folder`: where its relative paths begin."""
    settings = context.settings
    address = settings.engine_address
    own = [address.removeprefix("unix://")] if address.startswith("unix://") else []
    # Each may be a link to another disk.
    directories = [str(one) for one in (settings.home, settings.files, settings.work)]
    return policy.Host(
        None if folder is None else str(folder), {*policy.DOCKER_SOCKETS, *own}, os.path.realpath, directories
    )


def names_of_others(context: Context, workload: str) -> set[str] | None:
    """Return the names of the containers that are not this workload's; None while Docker does not respond."""
    every = attempt(context.docker.containers.list_all, Failure)
    if isinstance(every, Failure):
        return None
    with context.database.reading() as session:
        adopted_ids = {one.docker_id for one in adopted.of_workload(session, workload)}
    labels = {INSTALLATION: context.installation, WORKLOAD: workload}
    others = [one for one in every if one.id not in adopted_ids and not labels.items() <= one.labels.items()]
    return {name for one in others for name in one.names}


def _rendered(order: Order, found: Examined, files: Files) -> Render | None:
    """Return the rendered file; None, with the reason, where there is none. Required variables that have no value get
    one, and what is wrong in a text is taken out, so that what else is wrong is found too."""
    marked = model.marks(order.secrets)
    values = {**order.env, **marked}
    unsure = {*OF_FILES_LEFT_OUT, FileProblem.NOT_KNOWN} if found.reasons else set()
    began = time.monotonic()
    for _ in range(MOST_TRIES):
        if time.monotonic() - began > TRIES_S:
            return None
        profiles = order.source.get("profiles") or []
        render = Render(order.context, order.project, profiles, files, Values(values, marked), order.heard)
        refused = attempt(render.read, Unrendered)
        if not isinstance(refused, Unrendered):
            found.rendered = render.model
            return render
        reasons = _why(order, refused, files.folder)
        for one in reasons:
            if one.problem not in unsure or (
                one.problem in OF_STAND_INS and not pruned.has_variable(files.text, one.key)
            ):
                found.add(one.problem, one.key, **one.limits)
        unsure |= {FileProblem.NOT_KNOWN}
        required = [one.key for one in reasons if one.problem is FileProblem.VARIABLE_REQUIRED]
        if required and not values.keys() & set(required):
            values |= dict.fromkeys(required, STAND_IN)
            unsure |= OF_STAND_INS
            continue
        rest = pruned.without(files.text, reasons) if files.text else None
        if rest is None:
            return None
        opened = attempt(partial(opened_files.of_text, rest), external_files.Unreadable)
        files = replace(files, text=rest, env_files=getattr(opened, "env_files", []))
    return None


def _why(order: Order, refused: Unrendered, folder: Path) -> list[Reason]:
    """Return why Docker Compose refused a file: at least one reason."""
    if refused.too_large:
        most, mega = cli.CONFIG_LIMITS, 1_000_000
        limits = {"megabytes": most.data_bytes // mega, "seconds": most.cpu_s, "output": most.output_bytes // mega}
        return [Reason(config_errors.WHOLE, FileProblem.TOO_LARGE, limits)]
    reasons = config_errors.read(refused.output, str(folder), order.context.log.name.rpartition(".")[2])
    if not refused.missing:
        return reasons
    # Docker Compose names the first file; which key names it, and which others are missing, is known here.
    missing = [Reason(one.key, FileProblem.FILE_MISSING, {"path": one.path}) for one in refused.missing]
    of_others = [one for one in reasons if one.problem not in {FileProblem.FILE_MISSING, FileProblem.NOT_KNOWN}]
    return [*missing, *of_others]


def _reaches_out(order: Order, found: Examined, render: Render, folder: Path) -> None:
    host = host_of(order.context, folder)
    never = policy.out_of_reach(render.model, render.as_written, host)
    secrets, configs = (secret_files.nowhere(render.model, what, folder) for what in ("secrets", "configs"))
    refused = policy.refused(render.model, order.project, order.allowed, host)
    found.add(FileProblem.OUT_OF_REACH, *never)
    found.add(FileProblem.SECRET_FILE, *(key for key in secrets if key not in never))
    found.add(FileProblem.CONFIG_FILE, *(key for key in configs if key not in never))
    found.add(FileProblem.REFUSED, *(key for key in refused if key not in {*never, *secrets, *configs}))


def _own_files(order: Order, found: Examined, rendered: Model, folder: Path) -> tuple[Model, dict[PurePosixPath, Path]]:
    """Return the file with relative paths for the mounts of the app's own directory, and what the checkout has for
    them. Refuses files that nobody has brought; and, unless `source.allow` has the key, a path inside of another mount
    that a container can write, and one that would hide each later commit."""
    stored, held, missing = checkout.lasting(rendered, folder, order.has)
    every = own_files.mounts(stored, "")
    contexts = [
        os.path.relpath(os.path.realpath(one.get("context") or folder), folder)
        for one in model.builds(rendered).values()
    ]
    of_source = own_files.of_source([one for one in every if one.path in held], map(PurePosixPath, contexts))
    for problem, mounts in (
        (FileProblem.FILES_MISSING, missing),
        (FileProblem.MOUNT_INSIDE, _not_allowed(order, own_files.inside_writable(every))),
        (FileProblem.MOUNT_OF_SOURCE, _not_allowed(order, of_source)),
    ):
        for one in mounts:
            found.add(problem, f"{one.service}.volumes", path=one.shown, workload=order.workload)
    return stored, held


def _not_allowed(order: Order, mounts: Any) -> list[Mount]:
    return [one for one in mounts if f"{one.service}.volumes" not in order.allowed]


def _as_a_release(order: Order, found: Examined) -> None:
    """Add what a release of this file could not start with."""
    file = found.stored
    found.add(FileProblem.UNUSABLE, *model.unfilled(file, [*order.env, *order.secrets, *secret_files.of(file)]))
    found.add(FileProblem.UNUSABLE, *([] if file["services"] else ["services"]), *model.unwritable(file))
    if named := policy.named(file):
        others = order.others()
        if others is None:
            found.uncompared += named
        else:
            found.add(FileProblem.REFUSED, *policy.taken_names(file, others, order.allowed))
    wanted = model.references(file)
    found.add(FileProblem.UNUSABLE, *(f"{name}.image" for name, one in wanted.items() if not model.is_image(one)))


def _add_unreadable(found: Examined, why: external_files.Unreadable, key: str) -> None:
    if why.line is None:
        found.add(FileProblem.UNREADABLE, key)
    else:
        found.add(FileProblem.NOT_YAML, key, name=str(why.line))

"""Whether a delivery matches a hook, and what to deploy for it. Pure: gather -> DECIDE -> apply."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from tasks.image_reference import parse_reference
from tasks.sources.addresses import DEFAULT_REF
from tasks.webhooks.changed_files import touches
from tasks.webhooks.delivery import LONGEST_REF, Delivery

# git@host:path, the ssh form.
_SCP_LIKE = re.compile(r"^(?:[^/@]+@)?([^/:@]+):(?!//)(.+)$")
PATTERN = re.compile(r"^[!-~]+$")


@dataclass(frozen=True)
class Target:
    """What to deploy: the spec as it is, or with another image or ref."""

    image: str | None = None
    ref: str | None = None


def is_pattern(value: str) -> bool:
    """Return whether a text can be a pattern of branches or tags: `*` and `?` are wildcards."""
    return len(value) <= LONGEST_REF and PATTERN.fullmatch(value) is not None


def decide(
    source: dict[str, Any], branch: str | None, tag: str | None, delivery: Delivery, paths: Sequence[str] = ()
) -> str | Target:
    """Return the target, or a word of db.messages.errors.HOOKS for its absence. branch, tag, paths: the hook's
    patterns."""
    if delivery.event != "push":
        return "ping" if delivery.event == "ping" else "other_event"
    if delivery.deleted:
        return "deleted"
    if _is_other_repository(source, delivery):
        return "other_repository"
    target = _wanted(source, branch, tag, delivery)
    if isinstance(target, str):
        return target
    if delivery.skipped:
        return "skipped"
    is_elsewhere = paths and delivery.files is not None and not touches(paths, delivery.files)
    return "other_paths" if is_elsewhere else target


def _wanted(source: dict[str, Any], branch: str | None, tag: str | None, delivery: Delivery) -> str | Target:
    """Return the target of a push to the right repository."""
    own, names_none = _own(source, branch or tag, delivery), delivery.branch is None and delivery.tag is None
    if names_none or (own is None and not (branch or tag)):
        # A bare "deploy": enough for a hook without patterns.
        return "no_ref" if branch or tag else Target()
    found = _matched(own, branch, tag, delivery)
    if found is None:
        return "other_tag" if delivery.branch is None else "other_branch"
    return _target(source, found, own)


def _own(source: dict[str, Any], patterns: str | None, delivery: Delivery) -> str | None:
    """Return own_ref, and for a default branch its name. A sender that does not say it gets a deploy for any branch:
    what is deployed is the default one all the same."""
    own = own_ref(source)
    if own != DEFAULT_REF:
        return own
    return delivery.default_branch or (DEFAULT_REF if patterns else delivery.branch or DEFAULT_REF)


def _matched(own: str | None, branch: str | None, tag: str | None, delivery: Delivery) -> str | None:
    """Return the branch or tag of the delivery that the hook waits for; `own` is the one of the source."""
    if branch or tag:
        pairs = ((branch, delivery.branch), (tag, delivery.tag))
        return next((name for pattern, name in pairs if pattern and name and fnmatchcase(name, pattern)), None)
    return own if own in {delivery.branch, delivery.tag} else None


def own_ref(source: dict[str, Any]) -> str | None:
    """Return the branch or tag that the source deploys from, HEAD when it names none; None without a repository or
    registry."""
    reference = parse_reference(source.get("image", ""))
    if reference is not None:
        return reference.tag or "latest"
    if "url" not in source:
        return None
    return re.sub(r"^refs/(heads|tags)/", "", str(source.get("ref", DEFAULT_REF)))


def _target(source: dict[str, Any], name: str, own: str | None) -> Target:
    reference = parse_reference(source.get("image", ""))
    if reference is not None:
        # A spec that names a digest would deploy the same one again.
        is_own = name == own and reference.digest is None
        return Target() if is_own else Target(image=f"{reference.repository}:{name}")
    return Target() if name == own or "url" not in source else Target(ref=name)


def _is_other_repository(source: dict[str, Any], delivery: Delivery) -> bool:
    """Return whether the event is of another repository: hooks of an organization or a registry report all of them."""
    if delivery.repository is None:
        return False
    reference = parse_reference(source.get("image", ""))
    if reference is not None:
        if delivery.host is not None and delivery.host != reference.host:
            return True
        mine = reference.repository.removeprefix(f"{reference.host}/")
        return delivery.repository.removeprefix("library/") != mine.removeprefix("library/")
    host, path = _place(str(source.get("url", "")))
    # For a mirror, a file or an ssh alias the path does not identify the repository that was pushed to.
    return host is not None and host == delivery.host and path != delivery.repository.lower()


def _place(url: str) -> tuple[str | None, str]:
    """Return host and path of a repository's address, as far as they can be parsed."""
    scp = _SCP_LIKE.match(url)
    try:
        host, path = (scp[1], scp[2]) if scp else (urlsplit(url).hostname, urlsplit(url).path)
    except ValueError:
        return None, ""
    return host, path.strip("/").removesuffix(".git").lower()

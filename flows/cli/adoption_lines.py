"""What `backstay adopt` says of a container: its settings, and what the first deploy changes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from tasks.adoption.confidential import without_secrets
from tasks.adoption.notes import Fate, Note, share_mapped
from tasks.adoption.project import as_yaml

SETTINGS = ("SETTING", "FATE", "WHERE TO")
MASK = "•••"
ALWAYS = {
    "image": (
        "a new container, called after the app and its version, with Backstay's labels, in a network of the app's own",
        "output is kept in at most three files of 10 MB, unless the spec says otherwise",
        "the tag is looked up anew: a newer image of the same name is deployed",
    ),
    "compose": (
        "new containers, in a compose project of Backstay's own, with Backstay's labels; the networks and volumes stay",
        "tags are looked up anew: newer images of the same names are deployed",
        "containers are kept running, also after a restart of the host",
    ),
}


def setting_rows(notes: Sequence[Note]) -> list[list[str]]:
    """Return the rows of the table, what a spec cannot express first."""
    order = (Fate.NOT_EXPRESSIBLE, Fate.MAPPED, Fate.DROPPED)
    return [[one.full_key, str(one.fate), one.into] for fate in order for one in notes if one.fate is fate]


def summary(name: str, containers: Sequence[str], notes: Sequence[Note]) -> list[str]:
    """Return the line that says what is adopted, and how much of it a spec can express."""
    settings = [one for one in notes if one.fate is not Fate.DROPPED]
    mapped = sum(one.fate is Fate.MAPPED for one in settings)
    share = f"{mapped} of {len(settings)} settings mapped ({share_mapped(list(notes)):.0%})"
    return [f"{name}: {', '.join(containers)}: {share}. Nothing is restarted."]


def first_deploy(kind: str, notes: Sequence[Note]) -> list[str]:
    """Return the lines that say what the first deploy of Backstay's own changes."""
    lost = [f"  {one.full_key}: {one.into}" for one in notes if one.fate is Fate.NOT_EXPRESSIBLE]
    tools = [f"  {one.full_key}: {one.into}" for one in notes if one.key.startswith("managed by ")]
    return ["The first deploy changes:", *(f"  {line}" for line in ALWAYS[kind]), *lost, *tools]


def shown(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a spec without the values of its environment, which nobody has checked for secrets."""
    masked = {**spec}
    if "env" in spec:
        masked["env"] = dict.fromkeys(spec["env"], MASK)
    if "command" in spec:
        masked["command"] = without_secrets(spec["command"], lambda _name, _value: MASK)
    if text := spec["source"].get("text"):
        model = yaml.safe_load(text)
        for service in model["services"].values():
            if "environment" in service:
                values = service["environment"].items()
                service["environment"] = {name: one if one.startswith("${") else MASK for name, one in values}
        masked["source"] = {**spec["source"], "text": as_yaml(model)}
    return masked

"""The running containers of a compose project as a compose file that keeps its volumes and networks. Pure.

The file is written from what runs, not from the file that it was started from: that one may have changed since, its
variables are lost, and what lies beside it is out of reach of a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import yaml

from tasks.adoption.container import Mapped, image_of, tell_of_the_tool
from tasks.adoption.inspected import Inspected
from tasks.adoption.notes import Note, Notes
from tasks.adoption.platforms import COMPOSE, as_name
from tasks.adoption.service import ServiceKeys, map_service, placeholder, variable_for
from tasks.compose.policy import Host, refused

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def map_project(
    found: Sequence[Inspected], project: str, name: str, is_mountable: Callable[[str], bool], host: Host
) -> Mapped:
    """Return the spec of a project. `host`: what a file may mount, for the list of what has to be allowed."""
    of_service = _by_service(found)
    siblings = {str(one.raw["Id"]): service_of(one) for one in found}
    notes: list[Note] = []
    services: dict[str, ServiceKeys] = {}
    secrets: dict[str, str] = {}
    for service, containers in of_service.items():
        told = Notes(service)
        one = map_service(containers[0], image_of(containers[0]), told, is_mountable, siblings)
        services[service] = one
        _fill_in_secrets(service, one, secrets)
        _count(service, containers, project, one.keys, told)
        notes += told.all
    model = _model(services)
    allow = list(dict.fromkeys(path for one in services.values() for path in one.directories))
    allow += refused(model, "", allow, host)
    source = {"kind": "compose", "text": as_yaml(model)} | ({"allow": allow} if allow else {})
    whole = Notes()
    tell_of_the_tool(found[0], whole, in_project=True)
    return Mapped({"name": name or as_name(project), "source": source}, secrets, [*notes, *whole.all])


def service_of(one: Inspected) -> str:
    """Return the service that Docker Compose made a container for."""
    return one.labels[f"{COMPOSE}service"]


def as_yaml(model: Mapping[str, Any]) -> str:
    """Return a compose file in which no text can be taken for something else, by whatever rules it is read."""
    return yaml.dump(dict(model), Dumper=_Quoting, sort_keys=False, allow_unicode=True, width=1000)


class _Quoting(yaml.SafeDumper):
    """Writes texts in quotes unless they are plain words, and repeats what is there twice."""

    def ignore_aliases(self, data: Any) -> bool:
        """See yaml.SafeDumper."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else "|" if "\n" in text else '"')


_Quoting.add_representer(str, _text)


def _by_service(found: Collection[Inspected]) -> dict[str, list[Inspected]]:
    groups: dict[str, list[Inspected]] = {}
    for one in sorted(found, key=lambda one: (service_of(one), one.name)):
        groups.setdefault(service_of(one), []).append(one)
    return groups


def _fill_in_secrets(service: str, one: ServiceKeys, secrets: dict[str, str]) -> None:
    for name, value in one.secrets.items():
        variable = variable_for(service, name, value, secrets)
        secrets[variable] = value
        mark, written = placeholder(name), f"${{{variable}}}"
        if one.keys.get("environment", {}).get(name) == mark:
            one.keys["environment"][name] = written
        for key in {"command", "entrypoint"} & one.keys.keys():
            one.keys[key] = [argument.replace(mark, written) for argument in one.keys[key]]


def _count(service: str, found: list[Inspected], project: str, keys: dict[str, Any], notes: Notes) -> None:
    if len(found) > 1:
        keys["scale"] = len(found)
        notes.mapped("containers", "scale")
        if len({one.raw["Image"] for one in found}) > 1:
            notes.lost("containers", "they run different images; the first one's is taken for all")
    usual = re.compile(rf"{re.escape(project)}[-_]{re.escape(service)}[-_][0-9]+")
    if len(found) == 1 and not usual.fullmatch(found[0].name):
        keys["container_name"] = found[0].name
        notes.mapped("Name", "container_name")


def _model(services: Mapping[str, ServiceKeys]) -> dict[str, Any]:
    model: dict[str, Any] = {"services": {name: one.keys for name, one in services.items()}}
    for what in ("volumes", "networks"):
        names = sorted({name for one in services.values() for name in getattr(one, what)})
        if names:
            model[what] = {name: {"external": True, "name": name} for name in names}
    return model

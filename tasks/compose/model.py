"""A compose file as Docker Compose rendered it: what is stored, what it needs, what is passed back to run. Pure.

The stored file holds no secret. While it is rendered, variables that are secrets hold marks, and each mark becomes
`${NAME}` again in what is stored: Docker Compose substitutes the current values at each `up`. It doubles every other
dollar sign, so nothing else is substituted.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from db.releases import ServicePin, ServiceRun
from tasks.image_reference import parse_reference

Model = dict[str, Any]
_FILLED_IN = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
# Keys that matter only while a person edits the file, or whose work is done before it runs.
_DONE_WITH = ("develop", "profiles", "attach", "label_file")
# The values of `pull_policy` by which a person lets the host's image be used without asking its registry.
_FROM_HOST = frozenset({"missing", "if_not_present", "never"})


def marks(names: Iterable[str]) -> dict[str, str]:
    """Return a placeholder for each secret's name, one that no file contains. Different each time."""
    return {name: f"backstay{secrets.token_hex(16)}" for name in names}


def unmarked(rendered: bytes, marked: Mapping[str, str]) -> Model:
    """Return the rendered file (JSON) with `${NAME}` in place of each mark, without extension fields.

    Raises ValueError when it is no such file.
    """
    text = rendered.decode()
    for name, mark in marked.items():
        text = text.replace(mark, f"${{{name}}}")
    model = json.loads(text)
    if not isinstance(model, dict) or not isinstance(model.get("services"), dict):
        raise ValueError("not a compose file")
    kept = {key: value for key, value in model.items() if not key.startswith("x-")}
    kept["services"] = {
        name: _service(service, model["services"]) for name, service in sorted(model["services"].items())
    }
    return kept


def references(model: Model) -> dict[str, str]:
    """Return service -> the image that it names. Services that are built are left out."""
    return {name: str(one.get("image") or "") for name, one in model["services"].items() if "build" not in one}


def from_host(model: Model) -> set[str]:
    """Return the images that every service with them takes from the host if it has them, by its `pull_policy`."""
    policies: dict[str, list[bool]] = {}
    for name, reference in references(model).items():
        policies.setdefault(reference, []).append(model["services"][name].get("pull_policy") in _FROM_HOST)
    return {reference for reference, allowed in policies.items() if all(allowed)}


def builds(model: Model) -> dict[str, Model]:
    """Return service -> its build section."""
    return {name: one["build"] for name, one in model["services"].items() if "build" in one}


def images_for_builds(model: Model) -> tuple[Model, list[str]]:
    """Return the file with the image of each service that names one beside its `build`, and the names of these
    services: for a file that has nothing beside it to build from. Docker Compose too builds only what it cannot pull,
    unless `pull_policy: build` asks for it."""
    services = model["services"]
    names = [
        name for name in builds(model) if services[name].get("image") and services[name].get("pull_policy") != "build"
    ]
    taken = {name: {key: value for key, value in services[name].items() if key != "build"} for name in names}
    return model | {"services": services | taken}, names


def pinned(model: Model, services: Mapping[str, ServicePin]) -> Model:
    """Return the file with each image as pinned: by digest, or by image id if no registry has it. Nothing is built."""
    return model | {
        "services": {
            name: {key: value for key, value in one.items() if key not in {"build", "pull_policy"}}
            | {"image": _exact(services[name])}
            for name, one in model["services"].items()
        }
    }


def runs(
    model: Model, version: int, values: Mapping[str, str], key: bytes, before: Mapping[str, ServiceRun] | None
) -> dict[str, ServiceRun]:
    """Return service -> {"count", "once", "may_end", "unsaid", "since", "made_of"}.

    The number of containers, whether they are jobs, whether they may exit with code 0 all the same (absent: no), the
    version in which it last changed, and a keyed fingerprint of its configuration, current values included. `before` is
    the same of the live version. A service with an equal fingerprint keeps its `since`: its containers are left
    running.
    """
    found: dict[str, ServiceRun] = {}
    for name, one in model["services"].items():
        made_of = _fingerprint(model, name, values, key)
        old = (before or {}).get(name)
        since = old["since"] if old and old["made_of"] == made_of else version
        found[name] = {"count": count(one), "once": _runs_once(model, name), "since": since, "made_of": made_of}
        if _restart(one) == "on-failure":
            found[name]["may_end"] = True
        elif not _restart(one) and not found[name]["once"]:
            found[name]["unsaid"] = True
    return found


def effective(
    model: Model,
    services: Mapping[str, ServicePin],
    labels: Callable[[str], Mapping[str, str]],
    shared_labels: Mapping[str, str],
    values: Mapping[str, str],
) -> str:
    """Return the file passed to Docker Compose, as JSON: images by id, never pulled, every container labelled.

    A config whose content is empty, or becomes so with the current values, gets an empty line: Docker Compose would
    take it for one without content, and mount its own directory.
    """
    running = {
        name: one
        | {"image": services[name]["image_id"], "pull_policy": "never"}
        | {"labels": {**(one.get("labels") or {}), **labels(name)}}
        for name, one in model["services"].items()
    }
    owned: Model = {
        what: {name: _labelled(one or {}, shared_labels) for name, one in (model.get(what) or {}).items()}
        for what in ("volumes", "networks")
        if what in model
    }
    if "configs" in model:
        owned["configs"] = {name: _never_empty(one or {}, values) for name, one in (model["configs"] or {}).items()}
    return json.dumps(model | owned | {"services": running}, ensure_ascii=False, indent=1)


def count(service: Model) -> int:
    """Return the number of containers of a service."""
    given = service.get("scale", (service.get("deploy") or {}).get("replicas"))
    return 1 if given is None else int(given)


def unfilled(model: Model, names: Collection[str]) -> list[str]:
    """Return the keys of configs and secrets that take their content from an undefined variable."""
    wanted = [
        (f"{what}.{name}.environment", (one or {}).get("environment"))
        for what in ("configs", "secrets")
        for name, one in (model.get(what) or {}).items()
    ]
    return [key for key, variable in wanted if variable is not None and variable not in names]


def left_out(model: Model) -> set[str]:
    """Return the variables that a service names without a value and that are not set: its containers lack them."""
    services = model.get("services", {}).values()
    return {name for one in services for name, value in (one.get("environment") or {}).items() if value is None}


def unwritable(model: Model) -> list[str]:
    """Return the keys of read-only services that `up` would have to copy configs or secrets into."""
    services = model["services"].items()
    return [f"{name}.read_only" for name, one in services if one.get("read_only") and _has_files(one)]


def _has_files(service: Model) -> bool:
    return bool(service.get("configs") or service.get("secrets"))


def published(model: Model) -> list[tuple[str, int]]:
    """Return (address, port) of every TCP port that is published under a fixed number."""
    ports = [port for one in model["services"].values() for port in one.get("ports") or []]
    wanted = [port for port in ports if str(port.get("published") or "").isdigit() and port.get("protocol") != "udp"]
    return [(port.get("host_ip") or "0.0.0.0", int(port["published"])) for port in wanted]


def _service(service: Model, services: Model) -> Model:
    kept = {
        key: value
        for key, value in service.items()
        if value is not None and key not in _DONE_WITH and not key.startswith("x-")
    }
    # A dependency that is optional and absent, of an inactive profile, say. `up` no longer knows it.
    waits = {name: how for name, how in (kept.pop("depends_on", None) or {}).items() if name in services}
    return kept | ({"depends_on": waits} if waits else {})


def _exact(pin: ServicePin) -> str:
    return f"{pin['repository']}@{pin['digest']}" if pin.get("digest") else str(pin["image_id"])


def _runs_once(model: Model, name: str) -> bool:
    """Return whether it is a job, which ends: Docker shall not start it again, or another service awaits its end."""
    waits = [(one.get("depends_on") or {}).get(name) or {} for one in model["services"].values()]
    awaited = any(wait.get("condition") == "service_completed_successfully" for wait in waits)
    return awaited or _restart(model["services"][name]) in {"no", "none"}


def _restart(service: Model) -> str:
    """Return when Docker starts its containers again: `restart`, or else `deploy.restart_policy`; empty by default."""
    policy = (service.get("deploy") or {}).get("restart_policy") or {}
    return str(service.get("restart") or policy.get("condition") or "").partition(":")[0]


def _labelled(thing: Model, labels: Mapping[str, str]) -> Model:
    return thing if thing.get("external") else thing | {"labels": {**(thing.get("labels") or {}), **labels}}


def _never_empty(config: Model, values: Mapping[str, str]) -> Model:
    elsewhere = any(config.get(key) for key in ("external", "file", "environment"))
    return config if elsewhere or _filled_in(config.get("content") or "", values) else config | {"content": "\n"}


def _fingerprint(model: Model, name: str, values: Mapping[str, str], key: bytes) -> str:
    service = model["services"][name]
    used = {
        what: {
            one["source"]: _with_value((model.get(what) or {}).get(one["source"]) or {}, values)
            for one in service[what]
        }
        for what in ("configs", "secrets")
        if service.get(what)
    }
    # The number of containers and the start order are no properties of a container.
    made = {key: value for key, value in service.items() if key not in {"scale", "depends_on"}}
    text = json.dumps([_filled_in(made, values), _filled_in(used, values)], sort_keys=True, ensure_ascii=False)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:24]


def _with_value(thing: Model, values: Mapping[str, str]) -> Model:
    name = thing.get("environment")
    return thing | {"value": values.get(name, "")} if name else thing


def _filled_in(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled_in(one, values) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled_in(one, values) for one in value]
    if isinstance(value, str):
        return _FILLED_IN.sub(lambda match: "$" if match[1] is None else values.get(match[1], ""), value)
    return value


def is_image(reference: str) -> bool:
    """Return whether a service's image is a reference that can be pinned."""
    return parse_reference(reference) is not None

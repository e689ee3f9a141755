"""Conversion of form inputs into a spec and of a spec into inputs. Pure: uses no request and no ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from webapp.forms import dotenv, texts
from webapp.forms.dotenv import Unreadable
from webapp.forms.field import Field
from webapp.forms.fields import NAME, NOT_FOR_COMPOSE
from webapp.forms.source_fields import SOURCES
from webapp.forms.texts import NEEDED
from webapp.presenters.spec_lines import cache_text, option_texts, plain

_LISTS: dict[str, Callable[[str], Any]] = {
    "ports": texts.ports,
    "env": dotenv.pairs,
    "volumes": texts.volumes,
    "command": texts.arguments,
    "networks": texts.arguments,
    "entrypoint": texts.arguments,
    "labels": dotenv.pairs,
    "extra_hosts": dotenv.pairs,
    "tmpfs": texts.memory_files,
    "ulimits": texts.limits,
    "cap_add": texts.arguments,
    "devices": texts.arguments,
    "allow": texts.arguments,
}
_NUMBERS = ("stop_timeout_s", "watch_s", "shm_mb")
_TEXTS = ("user", "working_dir", "restart")
_FLAGS = ("auto_rollback", "read_only", "privileged")
_LINES = ("networks", "command", "entrypoint", "cap_add", "devices", "allow")
# Keys with keys of their own, and how these are read.
_PARTS: dict[str, dict[str, Callable[[str], Any]]] = {
    "resources": {"memory_mb": texts.number, "cpus": texts.number},
    "log": {"driver": texts.word, "max_size_mb": texts.number, "max_files": texts.number},
}
# Inputs of a source that are neither a text nor a list of texts.
_OF_SOURCE: dict[str, Callable[[str], Any]] = {"static.cache": texts.cache_rules}
REMOVE = "remove_secret"


class BadInputs(Exception):  # noqa: N818 - it names what happened
    """Inputs that cannot be parsed, by field name."""

    def __init__(self, problems: dict[str, Unreadable]) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems


class _Reader:
    """Parser of inputs that collects every error instead of stopping at the first, so that all are reported at once."""

    def __init__(self, inputs: Mapping[str, str]) -> None:
        self._inputs, self.problems = inputs, dict[str, Unreadable]()

    def text(self, name: str) -> str | None:
        """Return the input without surrounding blanks; None when it is empty."""
        return self._inputs.get(name, "").strip() or None

    def need(self, fields: Iterable[Field]) -> None:
        """Report each of these fields that is required and empty."""
        empty = [field.name for field in fields if field.needed and self.text(field.name) is None]
        self.problems |= {name: Unreadable(NEEDED) for name in empty}

    def read(self, name: str, how: Callable[[str], Any]) -> Any:
        """Return the parsed input; None when it cannot be parsed."""
        try:
            return how(self._inputs.get(name, ""))
        except Unreadable as problem:
            self.problems[name] = problem
        return None


def patch_of(
    inputs: Mapping[str, str], removed: list[str], source: dict[str, Any], needed: tuple[Field, ...] = ()
) -> dict[str, Any]:
    """Return the body for PATCH: every key of the form, null for an empty input. Raises BadInputs.

    `removed` are names of secrets to delete, `source` the current one of the app, whose other keys stay. Inputs hidden
    for the chosen kind of source or check are ignored. `needed` are required fields besides those of the source.
    """
    is_compose = inputs.get("kind") == "compose"
    reader = _Reader({key: value for key, value in inputs.items() if not (is_compose and key in NOT_FOR_COMPOSE)})
    reader.need((*needed, *SOURCES.get(reader.text("kind") or "image", ())))
    patch: dict[str, Any] = {"source": _source(reader, source)}
    for key, how in _LISTS.items():
        patch[key] = reader.read(key, how) or None
    patch["health"] = _health(reader)
    for part, keys in _PARTS.items():
        given = {key: reader.read(f"{part}.{key}", how) for key, how in keys.items()}
        patch[part] = {key: value for key, value in given.items() if value is not None} or None
    for key in _NUMBERS:
        patch[key] = reader.read(key, texts.number)
    patch["init"] = {"true": True, "false": False}.get(reader.text("init") or "")
    patch |= {key: reader.text(key) for key in _TEXTS}
    patch |= {key: True if reader.text(key) else None for key in _FLAGS}
    patch["secrets"] = dict.fromkeys(removed) | (reader.read("secrets", dotenv.pairs) or {})
    if reader.problems:
        raise BadInputs(reader.problems)
    return patch


def spec_of(inputs: Mapping[str, str]) -> dict[str, Any]:
    """Return a whole spec for a new app; empty inputs are left to their defaults. Raises BadInputs."""
    patch = {key: value for key, value in patch_of(inputs, [], {}, (NAME,)).items() if value not in (None, {})}
    return {"name": inputs.get("name", "").strip(), **patch}


def inputs_of(spec: dict[str, Any]) -> dict[str, str]:
    """Return the inputs that give this spec; secrets have none."""
    source = spec["source"]
    inputs = {"name": spec["name"], "kind": source["kind"]}
    inputs |= {f"{source['kind']}.{key}": _shown(value) for key, value in _flat(source).items() if key != "kind"}
    if "cache" in source:
        inputs["static.cache"] = "\n".join(map(cache_text, source["cache"]))
    inputs["ports"] = texts.ports_text(spec.get("ports", []))
    inputs["env"] = dotenv.pairs_text(spec.get("env", {}))
    inputs["volumes"] = texts.volumes_text(spec.get("volumes", []))
    inputs |= {key: texts.arguments_text(spec.get(key) or []) for key in _LINES}
    inputs |= {key: dotenv.pairs_text(spec.get(key) or {}) for key in ("labels", "extra_hosts")}
    inputs |= {key: "\n".join(option_texts(key, spec[key])) for key in ("tmpfs", "ulimits") if spec.get(key)}
    for part in _PARTS:
        inputs |= {f"{part}.{key}": plain(value) for key, value in (spec.get(part) or {}).items()}
    inputs |= {key: plain(spec[key]) for key in (*_NUMBERS, *_TEXTS) if key in spec}
    inputs["init"] = plain(spec["init"]) if spec.get("init") is not None else ""
    inputs |= {key: "on" if spec.get(key) else "" for key in _FLAGS}
    return inputs | _health_inputs(spec.get("health") or {})


def _flat(source: dict[str, Any]) -> dict[str, Any]:
    """Return a source with the keys of its part `build` as `build.args`."""
    build = {f"build.{key}": value for key, value in (source.get("build") or {}).items() if value is not None}
    return {key: value for key, value in source.items() if key != "build"} | build


def _nested(source: dict[str, Any]) -> dict[str, Any]:
    """Return the source that `_flat` made flat."""
    build = {key.removeprefix("build."): value for key, value in source.items() if key.startswith("build.")}
    plain_keys = {key: value for key, value in source.items() if not key.startswith("build.")}
    return plain_keys | ({"build": build} if build else {})


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return dotenv.pairs_text(value)
    if isinstance(value, bool):
        return "on" if value else ""
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _source(reader: _Reader, before: dict[str, Any]) -> dict[str, Any]:
    kind = reader.text("kind") or "image"
    keys = [field.name.partition(".")[2] for field in SOURCES.get(kind, ())]
    typed: dict[str, Any] = {key: reader.text(f"{kind}.{key}") for key in keys}
    for field in SOURCES.get(kind, ()):
        if field.many:
            typed[field.name.partition(".")[2]] = [
                text for _, text in texts.lines(reader.text(field.name) or "")
            ] or None
        if field.name in _OF_SOURCE:
            typed[field.name.partition(".")[2]] = reader.read(field.name, _OF_SOURCE[field.name]) or None
        elif field.pairs:
            typed[field.name.partition(".")[2]] = reader.read(field.name, dotenv.pairs) or None
        elif field.shape == "flag":
            typed[field.name.partition(".")[2]] = True if reader.text(field.name) else None
    kept = {key: value for key, value in _flat(before).items() if key not in keys} if before.get("kind") == kind else {}
    if kind == "static" and (typed["path"] or typed["url"]):
        kept.pop("content", None)  # a newly named source replaces uploaded files
    return _nested({**kept, "kind": kind} | {key: value for key, value in typed.items() if value is not None})


def _health(reader: _Reader) -> dict[str, Any] | None:
    def number(key: str) -> dict[str, Any]:
        value = reader.read(f"health.{key}", texts.number)
        return {} if value is None else {key: value}

    match reader.text("health"):
        case "http":
            texts_of_http = {key: reader.text(f"health.{key}") for key in ("host", "status")}
            given = {key: text for key, text in texts_of_http.items() if text is not None}
            return {"http": reader.text("health.http") or "/"} | number("port") | given | number("timeout_s")
        case "tcp":
            return {"tcp": number("port").get("port", _first_port(reader))} | number("timeout_s")
        case "docker":
            return {"docker": True} | number("timeout_s")
        case "running_s":
            return {"running_s": 3} | number("running_s") | number("timeout_s")
        case _:
            return None


def _first_port(reader: _Reader) -> int | None:
    given = reader.read("ports", texts.ports) or []
    return next((int(one["container"]) for one in given if one.get("protocol") != "udp"), None)


def _health_inputs(health: dict[str, Any]) -> dict[str, str]:
    chosen = next((key for key in ("http", "tcp", "docker", "running_s") if health.get(key) is not None), "")
    inputs = {f"health.{key}": plain(value) for key, value in health.items() if key not in {"docker", "tcp", "status"}}
    inputs["health.status"] = ", ".join(health.get("status", []))
    if "tcp" in health:
        inputs["health.port"] = str(health["tcp"])
    return {"health": chosen, **inputs}

"""How the program of an adopted container is started: command, environment, labels, health. Pure."""

from __future__ import annotations

import re
from typing import Any

from tasks.adoption.confidential import is_secret, without_secrets
from tasks.adoption.inspected import Inspected
from tasks.adoption.notes import Notes
from tasks.adoption.platforms import is_bookkeeping, platform_of

CONFIG = frozenset(
    [
        *("Env", "Cmd", "Entrypoint", "User", "WorkingDir", "Labels", "Healthcheck", "StopTimeout", "Hostname"),
        *("Domainname", "MacAddress", "Tty", "OpenStdin", "StopSignal"),
    ]
)
HOST = frozenset({"RestartPolicy", "Init", "LogConfig"})
_LONGEST_STOP_S = 3600
READABLE = "command: it seems to hold a secret, which whoever may read the spec can read; use a variable instead"
_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,199}")
_LABEL = re.compile(r"(?!backstay\.)[!-<>-~]{1,200}")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?")
_SIZE = re.compile(r"([0-9]+)([kmg])?b?", re.IGNORECASE)
_UNIT = {"k": 1 / 1024, "m": 1, "g": 1024}
_UNNAMED = ("Hostname", "Domainname", "MacAddress", "Tty", "OpenStdin", "StopSignal")
_HOW = "the container of the first deploy does not have it"


def take(found: Inspected, spec: dict[str, Any], secrets: dict[str, str], notes: Notes) -> None:
    """Add the keys of the spec, and the secrets."""
    take_command(found, spec, notes)
    _environment(found, spec, secrets, notes)
    _labels(found, spec, notes)
    _health(found, notes)
    for key, into, pattern in (("User", "user", _USER), ("WorkingDir", "working_dir", re.compile(r"/[^:\x00]*"))):
        if found.differs(key):
            _one(str(found.config[key]), key, into, pattern, spec, notes)
    _stop(found, spec, notes)
    _restart(found, spec, notes)
    _log(found, spec, notes)
    # Without the key, Backstay decides by the image; here it is to stay as it is.
    spec["init"] = bool(found.host.get("Init"))
    if found.host.get("Init"):
        notes.mapped("HostConfig.Init", "init")
    for key in _UNNAMED:
        if is_set(found, key):
            notes.lost(f"Config.{key}", _HOW)


def is_set(found: Inspected, key: str) -> bool:
    """Return whether somebody has set a key of Config that the Engine fills in by itself."""
    if key == "Hostname":
        name, mode = str(found.config.get(key) or ""), str(found.host.get("NetworkMode"))
        is_its_own = mode != "host" and not mode.startswith("container:")  # else it is the other's, and comes with it
        return bool(name) and not str(found.raw["Id"]).startswith(name) and is_its_own
    if key == "StopSignal" and found.config.get(key) == "SIGTERM" and not found.of_image.get(key):
        return False
    return found.differs(key)


def own_environment(found: Inspected) -> dict[str, str]:
    """Return the variables that are not the image's, or have another value than there."""
    inherited = set(found.of_image.get("Env") or [])
    entries = [one for one in found.config.get("Env") or [] if one not in inherited]
    return dict(one.partition("=")[::2] for one in entries)


def own_labels(found: Inspected) -> dict[str, str]:
    """Return the labels that are not the image's."""
    inherited = found.of_image.get("Labels") or {}
    return {name: value for name, value in found.labels.items() if inherited.get(name) != value}


def take_command(found: Inspected, spec: dict[str, Any], notes: Notes) -> None:
    """Add `entrypoint` and `command` where they are not the image's."""
    command, of_image = found.config.get("Cmd") or [], found.of_image.get("Cmd") or []
    entrypoint, before = found.config.get("Entrypoint") or [], found.of_image.get("Entrypoint") or []
    if entrypoint != before:
        spec["entrypoint"] = list(entrypoint) or [""]  # Docker takes this one for none at all
        notes.mapped("Config.Entrypoint", "entrypoint")
    if entrypoint == before and command == of_image:
        return
    if command:
        spec["command"] = list(command)
        is_open = without_secrets(command, lambda _name, _value: "") != list(command)
        notes.mapped("Config.Cmd", READABLE if is_open and not notes.service else "command")
    elif of_image and entrypoint == before:
        notes.lost("Config.Cmd", "the image's command is used, and this container has none")


def _environment(found: Inspected, spec: dict[str, Any], secrets: dict[str, str], notes: Notes) -> None:
    env: dict[str, str] = {}
    for name, value in own_environment(found).items():
        if not _ENV.fullmatch(name):
            notes.lost("Config.Env", "a variable has a name that no spec takes")
        elif is_secret(name, value):
            secrets[name] = value
            notes.mapped(f"Config.Env {name}", f"secrets.{name}")
        else:
            env[name] = value
            notes.mapped(f"Config.Env {name}", f"env.{name}")
    if env:
        spec["env"] = env


def _labels(found: Inspected, spec: dict[str, Any], notes: Notes) -> None:
    platform, labels = platform_of(found.labels), dict[str, str]()
    for name, value in own_labels(found).items():
        if is_bookkeeping(name, platform):
            notes.dropped(f"Config.Labels {name}", "bookkeeping of another tool")
        elif _LABEL.fullmatch(name) and len(labels) < 200:
            labels[name] = value
            notes.mapped(f"Config.Labels {name}", f"labels.{name}")
        else:
            notes.lost(f"Config.Labels {name}", "a label of this name is none that a spec takes")
    if labels:
        spec["labels"] = labels


def _health(found: Inspected, notes: Notes) -> None:
    check = found.config.get("Healthcheck")
    if not check or check == found.of_image.get("Healthcheck"):
        return
    if (check.get("Test") or [])[:1] == ["NONE"] and not found.of_image.get("Healthcheck"):
        return
    notes.lost("Config.Healthcheck", "Backstay checks by the image, or a port: set health")


def _one(value: str, key: str, into: str, pattern: re.Pattern[str], spec: dict[str, Any], notes: Notes) -> None:
    if pattern.fullmatch(value):
        spec[into] = value
        notes.mapped(f"Config.{key}", into)
    else:
        notes.lost(f"Config.{key}", _HOW)


def _stop(found: Inspected, spec: dict[str, Any], notes: Notes) -> None:
    seconds = found.config.get("StopTimeout")
    if seconds is None:
        return
    if 0 <= seconds <= _LONGEST_STOP_S:
        spec["stop_timeout_s"] = seconds
        notes.mapped("Config.StopTimeout", "stop_timeout_s")
    else:
        spec["stop_timeout_s"] = _LONGEST_STOP_S
        notes.lost("Config.StopTimeout", "at most an hour")


def _restart(found: Inspected, spec: dict[str, Any], notes: Notes) -> None:
    policy = found.host.get("RestartPolicy") or {}
    name = policy.get("Name") or "no"
    # `always` is the default of a spec, and what Backstay means by `unless-stopped`.
    if name in {"no", "on-failure"}:
        spec["restart"] = name
    notes.mapped("HostConfig.RestartPolicy", "restart")
    if policy.get("MaximumRetryCount"):
        notes.lost("HostConfig.RestartPolicy.MaximumRetryCount", "it is started again without a limit")


def _log(found: Inspected, spec: dict[str, Any], notes: Notes) -> None:
    config = found.host.get("LogConfig") or {}
    driver, options = config.get("Type") or "json-file", dict(config.get("Config") or {})
    log: dict[str, Any] = {}
    if driver not in {"json-file", "local", "journald", "none"}:
        notes.lost("HostConfig.LogConfig", "json-file is used")
        return
    if driver != "json-file":
        log["driver"] = driver
        notes.mapped("HostConfig.LogConfig", "log.driver")
    if driver in {"json-file", "local"}:
        if (size := _mebibytes(options.get("max-size", ""))) is not None:
            log["max_size_mb"] = size
            notes.mapped("HostConfig.LogConfig max-size", "log.max_size_mb")
            options.pop("max-size")
        files = str(options.get("max-file", ""))
        if files.isdigit() and 1 <= int(files) <= 1000:
            log["max_files"] = int(files)
            notes.mapped("HostConfig.LogConfig max-file", "log.max_files")
            options.pop("max-file")
        if driver == "json-file" and not log:
            notes.dropped("HostConfig.LogConfig", "no limit: the first deploy keeps three files of 10 MB")
    for key in sorted(options):
        notes.lost(f"HostConfig.LogConfig {key}", _HOW)
    if log:
        spec["log"] = log


def _mebibytes(text: str) -> int | None:
    found = _SIZE.fullmatch(text)
    if found is None:
        return None
    size = int(found[1]) * _UNIT[found[2].lower()] if found[2] else int(found[1]) / 1024 / 1024
    return int(size) if size >= 1 and float(size).is_integer() else None

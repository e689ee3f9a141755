"""The options of a release as the Engine's API takes them. Pure.

Raises nothing: tasks.specs has checked them.
"""

from __future__ import annotations

from typing import Any

from db.releases import LogOptions, Options

MIB = 1024 * 1024
LOG = {"max-size": "10m", "max-file": "3"}


def config_of(options: Options) -> dict[str, Any]:
    """Return arguments of the SDK's create_container."""
    return {
        "entrypoint": options.get("entrypoint"),
        "user": options.get("user"),
        "working_dir": options.get("working_dir"),
    }


def host_config_of(options: Options) -> dict[str, Any]:
    """Return arguments of the SDK's create_host_config."""
    config: dict[str, Any] = {"log_config": _log(options.get("log", {}))}
    if options.get("read_only"):
        config["read_only"] = True
    if tmpfs := options.get("tmpfs"):
        config["tmpfs"] = {one["path"]: f"size={one['size_mb']}m" if "size_mb" in one else "" for one in tmpfs}
    if "shm_mb" in options:
        config["shm_size"] = options["shm_mb"] * MIB
    if ulimits := options.get("ulimits"):
        config["ulimits"] = [{"name": name, **pair} for name, pair in ulimits.items()]
    if devices := options.get("devices"):
        config["devices"] = devices
    config |= {key: options[key] for key in ("cap_add", "privileged") if options.get(key)}
    if hosts := options.get("extra_hosts"):
        config["extra_hosts"] = hosts
    return config


def _log(log: LogOptions) -> dict[str, Any]:
    driver = log.get("driver", "json-file")
    if driver not in {"json-file", "local"}:
        return {"type": driver, "config": {}}
    given = {"max-size": f"{log['max_size_mb']}m" if "max_size_mb" in log else None, "max-file": log.get("max_files")}
    return {"type": driver, "config": LOG | {key: str(value) for key, value in given.items() if value is not None}}

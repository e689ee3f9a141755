"""A spec as lines for people: one line per key, lists as short texts, secrets by name, ports as addresses. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Line = tuple[str, str | list[str]]
EVERYWHERE = frozenset({"0.0.0.0", "::"})
OPTIONS = (
    *("command", "entrypoint", "user", "working_dir", "read_only", "tmpfs", "shm_mb", "ulimits", "labels"),
    *("extra_hosts", "networks", "restart", "cap_add", "devices", "privileged", "allow"),
)


def lines(spec: dict[str, Any]) -> list[Line]:
    """Return (key, text or texts) of a spec as the API gives it. Keys that are absent are left out."""
    found: list[Line] = [line for key, value in spec["source"].items() for line in _source(key, value)]
    is_compose = spec["source"]["kind"] == "compose"  # whose file sets ports and volumes per service
    if not is_compose:
        found.append(("ports", [port_text(port) for port in spec.get("ports", [])]))
    found.append(("env", [f"{key}={value}" for key, value in spec.get("env", {}).items()]))
    found.append(("secrets", list(spec.get("secrets", []))))
    for key in ("health", "resources"):
        found += [(f"{key}.{inner}", _texts(value)) for inner, value in (spec.get(key) or {}).items()]
    if not is_compose:
        found.append(("volumes", [volume_text(volume) for volume in spec.get("volumes", [])]))
    found += [(key, option_texts(key, spec[key])) for key in OPTIONS if spec.get(key)]
    found += [(f"log.{key}", plain(value)) for key, value in (spec.get("log") or {}).items()]
    for key in ("init", "stop_timeout_s", "auto_rollback", "watch_s"):
        if key in spec and (key != "watch_s" or spec.get("auto_rollback")):
            found.append((key, plain(spec[key])))
    return found


def option_texts(key: str, value: Any) -> str | list[str]:
    """Format an option: a list, or a mapping as name=value, one text per entry."""
    match key:
        case "tmpfs":
            return [f"{one['path']}:{one['size_mb']}" if one.get("size_mb") else one["path"] for one in value]
        case "ulimits":
            return [f"{name}={_limits(pair)}" for name, pair in value.items()]
        case "labels" | "extra_hosts":
            return [f"{name}={text}" for name, text in value.items()]
    return _texts(value)


def volume_text(volume: dict[str, Any]) -> str:
    """Format a volume: data:/path, data:/path:existing,ro, or /srv/media:/path for a directory of the host."""
    more = [word for word, key in (("existing", "existing"), ("ro", "read_only")) if volume.get(key)]
    return f"{volume.get('name') or volume.get('host_path')}:{volume['path']}{':' if more else ''}{','.join(more)}"


def cache_text(rule: Mapping[str, Any]) -> str:
    """Format a rule of a site's cache: /assets/* 31536000 immutable."""
    return f"{rule['path']} {rule['max_age_s']}{' immutable' if rule.get('immutable') else ''}"


def _limits(pair: dict[str, int]) -> str:
    return str(pair["soft"]) if pair["soft"] == pair["hard"] else f"{pair['soft']}:{pair['hard']}"


def port_text(port: dict[str, Any]) -> str:
    """Format a port: 127.0.0.1:18080 → 8080, or 8080 alone when it is not published."""
    return f"{outside(port)} → {inside(port)}" if port.get("host") else inside(port)


def inside(port: dict[str, Any]) -> str:
    """Return the port of the container: 8080, 53/udp, or 8000-8010 for a range."""
    last = f"-{port['to']}" if port.get("to") else ""
    return f"{port['container']}{last}{'/udp' if port.get('protocol') == 'udp' else ''}"


def outside(port: dict[str, Any]) -> str:
    """Return address and port, or ports, of a published one."""
    address = port.get("address", "127.0.0.1")
    last = f"-{port['host'] + port['to'] - port['container']}" if port.get("to") else ""
    return f"[{address}]:{port['host']}{last}" if ":" in address else f"{address}:{port['host']}{last}"


def compose_ports(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the ports of a rendered compose file as a spec has them, each with its service. UDP is left out: no link
    on a page can use it."""
    return [
        {
            "container": f"{name}:{port['target']}",
            "host": int(port["published"]) if str(port.get("published") or "").isdigit() else None,
            "address": port.get("host_ip") or "0.0.0.0",
        }
        for name, service in sorted(model["services"].items())
        for port in service.get("ports") or []
        if port.get("protocol") != "udp"
    ]


def port_links(ports: list[dict[str, Any]], own_host: str) -> list[dict[str, Any]]:
    """Return [{"inside", "outside", "url"}]; a port on every address is linked under the host name of this page.

    `own_host` is the host of the request, with or without a port.
    """
    return [
        {
            "inside": inside(port),
            "outside": outside(port) if port.get("host") else None,
            "url": _url(port, own_host) if port.get("host") and not _is_no_page(port) else None,
        }
        for port in ports
    ]


def _is_no_page(port: dict[str, Any]) -> bool:
    return port.get("protocol") == "udp" or bool(port.get("to"))


def _url(port: dict[str, Any], own_host: str) -> str:
    if port.get("address") not in EVERYWHERE:
        return f"http://{outside(port)}/"
    name = own_host if own_host.endswith("]") else own_host.rsplit(":", 1)[0]
    return f"http://{name}:{port['host']}/"


def plain(value: Any) -> str:
    """Format a single value the way a person writes it: 4 and not 4.0, true and not True."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _source(key: str, value: Any) -> list[Line]:
    if key == "cache":
        return [(f"source.{key}", [cache_text(rule) for rule in value])]
    if not isinstance(value, dict):
        return [(f"source.{key}", _texts(value))]
    inner = [(f"source.{key}.{name}", one) for name, one in value.items() if one not in ({}, [], None)]
    return [
        (name, [f"{k}={v}" for k, v in one.items()] if isinstance(one, dict) else _texts(one)) for name, one in inner
    ]


def _texts(value: Any) -> str | list[str]:
    return [plain(one) for one in value] if isinstance(value, list) else plain(value)

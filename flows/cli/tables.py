"""The columns of the CLI's tables of workloads and deploys. Pure: JSON shapes in, columns out."""

from __future__ import annotations

import json
from typing import Any

LONGEST_VALUE = 80
WOULD_BE = {"created": "would be created", "changed": "would be changed", "refused": "would be refused"}
REFUSED: dict[str, Any] = {"outcome": "refused", "keys": [], "changes": []}
STANDING = ("NAME", "STATUS", "LIVE", "PIN", "LAST", "REQUESTED")
RELEASES = ("VERSION", "STATUS", "WHAT", "PIN", "REQUESTED", "BY", "WHEN", "TOOK")


def standing_cells(found: dict[str, Any]) -> list[str]:
    """Return one line of `backstay status`."""
    live, last = found["live"], found["last"]
    newest = f"version {last['version']} {last['status']}" if last else "never deployed"
    image = found["source"].get("image") or found["source"]["kind"]
    return [
        found["name"],
        found["status"],
        f"version {live['version']}" if live else "-",
        (live and live["pin_short"]) or "-",
        newest,
        image,
    ]


def status_line(found: dict[str, Any]) -> str | None:
    """Return why a workload is as it is, and since when; None when there is nothing to say."""
    if found["status_reason"] is None:
        return None
    code, many = found["status_exit_code"], found["restarts_10m"]
    since = found["status_since"]
    told = [
        found["status_reason"],
        f"exit code {code}" if code is not None else "",
        f"services {', '.join(found['status_services'])}" if found["status_services"] else "",
        f"{many} unasked ends within ten minutes" if many else "",
        f"since {since[:19].replace('T', ' ')}" if since else "",
    ]
    return "; ".join(one for one in told if one)


def release_cells(row: dict[str, Any]) -> list[str]:
    """Return one line of `backstay releases`, from a row of flows.shapes.deploys."""
    took = f"{row['duration_ms'] / 1000:.1f} s" if row["duration_ms"] is not None else "-"
    what = row["reason"] if row["rollback_of"] is None else f"{row['reason']} to {row['rollback_of']}"
    state = "live" if row["live"] else row["status"] + (f" ({row['error_code']})" if row["error_code"] else "")
    when = str(row["queued_at"])[:19].replace("T", " ")
    return [str(row["version"]), state, what, row["pin_short"] or "-", row["requested"], row["actor"], when, took]


def checked_cells(checked: Any) -> dict[str, Any]:
    """Return what a check said, as the JSON of `backstay apply --dry-run` has it."""
    return {
        "ok": checked.ok,
        "problems": [_reason(one) for one in checked.problems],
        "allow": list(checked.allow),
        "warnings": [_reason(one) for one in checked.warnings],
    }


def _reason(one: Any) -> dict[str, str]:
    return {"key": one.key, "code": str(one.problem), "message": str(one)}


def applied_lines(applied: dict[str, Any], dry_run: bool) -> list[str]:
    """Return the lines of `backstay apply` for one workload; in a dry run also each key with its old and new value,
    every reason against it, and the YAML that permits what may be permitted."""
    keys = f" ({', '.join(applied['keys'])})" if applied["outcome"] == "changed" else ""
    if not dry_run:
        return [f"{applied['name']}: {applied['outcome']}{keys}"]
    said = WOULD_BE.get(applied["outcome"], applied["outcome"])
    lines = [f"{applied['name']}: {said}", *(f"  {_change(one)}" for one in applied["changes"])]
    lines += [f"  ! {one['message']}" for one in applied["problems"]]
    lines += [f"  ? {one['message']}" for one in applied["warnings"]]
    if applied["allow"]:
        lines += [
            "  to allow what can be allowed:",
            f"    allow: {json.dumps(applied['allow'], ensure_ascii=False)}",
        ]
    return lines


def _change(one: dict[str, Any]) -> str:
    old, new = (None if one[side] is None else _short(one[side]) for side in ("from", "to"))
    if old is None or new is None:
        return f"+ {one['key']}: {new}" if old is None else f"- {one['key']}: {old}"
    return f"~ {one['key']}: {old} -> {new}"


def _short(value: Any) -> str:
    words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    line = words.replace("\n", " ")
    return line if len(line) <= LONGEST_VALUE else f"{line[:LONGEST_VALUE]}…"

"""What the CLI's tables show of a workload and of a deploy. Pure: JSON shapes in, columns out."""

from __future__ import annotations

from typing import Any

STANDING = ("NAME", "LIVE", "PIN", "LAST", "REQUESTED")
RELEASES = ("VERSION", "STATUS", "WHAT", "PIN", "REQUESTED", "BY", "WHEN", "TOOK")


def standing_cells(found: dict[str, Any]) -> list[str]:
    """One line of `backstay status`."""
    live, last = found["live"], found["last"]
    newest = f"version {last['version']} {last['status']}" if last else "never deployed"
    image = found["source"].get("image") or found["source"]["kind"]
    return [
        found["name"],
        f"version {live['version']}" if live else "-",
        (live and live["pin_short"]) or "-",
        newest,
        image,
    ]


def release_cells(row: dict[str, Any]) -> list[str]:
    """One line of `backstay releases`, from a row of db.rows."""
    took = f"{row['duration_ms'] / 1000:.1f} s" if row["duration_ms"] is not None else "-"
    what = row["reason"] if row["rollback_of"] is None else f"{row['reason']} to {row['rollback_of']}"
    state = "live" if row["live"] else row["status"] + (f" ({row['error_code']})" if row["error_code"] else "")
    when = str(row["queued_at"])[:19].replace("T", " ")
    return [str(row["version"]), state, what, row["pin_short"] or "-", row["requested"], row["actor"], when, took]

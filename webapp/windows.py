"""The time windows that samples can be asked for, in seconds. Pure."""

from __future__ import annotations

WINDOWS: dict[str, int] = {
    "30m": 30 * 60,
    "2h": 2 * 3600,
    "6h": 6 * 3600,
    "24h": 24 * 3600,
    "7d": 7 * 24 * 3600,
    "30d": 30 * 24 * 3600,
}
DEFAULT = "30m"

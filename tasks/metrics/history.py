"""The resource use of one or all workloads over a window of time: reads tiers and samples, makes points.

Where a tier is missing, since it is made each hour only, the part is put together from finer ones and from the samples:
the result is the same as if it had been made of samples alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from db.metrics import containers, samples, tiers
from db.metrics.bucket_widths import INSTALLATION, SAMPLES, TICK, ceiling
from db.settings import Settings
from tasks.metrics.aggregate import COLUMNS, per_version, thinned
from tasks.metrics.buckets import VERSION, merged, of_moments
from tasks.metrics.coverage import MOST_POINTS, Part, chain, cover, width_for
from tasks.metrics.frames import framed, points_of_buckets, points_of_sums

if TYPE_CHECKING:
    import pandas as pd

USUAL_INTERVAL_S = 15
# Housekeeping runs each hour: so short a window is hardly rolled up, and checking costs a tenth of the read.
SHORT_S = 3600


def history(session: Session, settings: Settings, owner_id: int, window_s: int, now: int) -> list[dict[str, Any]]:
    """Return points of the `window_s` seconds up to `now` (epoch seconds), by ts; [] when there are none.

    As tasks.metrics.aggregate.per_timestamp gives them; over long windows a point is a bucket, with averages and, in
    cpu_percent_max and memory_usage_max, the largest moment. `owner_id`: a workload, or INSTALLATION.
    """
    width, since = _scale(settings, window_s, now)
    parts = _parts(session, owner_id, width, since, now)
    if width == SAMPLES:
        sums = [row for part in parts for row in _sums_of(session, owner_id, part)]
        return points_of_sums(sums) if len(sums) <= MOST_POINTS else thinned(framed(sums, samples.SUMS), MOST_POINTS)
    rows = [row for part in parts for row in _buckets_of(session, owner_id, part)]
    return points_of_buckets(merged(framed(rows, tiers.COLUMNS), width)) if rows else []


def history_by_deploy(
    session: Session, settings: Settings, owner_id: int, window_s: int, now: int
) -> list[dict[str, Any]]:
    """Return the same for one workload, a point per deploy version that ran: with its "version", by ts and version.

    Containers of unknown version are left out.
    """
    import pandas as pd

    width, since = _scale(settings, window_s, now)
    parts = _parts(session, owner_id, width, since, now)
    buckets = pd.concat([_versions_of(session, owner_id, part) for part in parts], ignore_index=True)
    points = [
        {"ts": point["ts"], "version": version, **point}
        for version in map(int, buckets[VERSION].unique().tolist())
        for own in [buckets[buckets[VERSION] == version]]
        for point in (points_of_buckets(merged(own, width)) if width else thinned(_moments(own), MOST_POINTS))
    ]
    return sorted(points, key=lambda point: (point["ts"], point["version"]))


def _moments(buckets: pd.DataFrame) -> pd.DataFrame:
    """Return buckets of one moment each, as the original sums."""
    return buckets.rename(columns={"cpu_max": "cpu_percent", "memory_max": "memory_usage"})[list(samples.SUMS)]


def kept_s(settings: Settings) -> dict[int, int]:
    """Return how many seconds each tier is kept, by width; sums of single ticks as long as the samples."""
    hour, day = 3600, 86400
    return {
        SAMPLES: settings.keep_raw_hours * hour,
        TICK: settings.keep_raw_hours * hour,
        60: settings.keep_1min_days * day,
        900: settings.keep_15min_days * day,
        3600: settings.keep_1h_days * day,
    }


def _scale(settings: Settings, window_s: int, now: int) -> tuple[int, int]:
    """Return the width of the tier, and the start of the window: at the start of a bucket, or at a tick."""
    interval = settings.stats_interval or USUAL_INTERVAL_S
    width = width_for(window_s, interval, kept_s(settings))
    # Between two ticks the window does not move, so that a response stays the same until there is new data.
    return width, ceiling(now - window_s, width or interval)


def _parts(session: Session, owner_id: int, width: int, since: int, now: int) -> list[Part]:
    is_short = width == SAMPLES and now - since < SHORT_S and owner_id != INSTALLATION
    return cover(since, now + 1, chain(width), {} if is_short else tiers.marks(session, owner_id))


def _sums_of(session: Session, owner_id: int, part: Part) -> list[tuple[Any, ...]]:
    """Read sums of single moments, rows of samples.SUMS: of the samples, or of the tier of single ticks."""
    if part.width != SAMPLES:
        return tiers.moments(session, owner_id, part.since, part.until)
    if owner_id == INSTALLATION:
        return samples.sums_of_all(session, part.since, part.until - 1)
    return samples.sums(session, owner_id, part.since, part.until - 1)


def _buckets_of(session: Session, owner_id: int, part: Part) -> list[tuple[Any, ...]]:
    """Return rows of db.metrics.tiers.COLUMNS; each moment of the samples is a bucket of its own."""
    if part.width != SAMPLES:
        return tiers.buckets(session, owner_id, part.width, part.since, part.until)
    return [
        (0, ts, 1, 0 if cpu is None else 1, cpu or 0.0, cpu, memory, memory, limit)
        for ts, cpu, memory, limit in _sums_of(session, owner_id, part)
    ]


def _versions_of(session: Session, owner_id: int, part: Part) -> pd.DataFrame:
    if part.width != SAMPLES:
        rows = tiers.buckets_by_version(session, owner_id, part.width, part.since, part.until)
        return framed(rows, tiers.COLUMNS)
    readings = framed(samples.span(session, owner_id, part.since, part.until - 1), COLUMNS)
    versions = containers.versions(session, owner_id)
    return of_moments(per_version(with_versions(readings, versions)), [VERSION])[list(tiers.COLUMNS)]


def with_versions(rows: pd.DataFrame, versions: dict[int, int]) -> pd.DataFrame:
    """Return samples with the deploy version of their container, 0 when unknown."""
    return rows.assign(deploy_version=rows["container_id"].map(versions).fillna(0.0).astype("float64"))

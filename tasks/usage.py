"""What a workload, or all of them, used over a window of time: gathers from the tiers and the samples, makes points.

Where a tier does not reach, for it is made each hour only, the part is put together from finer ones and from the
samples: the answer is the same as if it had been made of samples alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from db import containers, samples, tiers
from db.settings import Settings
from db.widths import INSTALLATION, SAMPLES, TICK, ceiling
from tasks.aggregate import COLUMNS, per_version, thinned
from tasks.buckets import VERSION, merged, of_moments
from tasks.coverage import MOST_POINTS, Part, chain, cover, width_for
from tasks.frames import framed, points_of_buckets

if TYPE_CHECKING:
    import pandas as pd

USUAL_INTERVAL_S = 15


def history(session: Session, settings: Settings, owner_id: int, window_s: int, now: int) -> list[dict[str, Any]]:
    """Points of the `window_s` seconds up to `now` (epoch seconds), by ts; [] when there are none.

    As tasks.aggregate.per_timestamp gives them; over long windows a point is a bucket, with averages and, in
    cpu_percent_max and memory_usage_max, the largest moment. `owner_id`: a workload, or db.widths.INSTALLATION.
    """
    width, since = _scale(settings, window_s, now)
    parts = _parts(session, owner_id, width, since, now)
    if width > SAMPLES:
        found = [_buckets_of(session, owner_id, part) for part in parts]
        return _points(found, width)
    frames = [_moments_of(session, owner_id, part) for part in parts]
    return thinned(_together(frames), MOST_POINTS) if any(len(frame) for frame in frames) else []


def history_by_deploy(
    session: Session, settings: Settings, owner_id: int, window_s: int, now: int
) -> list[dict[str, Any]]:
    """The same of one workload, a point a deploy version whose containers ran: with its "version", by ts and version.

    Containers of which no version is known are left out.
    """
    width, since = _scale(settings, window_s, now)
    found = [_versions_of(session, owner_id, part) for part in _parts(session, owner_id, width, since, now)]
    versions = sorted({version for frame in found for version in frame[VERSION].unique().tolist()})
    by_version = [(version, [frame[frame[VERSION] == version] for frame in found]) for version in versions]
    points = [
        {"ts": point["ts"], "version": version, **point}
        for version, frames in by_version
        for point in _points(frames, width)
    ]
    return sorted(points, key=lambda point: (point["ts"], point["version"]))


def kept_s(settings: Settings) -> dict[int, int]:
    """How many seconds each tier is kept, by width; the ticks of the installation as long as the samples."""
    hour, day = 3600, 86400
    return {
        SAMPLES: settings.keep_raw_hours * hour,
        TICK: settings.keep_raw_hours * hour,
        60: settings.keep_1min_days * day,
        900: settings.keep_15min_days * day,
        3600: settings.keep_1h_days * day,
    }


def _scale(settings: Settings, window_s: int, now: int) -> tuple[int, int]:
    """The width of the tier, and where the window begins: at the start of a bucket, or at a tick."""
    interval = settings.stats_interval or USUAL_INTERVAL_S
    width = width_for(window_s, interval, kept_s(settings))
    # Between two ticks the window does not move, so that an answer stays what it is until there is something new.
    return width, ceiling(now - window_s, width or interval)


def _parts(session: Session, owner_id: int, width: int, since: int, now: int) -> list[Part]:
    widths = chain(owner_id, width)
    return cover(since, now + 1, widths, tiers.marks(session, owner_id) if len(widths) > 1 else {})


def _sums_of(session: Session, owner_id: int, part: Part) -> pd.DataFrame:
    last = part.until - 1
    if owner_id == INSTALLATION:
        return framed(samples.sums_of_all(session, part.since, last), samples.SUMS)
    return framed(samples.sums(session, owner_id, part.since, last), samples.SUMS)


def _buckets_of(session: Session, owner_id: int, part: Part) -> pd.DataFrame:
    if part.width == SAMPLES:
        return of_moments(_sums_of(session, owner_id, part))
    return framed(tiers.buckets(session, owner_id, part.width, part.since, part.until), tiers.COLUMNS)


def _moments_of(session: Session, owner_id: int, part: Part) -> pd.DataFrame:
    """Sums of single moments: of the samples, or of a tier in which each moment is a bucket."""
    if part.width == SAMPLES:
        return _sums_of(session, owner_id, part)
    ticks = tiers.buckets(session, owner_id, part.width, part.since, part.until)
    named = {"cpu_max": "cpu_percent", "memory_max": "memory_usage"}
    return framed(ticks, tiers.COLUMNS).rename(columns=named)[list(samples.SUMS)]


def _versions_of(session: Session, owner_id: int, part: Part) -> pd.DataFrame:
    if part.width != SAMPLES:
        return framed(tiers.buckets_by_version(session, owner_id, part.width, part.since, part.until), tiers.COLUMNS)
    rows = framed(samples.span(session, owner_id, part.since, part.until - 1), COLUMNS)
    return of_moments(per_version(with_versions(rows, containers.versions(session, owner_id))), [VERSION])


def with_versions(rows: pd.DataFrame, versions: dict[int, int]) -> pd.DataFrame:
    """Samples with the deploy version of their container, 0 when it is not known."""
    return rows.assign(**{VERSION: rows["container_id"].map(versions).fillna(0).astype("int64")})


def _points(frames: list[pd.DataFrame], width: int) -> list[dict[str, Any]]:
    frame = _together(frames)
    if frame.empty:
        return []
    if width:
        return points_of_buckets(merged(frame, width))
    named = {"cpu_max": "cpu_percent", "memory_max": "memory_usage"}
    return thinned(frame.rename(columns=named), MOST_POINTS)


def _together(frames: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    filled = [frame for frame in frames if len(frame)]
    return filled[0] if len(filled) == 1 else pd.concat(filled or frames[:1], ignore_index=True)

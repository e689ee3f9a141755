"""The availability of the releases' images: checked from time to time and written on the rows, so that a page says in
advance whether a rollback can work. The host is checked each time; a registry is queried rarely, and never twice.

Unknown never blocks: a registry that does not answer, or refuses us, leaves a row without an answer, and while Docker
is down the rows keep what was last known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from db import history, ledger, pins
from db.models import Deploy
from db.pins import PinnedImage
from db.states import ErrorCode, PinFound
from tasks.context import Context, now
from tasks.failures import Failure, attempt
from tasks.image_reference import DOCKER_HUB, parse_reference
from tasks.images import host_images, rebuildable
from tasks.images.rebuildable import Source

ASK_AGAIN = timedelta(hours=1)
# Docker Hub counts each query as a pull, and allows a hundred in six hours.
ASK_HUB_AGAIN = timedelta(days=1)
AT_ONCE = 10

Answers = Mapping[PinnedImage, PinFound | None]


@dataclass(frozen=True)
class Finding:
    """The new values of a row."""

    deploy_id: int
    found: PinFound | None
    asked_at: datetime | None


def check(context: Context) -> int:
    """Check the releases of this host once; return how many rows changed. Raises Failure when Docker is down."""
    local = {image.id for image in host_images.on_host(context.docker)}
    with context.database.reading() as session:
        rows = history.succeeded_on(session, context.settings.host_name)
    moment = now()
    answers = _ask(context, due(rows, local, moment)[:AT_ONCE])
    found = findings(rows, local, answers, moment, _sources(context, rows, local, moment))
    if found:
        with context.database.writing() as session:
            for one in found:
                ledger.mark_pin(session, one.deploy_id, one.found, one.asked_at)
    return len(found)


def due(rows: Sequence[Deploy], local: Collection[str], moment: datetime) -> list[PinnedImage]:
    """Return the images to query a registry for now, those never queried first. Pure."""
    waiting: dict[PinnedImage, datetime | None] = {}
    for row in rows:
        for image in pins.images(row.pin):
            if image.image_id in local or not image.digest or image in waiting:
                continue
            asked = row.pin_asked_at
            if asked is None or row.pin_found == PinFound.HOST or moment - asked >= _pause(image):
                waiting[image] = asked
    never = [image for image, asked in waiting.items() if asked is None]
    again = {image: asked for image, asked in waiting.items() if asked is not None}
    return never + sorted(again, key=again.__getitem__)


def findings(
    rows: Sequence[Deploy],
    local: Collection[str],
    answers: Answers,
    moment: datetime,
    sources: Mapping[int, Source | None] | None = None,
) -> list[Finding]:
    """Return the changes per row. `sources`: id of a row -> where the source of its image is. Pure."""
    changed = []
    for row in rows:
        parts, built = list(pins.images(row.pin)), set(pins.built(row.pin).values())
        source = (sources or {}).get(row.id)
        asked = any(part in answers for part in parts) or (source is not None and source.asked)
        asked_at = moment if asked else row.pin_asked_at
        if row.id in (sources or {}):
            of_source = source.found if source is not None else _before(row)
            others = [part for part in parts if part not in built]
            found = _worst([of_source, *(_of_part(part, row, local, answers) for part in others)])
        else:
            found = _worst([_of_part(part, row, local, answers) for part in parts])
        if found != row.pin_found or asked_at != row.pin_asked_at:
            changed.append(Finding(row.id, found, asked_at))
    return changed


def _of_part(part: PinnedImage, row: Deploy, local: Collection[str], answers: Answers) -> PinFound | None:
    if part.image_id in local:
        return PinFound.HOST
    if not part.digest:
        return PinFound.NOWHERE
    if part in answers:
        return answers[part]
    return _before(row)


def _before(row: Deploy) -> PinFound | None:
    before = PinFound(row.pin_found) if row.pin_found else None
    return None if before is PinFound.HOST else before  # it left the host, and no registry has been queried yet


def _sources(
    context: Context, rows: Sequence[Deploy], local: Collection[str], moment: datetime
) -> dict[int, Source | None]:
    """Return, for rows whose image was built here and is gone, where its source is. Queries one server per pass."""
    found: dict[int, Source | None] = {}
    may_ask = True
    for row in rows:
        if row.pin is None or all(image.image_id in local for image in pins.built(row.pin).values()):
            continue
        asked = row.pin_asked_at
        is_due = asked is None or row.pin_found == PinFound.HOST or moment - asked >= ASK_AGAIN
        found[row.id] = one = rebuildable.look(context, row.pin, may_ask and is_due)
        may_ask = may_ask and not (one is not None and one.asked)
    return found


def _worst(found: Sequence[PinFound | None]) -> PinFound | None:
    for answer in (PinFound.NOWHERE, None, PinFound.SOURCE, PinFound.REGISTRY, PinFound.HOST):
        if answer in found:
            return answer
    return None


def _pause(image: PinnedImage) -> timedelta:
    return ASK_HUB_AGAIN if _registry(image) == DOCKER_HUB else ASK_AGAIN


def _registry(image: PinnedImage) -> str:
    reference = parse_reference(image.repository or "")
    return reference.host if reference else ""


def _refused(context: Context, host: str, image: PinnedImage) -> ErrorCode | None:
    reference, credentials = f"{image.repository}@{image.digest}", context.credentials_for(host)
    found = attempt(lambda: context.docker.images.registry_digest(reference, credentials), Failure)
    return found.code if isinstance(found, Failure) else None


def _ask(context: Context, wanted: Sequence[PinnedImage]) -> dict[PinnedImage, PinFound | None]:
    answers: dict[PinnedImage, PinFound | None] = {}
    silent: set[str] = set()
    for image in wanted:
        host = _registry(image)
        if host in silent:
            answers[image] = None
            continue
        refused = _refused(context, host, image)
        if refused is ErrorCode.ENGINE_UNREACHABLE:
            raise Failure(refused, "availability")
        if refused in {ErrorCode.SOURCE_UNAVAILABLE, ErrorCode.REGISTRY_RATE_LIMITED}:
            silent.add(host)
        answers[image] = _meaning(refused)
    return answers


def _meaning(refused: ErrorCode | None) -> PinFound | None:
    if refused is None:
        return PinFound.REGISTRY
    return PinFound.NOWHERE if refused is ErrorCode.REFERENCE_NOT_FOUND else None

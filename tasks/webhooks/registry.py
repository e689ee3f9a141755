"""A Docker registry's (CNCF distribution) notifications: pushes, pulls and deletes of manifests and layers. Pure.

https://distribution.github.io/distribution/about/notifications/
"""

from __future__ import annotations

from typing import Any

from tasks.webhooks.delivery import (
    MOST_EVENTS,
    Delivery,
    Headers,
    Unreadable,
    as_object,
    at,
    digest_of,
    first_login,
    is_authorized,
    text,
)


class Registry:
    """See tasks.webhooks.delivery.Provider."""

    name = "registry"
    needs: str | None = "image"

    def is_genuine(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Check the Authorization header that the registry's configuration sets for its endpoint."""
        return is_authorized(headers.get("Authorization"), secret)

    def read(self, headers: Headers, body: bytes) -> list[Delivery]:
        """Parse the events of an envelope. Only a manifest pushed under a tag is a push."""
        events = as_object(body).get("events")
        if not isinstance(events, list) or len(events) > MOST_EVENTS:
            raise Unreadable
        return [_delivery(event) for event in events]


def _delivery(event: Any) -> Delivery:
    target, tag = at(event, "target"), text(at(event, "target", "tag"))
    given = text(at(event, "id"))
    if at(event, "action") != "push" or tag is None:
        return Delivery("other", id=given)
    return Delivery(
        "push",
        id=given,
        tag=tag,
        digest=digest_of(at(target, "digest")),
        repository=text(at(target, "repository"), 500),
        actor=first_login(at(event, "actor", "name")),
    )

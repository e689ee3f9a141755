"""A Docker registry's (CNCF distribution) notifications: pushes, pulls and deletes of manifests and layers; and the
packages of GitHub's registry, ghcr.io. Pure.

https://distribution.github.io/distribution/about/notifications/,
https://docs.github.com/webhooks/webhook-events-and-payloads#registry_package
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
    is_signed,
    text,
)


class Registry:
    """See tasks.webhooks.delivery.Provider."""

    name = "registry"
    needs: str | None = "image"
    secret_in_address = False

    def is_genuine(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Check the Authorization header that the registry's configuration sets for its endpoint."""
        return is_authorized(headers.get("Authorization"), secret)

    def read(self, headers: Headers, body: bytes) -> list[Delivery]:
        """Parse the events of an envelope. Only a manifest pushed under a tag is a push."""
        events = as_object(body).get("events")
        if not isinstance(events, list) or len(events) > MOST_EVENTS:
            raise Unreadable
        return [_delivery(event) for event in events]


class Ghcr:
    """The same for ghcr.io: a webhook of a repository or an organization, for the event of packages."""

    name = "ghcr"
    needs: str | None = "image"
    secret_in_address = False

    def is_genuine(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Check X-Hub-Signature-256, as for GitHub's other events."""
        return is_signed(headers.get("X-Hub-Signature-256"), body, secret, "sha256=")

    def read(self, headers: Headers, body: bytes) -> list[Delivery]:
        """Parse a package. Only a container image under a tag is a push."""
        data, event, given = as_object(body), headers.get("X-GitHub-Event"), text(headers.get("X-GitHub-Delivery"))
        if event == "ping":
            return [Delivery("ping", id=given)]
        package = data.get("registry_package") if event == "registry_package" else None
        tag = at(package, "package_version", "container_metadata", "tag")
        name, place = text(at(tag, "name")), (text(at(package, "namespace")), text(at(package, "name")))
        if name is None or None in place or data.get("action") not in {"published", "updated"}:
            return [Delivery("other", id=given)]
        return [
            Delivery(
                "push",
                id=given,
                tag=name,
                digest=digest_of(at(tag, "digest")),
                repository="/".join(map(str, place)).lower(),
                actor=first_login(at(data, "sender", "login")),
            )
        ]


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

"""Docker Hub's webhooks: a push of an image under a tag. Pure. https://docs.docker.com/docker-hub/webhooks/

Docker Hub sets no header and signs nothing, so its secret is a part of the address. The `callback_url` in a payload is
never called.
"""

from __future__ import annotations

import hashlib
from typing import Any

from tasks.image_reference import DOCKER_HUB
from tasks.webhooks.delivery import Delivery, Headers, as_object, at, first_login, text


class DockerHub:
    """See tasks.webhooks.delivery.Provider."""

    name = "dockerhub"
    needs: str | None = "image"
    secret_in_address = True

    def is_genuine(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Return False: nothing in a call but its address is known to the sender alone."""
        return False

    def read(self, headers: Headers, body: bytes) -> list[Delivery]:
        """Parse a push. There is no number of a delivery: the moment of the push and its callback stand in for it."""
        data = as_object(body)
        tag, repository = text(at(data, "push_data", "tag")), text(at(data, "repository", "repo_name"), 500)
        if tag is None or repository is None:
            return [Delivery("other")]
        return [
            Delivery(
                "push",
                id=_number(data),
                tag=tag,
                repository=repository.lower(),
                host=DOCKER_HUB,
                actor=first_login(at(data, "push_data", "pusher")),
            )
        ]


def _number(data: dict[str, Any]) -> str | None:
    moment = at(data, "push_data", "pushed_at")
    if isinstance(moment, bool) or not isinstance(moment, int | float):
        return None
    parts = (moment, at(data, "repository", "repo_name"), at(data, "push_data", "tag"), data.get("callback_url"))
    return hashlib.sha256(repr(parts).encode(errors="replace")).hexdigest()

"""Any sender that can POST: a line in a continuous integration script, say. Pure.

The body is empty or a JSON object, every key of it optional: id, branch, tag, ref, commit, digest, actor, event.
"""

from __future__ import annotations

from typing import Any

from tasks.webhooks.delivery import (
    Delivery,
    Headers,
    as_object,
    commit_of,
    digest_of,
    first_login,
    is_authorized,
    is_signed,
    text,
)


class Generic:
    """See tasks.webhooks.delivery.Provider."""

    name = "generic"
    needs: str | None = None
    secret_in_address = False

    def is_genuine(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Check a signature in X-Backstay-Signature (or X-Hub-Signature-256), or the secret as a bearer token."""
        names = ("X-Backstay-Signature", "X-Hub-Signature-256")
        signed = [is_signed(headers.get(name), body, secret, "sha256=") for name in names]
        return any(signed) | is_authorized(headers.get("Authorization"), secret)

    def read(self, headers: Headers, body: bytes) -> list[Delivery]:
        """Parse the body; an empty one means: deploy."""
        data = as_object(body) if body.strip() else {}
        given = text(headers.get("Idempotency-Key")) or text(data.get("id"))
        if data.get("event") == "ping":
            return [Delivery("ping", id=given)]
        branch, tag = _branch_and_tag(data)
        return [
            Delivery(
                "push",
                id=given,
                branch=branch,
                tag=tag,
                commit=commit_of(data.get("commit")),
                digest=digest_of(data.get("digest")),
                actor=first_login(data.get("actor")),
            )
        ]


def _branch_and_tag(data: dict[str, Any]) -> tuple[str | None, str | None]:
    ref = text(data.get("ref"), 300)
    if ref is None:
        return text(data.get("branch")), text(data.get("tag"))
    for prefix, is_branch in (("refs/heads/", True), ("refs/tags/", False)):
        if ref.startswith(prefix):
            name = ref.removeprefix(prefix)
            return (name, None) if is_branch else (None, name)
    return ref, ref  # the sender did not say which of the two it is

"""Push events of GitHub, Gitea (and Forgejo, which uses the same format) and GitLab. Pure.

https://docs.github.com/webhooks/webhook-events-and-payloads#push, https://docs.gitea.com/usage/webhooks,
https://forgejo.org/docs/latest/user/webhooks/, https://docs.gitlab.com/user/project/integrations/webhook_events/
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tasks.webhooks.delivery import (
    Delivery,
    Headers,
    Unreadable,
    as_object,
    at,
    commit_of,
    first_login,
    is_signed,
    same,
    text,
)

FORM = "application/x-www-form-urlencoded"


class GitHub:
    """See tasks.webhooks.delivery.Provider."""

    name = "github"
    needs: str | None = "url"

    def is_genuine(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Check X-Hub-Signature-256. The SHA-1 one beside it is ignored."""
        return is_signed(headers.get("X-Hub-Signature-256"), body, secret, "sha256=")

    def read(self, headers: Headers, body: bytes) -> list[Delivery]:
        """Parse JSON, or JSON in a form, which is GitHub's default."""
        delivery, event = text(headers.get("X-GitHub-Delivery")), headers.get("X-GitHub-Event")
        return [_delivery(event, delivery, _payload(headers, body))]


class Gitea:
    """The same for Gitea and Forgejo."""

    name = "gitea"
    needs: str | None = "url"

    def is_genuine(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Check X-Gitea-Signature or X-Forgejo-Signature, or the GitHub-style one that both send as well."""
        plain = [is_signed(headers.get(f"X-{one}-Signature"), body, secret) for one in ("Gitea", "Forgejo")]
        return any(plain) | is_signed(headers.get("X-Hub-Signature-256"), body, secret, "sha256=")

    def read(self, headers: Headers, body: bytes) -> list[Delivery]:
        """Parse JSON, or JSON in a form."""

        def header(what: str) -> str | None:
            return headers.get(f"X-Forgejo-{what}") or headers.get(f"X-Gitea-{what}")

        return [_delivery(header("Event"), text(header("Delivery")), _payload(headers, body))]


class GitLab:
    """The same for GitLab."""

    name = "gitlab"
    needs: str | None = "url"

    def is_genuine(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Compare X-Gitlab-Token, which is the secret itself."""
        return same(headers.get("X-Gitlab-Token"), secret)

    def read(self, headers: Headers, body: bytes) -> list[Delivery]:
        """Parse a push of branches or of a tag."""
        data = as_object(body)
        if text(data.get("object_kind")) not in {"push", "tag_push"}:
            return [Delivery("other")]
        names = ("Idempotency-Key", "X-Gitlab-Event-UUID", "X-Gitlab-Webhook-UUID")
        given = next((text(headers.get(name)) for name in names if headers.get(name)), None)
        # One `git push` of several refs arrives as several requests, and an event UUID may be that of the push.
        what = hashlib.sha256(f"{data.get('ref')} {data.get('after')}".encode()).hexdigest()
        project = data.get("project")
        return [
            _push(
                data,
                f"{given} {what}" if given else None,
                path=text(at(project, "path_with_namespace"), 500),
                url=at(project, "git_http_url") or at(project, "web_url"),
                default_branch=text(at(project, "default_branch")),
                actor=first_login(data.get("user_username"), data.get("user_name")),
            )
        ]


def _payload(headers: Headers, body: bytes) -> dict[str, Any]:
    if (headers.get("Content-Type") or "").partition(";")[0].strip().lower() == FORM:
        try:
            body = parse_qs(body.decode("ascii"), max_num_fields=10)["payload"][0].encode()
        except (ValueError, KeyError):  # UnicodeDecodeError is one
            body = b""
    return as_object(body)


def _delivery(event: str | None, given: str | None, data: dict[str, Any]) -> Delivery:
    if event == "ping":
        return Delivery("ping", id=given)
    if event != "push":
        return Delivery("other", id=given)
    repository, pusher, sender = (data.get(key) for key in ("repository", "pusher", "sender"))
    people = [at(one, key) for one in (pusher, sender) for key in ("login", "username", "name")]
    return _push(
        data,
        given,
        path=text(at(repository, "full_name"), 500),
        url=at(repository, "clone_url") or at(repository, "html_url"),
        default_branch=text(at(repository, "default_branch")),
        actor=first_login(*people),
    )


def _push(data: dict[str, Any], given: str | None, *, path: str | None, url: Any, **more: str | None) -> Delivery:
    ref = text(data.get("ref"), 300)
    if ref is None:
        raise Unreadable
    kind, _, name = ref.removeprefix("refs/").partition("/")
    after = data.get("after")
    return Delivery(
        "push",
        id=given,
        branch=name if kind == "heads" else None,
        tag=name if kind == "tags" else None,
        deleted=data.get("deleted") is True or (isinstance(after, str) and after != "" and set(after) == {"0"}),
        commit=commit_of(after),
        repository=path,
        host=_host(url),
        **more,
    )


def _host(url: Any) -> str | None:
    try:
        return urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        return None

"""Push events of GitHub, Gitea (and Forgejo, which uses the same format), GitLab and Bitbucket. Pure.

https://docs.github.com/webhooks/webhook-events-and-payloads#push, https://docs.gitea.com/usage/webhooks,
https://forgejo.org/docs/latest/user/webhooks/, https://docs.gitlab.com/user/project/integrations/webhook_events/
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tasks.webhooks.changed_files import changed_files
from tasks.webhooks.delivery import (
    MOST_EVENTS,
    Delivery,
    Headers,
    Unreadable,
    as_object,
    asks_to_skip,
    at,
    commit_of,
    first_login,
    is_signed,
    same,
    text,
)

FORM = "application/x-www-form-urlencoded"
# The commits in a payload: GitLab's and Gitea's say how many there are in all, GitHub's and an old Gitea's do not.
GITLAB_COMMITS = 20
GITHUB_COMMITS = 2048
GITEA_COMMITS = 5
MOST_COMMITS = 10_000


class GitHub:
    """See tasks.webhooks.delivery.Provider."""

    name = "github"
    needs: str | None = "url"
    secret_in_address = False

    def is_genuine(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Check X-Hub-Signature-256. The SHA-1 one beside it is ignored."""
        return is_signed(headers.get("X-Hub-Signature-256"), body, secret, "sha256=")

    def read(self, headers: Headers, body: bytes) -> list[Delivery]:
        """Parse JSON, or JSON in a form, which is GitHub's default."""
        delivery, event = text(headers.get("X-GitHub-Delivery")), headers.get("X-GitHub-Event")
        return [_delivery(event, delivery, _payload(headers, body), GITHUB_COMMITS)]


class Gitea:
    """The same for Gitea and Forgejo."""

    name = "gitea"
    needs: str | None = "url"
    secret_in_address = False

    def is_genuine(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Check X-Gitea-Signature or X-Forgejo-Signature, or the GitHub-style one that both send as well."""
        plain = [is_signed(headers.get(f"X-{one}-Signature"), body, secret) for one in ("Gitea", "Forgejo")]
        return any(plain) | is_signed(headers.get("X-Hub-Signature-256"), body, secret, "sha256=")

    def read(self, headers: Headers, body: bytes) -> list[Delivery]:
        """Parse JSON, or JSON in a form."""

        def header(what: str) -> str | None:
            return headers.get(f"X-Forgejo-{what}") or headers.get(f"X-Gitea-{what}")

        return [_delivery(header("Event"), text(header("Delivery")), _payload(headers, body), GITEA_COMMITS)]


class GitLab:
    """The same for GitLab."""

    name = "gitlab"
    needs: str | None = "url"
    secret_in_address = False

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
                message=_newest_message(data),
                files=changed_files(data, GITLAB_COMMITS + 1, data.get("total_commits_count")),
            )
        ]


class Bitbucket:
    """The same for Bitbucket Cloud. https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Push"""

    name = "bitbucket"
    needs: str | None = "url"
    secret_in_address = False

    def is_genuine(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Check X-Hub-Signature, which has a SHA-256 here."""
        return is_signed(headers.get("X-Hub-Signature"), body, secret, "sha256=")

    def read(self, headers: Headers, body: bytes) -> list[Delivery]:
        """Parse a push of several branches and tags: one event each."""
        data = as_object(body)
        if headers.get("X-Event-Key") != "repo:push":
            return [Delivery("other")]
        changes = at(data, "push", "changes")
        if not isinstance(changes, list) or len(changes) > MOST_EVENTS:
            raise Unreadable
        given = text(headers.get("X-Request-UUID"))
        return [_change(data, one, f"{given} {number}" if given else None) for number, one in enumerate(changes)]


def _change(data: dict[str, Any], change: Any, given: str | None) -> Delivery:
    new = at(change, "new")
    one = new if isinstance(new, dict) else at(change, "old")
    kind, name = at(one, "type"), text(at(one, "name"))
    if kind not in {"branch", "tag"} or name is None:
        return Delivery("other", id=given)
    return Delivery(
        "push",
        id=given,
        branch=name if kind == "branch" else None,
        tag=name if kind == "tag" else None,
        deleted=one is not new,
        commit=commit_of(at(new, "target", "hash")),
        repository=text(at(data, "repository", "full_name"), 500),
        host=_host(at(data, "repository", "links", "html", "href")),
        actor=first_login(at(data, "actor", "nickname"), at(data, "actor", "display_name")),
        skipped=kind == "branch" and asks_to_skip(at(new, "target", "message")),
    )


def _newest_message(data: dict[str, Any]) -> Any:
    commits = data.get("commits")
    known = commits if isinstance(commits, list) else []
    return next((at(one, "message") for one in known if at(one, "id") == data.get("after")), None)


def _payload(headers: Headers, body: bytes) -> dict[str, Any]:
    if (headers.get("Content-Type") or "").partition(";")[0].strip().lower() == FORM:
        try:
            body = parse_qs(body.decode("ascii"), max_num_fields=10)["payload"][0].encode()
        except (ValueError, KeyError):  # UnicodeDecodeError is one
            body = b""
    return as_object(body)


def _delivery(event: str | None, given: str | None, data: dict[str, Any], most_commits: int) -> Delivery:
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
        message=at(data, "head_commit", "message") or _newest_message(data),
        files=_files(data, most_commits),
    )


def _files(data: dict[str, Any], most_commits: int) -> frozenset[str] | None:
    total = data.get("total_commits")
    return changed_files(data, most_commits if total is None else MOST_COMMITS, total)


def _push(
    data: dict[str, Any],
    given: str | None,
    *,
    path: str | None,
    url: Any,
    default_branch: str | None,
    message: Any,
    actor: str | None,
    files: frozenset[str] | None,
) -> Delivery:
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
        # A release is often tagged at a commit that asks for no pipeline of its branch.
        skipped=kind == "heads" and asks_to_skip(message),
        commit=commit_of(after),
        repository=path,
        host=_host(url),
        default_branch=default_branch,
        actor=actor,
        # A tag names a version, whatever its commits change.
        files=files if kind == "heads" else None,
    )


def _host(url: Any) -> str | None:
    try:
        return urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        return None

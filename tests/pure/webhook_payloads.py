"""What the senders of webhooks send, in the shapes of their documentation, cut down to what could matter."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

COMMIT = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
NOTHING = "0" * 40
DIGEST = "sha256:" + "fe" * 32

# https://docs.github.com/webhooks/webhook-events-and-payloads#push
GITHUB: dict[str, Any] = {
    "ref": "refs/heads/main",
    "before": NOTHING,
    "after": COMMIT,
    "repository": {
        "id": 186853002,
        "name": "shop",
        "full_name": "acme/shop",
        "private": False,
        "owner": {"name": "acme", "email": "acme@users.noreply.github.com", "login": "acme", "id": 21031067},
        "html_url": "https://github.com/acme/shop",
        "url": "https://github.com/acme/shop",
        "git_url": "git://github.com/acme/shop.git",
        "ssh_url": "git@github.com:acme/shop.git",
        "clone_url": "https://github.com/acme/shop.git",
        "default_branch": "main",
        "master_branch": "main",
    },
    "pusher": {"name": "octocat", "email": "octocat@users.noreply.github.com"},
    "sender": {"login": "octocat", "id": 21031067, "type": "User", "site_admin": False},
    "created": False,
    "deleted": False,
    "forced": False,
    "base_ref": None,
    "compare": "https://github.com/acme/shop/compare/000000000000...6113728f27ae",
    "commits": [{"id": COMMIT, "message": "A change", "author": {"name": "Octo Cat", "username": "octocat"}}],
    "head_commit": {"id": COMMIT, "message": "A change", "timestamp": "2026-11-25T19:00:00Z"},
}
GITHUB_PING: dict[str, Any] = {"zen": "Anything added dilutes everything else.", "hook_id": 1, "hook": {"type": "App"}}

# https://docs.gitea.com/usage/webhooks; Forgejo sends the same.
GITEA: dict[str, Any] = {
    "ref": "refs/heads/develop",
    "before": "28e1879d029cb852e4844d9c718537df08844e03",
    "after": COMMIT,
    "compare_url": "https://git.example.com/acme/shop/compare/28e1879d029c...6113728f27ae",
    "commits": [{"id": COMMIT, "message": "A change\n", "author": {"name": "Gitea", "username": "gitea"}}],
    "total_commits": 1,
    "repository": {
        "id": 140,
        "owner": {"id": 1, "login": "acme", "full_name": "Acme", "email": "someone@example.com", "username": "acme"},
        "name": "shop",
        "full_name": "acme/shop",
        "html_url": "https://git.example.com/acme/shop",
        "ssh_url": "git@git.example.com:acme/shop.git",
        "clone_url": "https://git.example.com/acme/shop.git",
        "default_branch": "develop",
    },
    "pusher": {"id": 1, "login": "gitea", "full_name": "Gitea", "email": "someone@example.com", "username": "gitea"},
    "sender": {"id": 1, "login": "gitea", "full_name": "Gitea", "email": "someone@example.com", "username": "gitea"},
}

# https://docs.gitlab.com/user/project/integrations/webhook_events/#push-events
GITLAB: dict[str, Any] = {
    "object_kind": "push",
    "event_name": "push",
    "before": "95790bf891e76fee5e1747ab589903a6a1f80f22",
    "after": COMMIT,
    "ref": "refs/heads/main",
    "ref_protected": True,
    "checkout_sha": COMMIT,
    "user_id": 4,
    "user_name": "John Smith",
    "user_username": "jsmith",
    "user_email": "",
    "project_id": 15,
    "project": {
        "id": 15,
        "name": "Shop",
        "web_url": "https://gitlab.example.com/acme/web/shop",
        "git_ssh_url": "git@gitlab.example.com:acme/web/shop.git",
        "git_http_url": "https://gitlab.example.com/acme/web/shop.git",
        "namespace": "Web",
        "path_with_namespace": "acme/web/shop",
        "default_branch": "main",
    },
    "commits": [{"id": COMMIT, "message": "A change", "author": {"name": "John Smith", "email": "[REDACTED]"}}],
    "total_commits_count": 1,
}

# https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Push
BITBUCKET: dict[str, Any] = {
    "actor": {"type": "user", "display_name": "Bit Bucket", "nickname": "bitty", "account_id": "557058:1"},
    "repository": {
        "type": "repository",
        "name": "shop",
        "full_name": "acme/shop",
        "links": {"html": {"href": "https://bitbucket.org/acme/shop"}},
    },
    "push": {
        "changes": [
            {
                "new": {
                    "type": "branch",
                    "name": "main",
                    "target": {"type": "commit", "hash": COMMIT, "message": "A change\n"},
                },
                "old": {
                    "type": "branch",
                    "name": "main",
                    "target": {"hash": "1e65c05c1d5171631d92438"},
                },
                "created": False,
                "forced": False,
                "closed": False,
            }
        ]
    },
}

# https://distribution.github.io/distribution/about/notifications/
REGISTRY_PUSH: dict[str, Any] = {
    "id": "320678d8-ca14-430f-8bb6-4ca139cd83f7",
    "timestamp": "2026-11-25T19:00:00.000000000Z",
    "action": "push",
    "target": {
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "size": 708,
        "digest": DIGEST,
        "length": 708,
        "repository": "shop",
        "url": f"http://127.0.0.1:5000/v2/shop/manifests/{DIGEST}",
        "tag": "1",
    },
    "request": {
        "id": "6df24a34-0959-4923-81ca-14f09767db19",
        "addr": "192.168.64.11:42961",
        "host": "127.0.0.1:5000",
        "method": "PUT",
        "useragent": "docker/20.10.24",
    },
    "actor": {"name": "ci-robot"},
    "source": {"addr": "registry:5000", "instanceID": "a53db899-3b4b-4a62-a067-8dd013beaca4"},
}
REGISTRY_LAYER: dict[str, Any] = REGISTRY_PUSH | {
    "id": "f1cb7a83-0000-4bd6-a6bd-8d0a42e5fa2f",
    "target": {
        "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "size": 1990402,
        "digest": "sha256:" + "ab" * 32,
        "repository": "shop",
        "url": "http://127.0.0.1:5000/v2/shop/blobs/sha256:ab",
    },
}
REGISTRY_PULL: dict[str, Any] = REGISTRY_PUSH | {"action": "pull"}


# https://docs.github.com/webhooks/webhook-events-and-payloads#registry_package
GHCR: dict[str, Any] = {
    "action": "published",
    "registry_package": {
        "id": 1,
        "name": "shop",
        "namespace": "Acme",
        "ecosystem": "CONTAINER",
        "package_type": "CONTAINER",
        "package_version": {
            "version": DIGEST,
            "container_metadata": {"tag": {"name": "1", "digest": DIGEST}, "labels": {}},
            "package_url": "ghcr.io/acme/shop:1",
        },
    },
    "sender": {"login": "octocat", "id": 21031067},
}


# https://docs.docker.com/docker-hub/webhooks/#example-webhook-payload
DOCKER_HUB: dict[str, Any] = {
    "callback_url": "https://registry.hub.docker.com/u/acme/shop/hook/2141b5bi5i5b02bec211i4eeih0242eg11000a/",
    "push_data": {"pushed_at": 1417566161, "pusher": "trustedbuilder", "tag": "1", "images": []},
    "repository": {
        "comment_count": 0,
        "date_created": 1417494799,
        "full_description": "",
        "is_private": True,
        "name": "shop",
        "namespace": "acme",
        "owner": "acme",
        "repo_name": "acme/shop",
        "repo_url": "https://registry.hub.docker.com/u/acme/shop/",
        "status": "Active",
    },
}


def envelope(*events: dict[str, Any]) -> dict[str, Any]:
    """What a registry sends."""
    return {"events": list(events)}


def signature(body: bytes, secret: str) -> str:
    """The hex HMAC SHA-256."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def sent(provider: str, data: dict[str, Any], secret: str, delivery: str, event: str = "push") -> tuple[bytes, dict]:
    """Body and headers of a call, as the provider makes it."""
    body = json.dumps(data).encode()
    signed = signature(body, secret)
    headers: dict[str, str] = {"Content-Type": "application/json"}
    match provider:
        case "ghcr":
            kind = "registry_package" if event == "push" else event
            headers |= {"X-GitHub-Event": kind, "X-GitHub-Delivery": delivery}
            headers |= {"X-Hub-Signature-256": f"sha256={signed}"}
        case "github":
            headers |= {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery, "User-Agent": "GitHub-Hookshot/044aadd"}
            headers |= {"X-Hub-Signature-256": f"sha256={signed}", "X-Hub-Signature": "sha1=of-no-use"}
        case "gitea" | "forgejo":
            name = provider.title()
            headers |= {f"X-{name}-Event": event, f"X-{name}-Delivery": delivery, f"X-{name}-Signature": signed}
            headers |= {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery}
        case "gitlab":
            kind = "Tag Push Hook" if data.get("object_kind") == "tag_push" else "Push Hook"
            headers |= {"X-Gitlab-Event": kind, "X-Gitlab-Token": secret, "X-Gitlab-Event-UUID": delivery}
            headers |= {"X-Gitlab-Webhook-UUID": f"{delivery}-hook", "X-Gitlab-Instance": "https://gitlab.example.com"}
        case "bitbucket":
            headers |= {"X-Event-Key": "repo:push" if event == "push" else f"repo:{event}", "X-Request-UUID": delivery}
            headers |= {
                "X-Hub-Signature": f"sha256={signed}",
                "X-Hook-UUID": f"{delivery}-hook",
                "X-Attempt-Number": "1",
            }
        case "dockerhub":
            headers |= {"User-Agent": "hub-hook"}  # the secret is in the address, and nothing else proves anything
        case "registry":
            headers |= {"Content-Type": "application/vnd.docker.distribution.events.v1+json"}
            headers |= {"Authorization": f"Bearer {secret}", "User-Agent": "Go-http-client/1.1"}
        case _:
            headers |= {"X-Backstay-Signature": f"sha256={signed}", "Idempotency-Key": delivery}
    return body, headers

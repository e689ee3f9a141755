"""The senders of webhooks: one entry each, found by name. Pure: headers and bytes in, deliveries out."""

from __future__ import annotations

from tasks.webhooks.delivery import Delivery, Headers, Provider, Unreadable
from tasks.webhooks.dockerhub import DockerHub
from tasks.webhooks.generic import Generic
from tasks.webhooks.git_forges import Bitbucket, Gitea, GitHub, GitLab
from tasks.webhooks.registry import Ghcr, Registry

__all__ = ["PROVIDERS", "Delivery", "Headers", "Provider", "Unreadable"]

PROVIDERS: dict[str, Provider] = {
    one.name: one for one in (GitHub(), Gitea(), GitLab(), Bitbucket(), Registry(), DockerHub(), Ghcr(), Generic())
}

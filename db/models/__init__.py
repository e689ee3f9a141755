"""The tables of the ledger. Shapes only: no queries, no rules beyond what the database itself enforces.

One file per subject. This one re-exports every table, so that the rest of the product imports `db.models` alone.
"""

from db.models.access import GitCredential, LoginSession, Registry, Token, User
from db.models.adoption import AdoptedContainer
from db.models.base import Base
from db.models.containers import Container, Image, Sample
from db.models.deploys import OWNER, UNSEEN, Deploy, Document, Event, Installation, Workload
from db.models.observations import Collector, ContainerEvent, Tally, WorkloadHealth
from db.models.tiers import Bucket, TierMark
from db.models.webhooks import Hook, HookDelivery, PendingDeploy

__all__ = [
    "OWNER",
    "UNSEEN",
    "AdoptedContainer",
    "Base",
    "Bucket",
    "Collector",
    "Container",
    "ContainerEvent",
    "Deploy",
    "Document",
    "Event",
    "GitCredential",
    "Hook",
    "HookDelivery",
    "Image",
    "Installation",
    "LoginSession",
    "PendingDeploy",
    "Registry",
    "Sample",
    "Tally",
    "TierMark",
    "Token",
    "User",
    "Workload",
    "WorkloadHealth",
]

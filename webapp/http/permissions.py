"""The permissions: one table, endpoint -> role. An endpoint not listed is refused to everyone. Pure."""

from __future__ import annotations

OPEN = "open"
VIEWER = "viewer"
ADMIN = "admin"

PERMISSIONS: dict[str, str] = {
    "static": OPEN,
    "health.healthz": OPEN,
    "health.readyz": OPEN,
    "login.show": OPEN,
    "login.log_in": OPEN,
    "login.log_out": VIEWER,
    "workloads.list_all": VIEWER,
    "workloads.create": ADMIN,
    "workloads.examine": ADMIN,
    "workloads.show": VIEWER,
    "workloads.put": ADMIN,
    "workloads.change": ADMIN,
    "workloads.remove": ADMIN,
    "metrics.scrape": VIEWER,
    "installation.show": VIEWER,
    "deploys.list_all": VIEWER,
    "deploys.create": ADMIN,
    "deploys.show": VIEWER,
    "deploys.compare": VIEWER,
    "impacts.show": VIEWER,
    "impacts.marks_of": VIEWER,
    "deploys.roll_back": ADMIN,
    "deploys.cancel": ADMIN,
    "stats.of_workload": VIEWER,
    "stats.of_installation": VIEWER,
    "spreadsheets.of_workload": VIEWER,
    "spreadsheets.of_installation": VIEWER,
    "streams.follow": VIEWER,
    "observations.events_of": VIEWER,
    "observations.runtime_state": VIEWER,
    "observations.logs": VIEWER,
    "registries.list_all": VIEWER,
    "registries.put": ADMIN,
    "registries.remove": ADMIN,
    "content.put": ADMIN,
    "build_logs.show": VIEWER,
    "build_pages.show": VIEWER,
    # Its senders have no role: the view checks the token in the address and the signature of the body.
    "hooks.receive": OPEN,
    "hooks.receive_by_address": OPEN,
    "hooks.list_all": VIEWER,
    "hooks.create": ADMIN,
    "hooks.remove": ADMIN,
    "hook_pages.new": ADMIN,
    "hook_pages.create": ADMIN,
    "hook_pages.confirm_removal": ADMIN,
    "hook_pages.remove": ADMIN,
    "git_credentials.list_all": VIEWER,
    "git_credentials.put": ADMIN,
    "git_credentials.remove": ADMIN,
    "apps.home": VIEWER,
    "apps.overview": VIEWER,
    "apps.show": VIEWER,
    "logs.show": VIEWER,
    "actions.confirm_deploy": ADMIN,
    "actions.deploy": ADMIN,
    "actions.confirm_rollback": ADMIN,
    "actions.roll_back": ADMIN,
    "actions.cancel": ADMIN,
    "specs.new": ADMIN,
    "specs.create": ADMIN,
    "specs.edit": ADMIN,
    "specs.change": ADMIN,
    "specs.confirm_removal": ADMIN,
    "specs.remove": ADMIN,
    "system.show": VIEWER,
    "credentials.show": VIEWER,
    "credentials.add_registry": ADMIN,
    "credentials.remove_registry": ADMIN,
    "credentials.add_git": ADMIN,
    "credentials.remove_git": ADMIN,
    "handbook.show": VIEWER,
    "reference.document": VIEWER,
}
_RANK = {OPEN: 0, VIEWER: 1, ADMIN: 2}


def needed(endpoint: str | None) -> str | None:
    """Return the role that an endpoint requires; None: refused to all. Without endpoint, viewers get the 404."""
    return VIEWER if endpoint is None else PERMISSIONS.get(endpoint)


def allows(role: str, wanted: str | None) -> bool:
    """Return whether `role` grants what requires `wanted`."""
    return wanted is not None and _RANK.get(role, 0) >= _RANK[wanted]

"""The table of calls: endpoint -> its description. One file per subject; a new call goes into one of them.

Address, method and role of a call are not stated here: they come from its route and from webapp.http.permissions.
"""

from __future__ import annotations

from webapp.openapi.calls import access, deploys, hooks, observations, workloads
from webapp.openapi.calls.call import Call

# Subject -> its calls.
SUBJECTS: dict[str, dict[str, Call]] = {
    "Workloads": workloads.CALLS,
    "Deploys": deploys.CALLS,
    "Webhooks": hooks.CALLS,
    "Observations": observations.CALLS,
    "Access": access.CALLS,
}
CALLS: dict[str, Call] = {endpoint: call for calls in SUBJECTS.values() for endpoint, call in calls.items()}

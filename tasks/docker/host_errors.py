"""Errors of the Engine caused by its host, not by the app to be started. Pure.

The Engine has no separate field for the cause, and its status is 500 or 400 for both, so its message has to be parsed
here, and only here. Nothing of it goes further than the code. Every pattern is anchored at the start of the message:
what an app or its image says comes later and cannot match. Newer Engines put some words in front. BuildKit quotes the
command of a step first and gives its reason last, so its pattern is anchored at the end as well. That of a full disk is
anchored at the end.
"""

from __future__ import annotations

import re

_ENDPOINT = r"driver failed programming external connectivity on endpoint \S+ \(\w+\): +"
_RUNTIME = r"(failed to create (shim|shim task|task for container): )?OCI runtime create failed: "
_PATTERNS = (
    r"AppArmor enabled on system but the docker-default profile could not be loaded",
    _RUNTIME + r"(runc create failed: )?unable to start container process: (error during container init: )?"
    r"unable to apply apparmor profile: ",
    r'exec: "docker-init": ',
    _RUNTIME + r"unable to retrieve OCI runtime error \(",  # runc could not be run
    _ENDPOINT + r'exec: "docker-proxy": ',
    r"(failed to set up container networking: )?(failed to create endpoint \S+ on network \S+: |"
    + _ENDPOINT
    + r")(Unable to enable [^:]* rule: +)?\(?iptables failed: ",
)
_STEP_NOT_RUN = re.compile(
    r"(failed to solve: )?(executor failed running \[|process \").*"
    r'(\]|" did not complete successfully): exec: "(docker-)?runc": executable file not found in \$PATH',
    re.DOTALL,
)
# At the end of the message, where only the system call's error stands: a path of the image comes before it.
_DISK_FULL = re.compile(r": (no space left on device|disk quota exceeded)(: unknown)?\s*\Z", re.IGNORECASE)
_NOT_READY = re.compile("|".join(_PATTERNS))


def is_host_not_ready(words: str) -> bool:
    """Return whether the Engine's message says that its host lacks what containers need."""
    return _NOT_READY.match(words) is not None or _STEP_NOT_RUN.fullmatch(words) is not None


def is_disk_full(words: str) -> bool:
    """Return whether the Engine's message says that its disk has no room left."""
    return _DISK_FULL.search(words) is not None

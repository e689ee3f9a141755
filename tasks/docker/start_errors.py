"""Why the Engine could not start a container, from the message that it keeps of the last attempt. Pure.

Nothing of the message goes further than the code. What it says of a port begins and ends with the Engine's own words,
where no app has a say; any other message is a start that failed.
"""

from __future__ import annotations

import re

from db.states import ErrorCode
from tasks.docker.host_errors import is_host_not_ready

_PORT_IN_USE = re.compile(
    r"(failed to set up container networking: )?driver failed programming external connectivity on endpoint .*"
    r": (port is already allocated|(bind: )?address already in use)\)?\s*\Z",
    re.DOTALL,
)


def start_error(words: str) -> ErrorCode | None:
    """Return the code of an attempt that failed; None for no words, which is an attempt that succeeded."""
    if not words:
        return None
    if is_host_not_ready(words):
        return ErrorCode.HOST_NOT_READY
    return ErrorCode.PORT_IN_USE if _PORT_IN_USE.match(words) else ErrorCode.START_FAILED

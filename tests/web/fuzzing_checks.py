"""A check of our own for schemathesis, named in fuzzing.toml: what a refusal of well-formed data may say.

fuzzing.toml lets some calls answer 422 to data that fits their schema, because a schema cannot say everything. Without
this check any refusal would pass there, also one that a schema could have said.
"""

from __future__ import annotations

import re
from typing import Any

import schemathesis

# Depends on what is there, or on two parts of the data at once.
CODES = frozenset({"not_a_success", "already_live", "not_rollback_capable", "nothing_to_roll_back_to"})
SENTENCES = (
    # a spec that contradicts itself
    r"has \S+, which env has too",
    r"has the same entry twice",
    r"is missing, and there is no port to take instead",
    r"is in the compose file, service by service",
    r"means something to Docker Compose itself",
    r"must have docker or running_s",
    # or what is there
    r"^name: cannot be changed",
    r"cannot be changed to this one",
    r"is a secret of this workload too",
    r"is not a host of this installation",
    r"does not go with a workload of kind",
    r"goes with a source that has \w+",
    r"does not go with an image",
    # or what this installation allows
    r"is in none of the directories",
    r"no directory is listed in",
    r"has the protocol \w+",
    # or is not what the bytes have to be, or has characters that do not print, for which there is no pattern
    r"must be one line of printable characters",
    r"must be a name or a pattern with \*",
    r"must be the absolute path of a directory",
    r"must be a path inside the repository",
    r"must be a private key",
    r"must be a tar or zip",
    r"must be static, so that it takes files",
)


@schemathesis.check
def refuses_well_formed_data_only_for_what_no_schema_says(ctx: Any, response: Any, case: Any) -> bool | None:
    """A 422 to data that fits the schema has one of these reasons."""
    if response.status_code != 422 or case.meta is None or not case.meta.generation.mode.is_positive:
        return None
    answer = response.json()
    known = answer["code"] in CODES or any(re.search(sentence, answer["detail"]) for sentence in SENTENCES)
    assert known, f"the schema allows what is refused: {answer['code']}: {answer['detail']}"
    return None

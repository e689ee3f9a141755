"""A check of our own for schemathesis, named in fuzzing.toml: what a refusal of well-formed data may say.

fuzzing.toml lets some calls answer 422 to data that fits their schema, because a schema cannot say everything. Without
this check any refusal would pass there, also one that a schema could have said.
"""

from __future__ import annotations

from typing import Any

import schemathesis

from db.messages.file_problems import FileProblem
from db.messages.key_problems import KeyProblem
from db.messages.source_problems import SourceProblem

# Depends on what is there, or on two parts of the data at once.
CODES = frozenset({"not_a_success", "already_live", "not_rollback_capable", "nothing_to_roll_back_to"})
PROBLEMS = frozenset(
    {
        # a text that is no compose file
        *FileProblem,
        # a spec that contradicts itself
        KeyProblem.IN_ENV_TOO,
        KeyProblem.TWICE,
        KeyProblem.NO_PORT,
        KeyProblem.BAD_PORT_RANGE,
        KeyProblem.SOFT_ABOVE_HARD,
        KeyProblem.NOT_ALLOWED,
        KeyProblem.NOT_A_STATUS,
        KeyProblem.NOT_IN_COMPOSE,
        KeyProblem.HOST_PATH_NOT_ALLOWED,
        KeyProblem.LOG_WITHOUT_FILES,
        KeyProblem.IN_COMPOSE_FILE,
        KeyProblem.RESERVED,
        KeyProblem.COMPOSE_HEALTH,
        KeyProblem.PORTS_OVERLAP,
        # a webhook whose keys do not go with its sender
        SourceProblem.PATHS_NEED_GIT,
        SourceProblem.SECRET_IN_ADDRESS,
        # or a fraction that a schema takes for a whole number: the text of 1530.0 is lost in JSON
        KeyProblem.QUOTE_IT,
        # or what is there
        KeyProblem.FIXED,
        KeyProblem.FIXED_KIND,
        KeyProblem.SECRET_TOO,
        KeyProblem.NO_SUCH_HOST,
        KeyProblem.WRONG_KIND,
        KeyProblem.NOT_IN_SOURCE,
        KeyProblem.NO_BRANCHES,
        # or what this installation allows
        KeyProblem.NOT_IN_STATIC_ROOTS,
        KeyProblem.NO_STATIC_ROOTS,
        KeyProblem.PROTOCOL_NOT_ALLOWED,
        # or is not what the bytes have to be, or has characters that do not print, for which there is no pattern
        KeyProblem.NOT_ONE_LINE,
        KeyProblem.NOT_A_NAME_PATTERN,
        SourceProblem.NOT_A_PATH_FILTER,
        KeyProblem.NOT_ABSOLUTE,
        KeyProblem.NOT_INSIDE,
        KeyProblem.NOT_A_PRIVATE_KEY,
        KeyProblem.BAD_ARCHIVE,
        KeyProblem.TAKES_NO_FILES,
    }
)


@schemathesis.check
def refuses_well_formed_data_only_for_what_no_schema_says(ctx: Any, response: Any, case: Any) -> bool | None:
    """A 422 to data that fits the schema has one of these reasons."""
    if response.status_code != 422 or case.meta is None or not case.meta.generation.mode.is_positive:
        return None
    answer = response.json()
    known = answer["code"] in CODES or answer.get("problem") in PROBLEMS
    assert known, f"the schema allows what is refused: {answer['code']}: {answer['detail']}"
    return None

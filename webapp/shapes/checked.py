"""The shapes of what a check says of a spec."""

from __future__ import annotations

from pydantic import Field

from db.messages.file_problems import FileProblem
from db.messages.key_problems import KeyProblem
from db.messages.source_problems import SourceProblem
from flows.shapes.base import Shape
from webapp.shapes.stored import WholeWorkload


class SpecReason(Shape):
    """One thing that is wrong with a spec or its compose file, or that a check warns of."""

    key: str = Field(description="Of the spec, of the compose file (`web.privileged`), or the name of a variable.")
    code: KeyProblem | SourceProblem | FileProblem
    message: str = Field(description="In English, with the key; never with a value.")


class CheckedSpec(Shape):
    """The result of a check: whether a deploy would accept the spec, and every reason at once."""

    ok: bool
    problems: list[SpecReason]
    allow: list[str] = Field(
        description="The whole `allow`, of a compose workload `source.allow`, that permits what may be permitted; "
        "empty where nothing is to be added."
    )
    warnings: list[SpecReason]


class AddedWorkload(WholeWorkload):
    """A workload that was added, and every reason for which a deploy would refuse its compose file."""

    problems: list[SpecReason]
    allow: list[str] = Field(description="As of a check.")

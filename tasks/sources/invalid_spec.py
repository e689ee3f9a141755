"""The refusal of a spec or of a body: the key, and a code for what is wrong with it. Pure.

pydantic's errors are classified by their type, never by their text, and no value gets from them into a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from db.messages.file_problems import FileProblem
from db.messages.key_problems import KeyProblem
from db.messages.problem_base import Problem

_LIKE_A_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}(?=$|[=: ])")
_OURS = "key_problem"
# pydantic's type of an error -> our code, and the limits: our name -> the key in its context.
_PYDANTIC: dict[str, tuple[KeyProblem, dict[str, str]]] = {
    "extra_forbidden": (KeyProblem.UNKNOWN_KEY, {}),
    "missing": (KeyProblem.REQUIRED, {}),
    "union_tag_not_found": (KeyProblem.REQUIRED, {}),
    "union_tag_invalid": (KeyProblem.ONE_OF, {"allowed": "expected_tags"}),
    "literal_error": (KeyProblem.ONE_OF, {"allowed": "expected"}),
    "model_type": (KeyProblem.NOT_A_MAPPING, {}),
    "model_attributes_type": (KeyProblem.NOT_A_MAPPING, {}),
    "dict_type": (KeyProblem.NOT_A_MAPPING, {}),
    "list_type": (KeyProblem.NOT_A_LIST, {}),
    "too_short": (KeyProblem.EMPTY, {}),  # no list of ours needs more than one entry
    "too_long": (KeyProblem.TOO_MANY, {"limit": "max_length"}),
    "string_type": (KeyProblem.NOT_TEXT, {}),
    "string_unicode": (KeyProblem.NOT_TEXT, {}),
    "string_too_short": (KeyProblem.TOO_SHORT, {"limit": "min_length"}),
    "string_too_long": (KeyProblem.TOO_LONG, {"limit": "max_length"}),
    "string_pattern_mismatch": (KeyProblem.BAD_PATTERN, {"pattern": "pattern"}),
    "bool_type": (KeyProblem.NOT_A_BOOLEAN, {}),
    "bool_parsing": (KeyProblem.NOT_A_BOOLEAN, {}),
    "int_type": (KeyProblem.NOT_WHOLE, {}),
    "int_parsing": (KeyProblem.NOT_WHOLE, {}),
    "int_parsing_size": (KeyProblem.NOT_WHOLE, {}),
    "int_from_float": (KeyProblem.NOT_WHOLE, {}),
    "float_type": (KeyProblem.NOT_A_NUMBER, {}),
    "float_parsing": (KeyProblem.NOT_A_NUMBER, {}),
    "finite_number": (KeyProblem.NOT_A_NUMBER, {}),
    "greater_than": (KeyProblem.MORE_THAN, {"limit": "gt"}),
    "greater_than_equal": (KeyProblem.AT_LEAST, {"limit": "ge"}),
    "less_than_equal": (KeyProblem.AT_MOST, {"limit": "le"}),
}


@dataclass(frozen=True)
class Reason:
    """One thing that is wrong: the key, of a spec or of a compose file, the code, and the limits inserted into its
    texts."""

    key: str
    problem: Problem
    limits: dict[str, Any] = field(default_factory=dict)

    @property
    def clause(self) -> str:
        """What is wrong, in English, to be read after the key."""
        return self.problem.clause % self.limits

    def __str__(self) -> str:
        return f"{self.key}: {self.clause}"

    def within(self, place: str) -> Reason:
        """Return the same with the key prefixed by its place."""
        return Reason(f"{place}{self.key}", self.problem, self.limits)


def sentence_params(reasons: Sequence[Reason]) -> dict[str, Any]:
    """Return what goes into the sentence of reasons with the same problem: for a key of a spec its limits, for a
    compose file the keys, and their paths and names."""
    first = reasons[0]
    if not isinstance(first.problem, FileProblem):
        return dict(first.limits)
    found: dict[str, Any] = {"keys": list(dict.fromkeys(one.key for one in reasons))}
    for plural, name in (("paths", "path"), ("names", "name")):
        given = [str(one.limits[name]) for one in reasons if name in one.limits]
        found |= {plural: list(dict.fromkeys(given))} if given else {}
    return found | {name: value for name, value in first.limits.items() if name not in {"path", "name"}}


class InvalidSpec(Exception):  # noqa: N818 - it names what happened
    """A refusal: at least one reason. `allow`: the whole list with which the spec permits what it may permit of it;
    empty where it may permit nothing. `key`, `problem` and `limits` are those of the first reason."""

    def __init__(self, key: str, problem: Problem, **limits: Any) -> None:
        self.reasons: Sequence[Reason] = (Reason(key, problem, limits),)
        self.allow: Sequence[str] = ()
        super().__init__(str(self.reasons[0]))

    @classmethod
    def of(cls, reasons: Sequence[Reason], allow: Sequence[str] = ()) -> InvalidSpec:
        """Return the refusal with all of these reasons."""
        first = reasons[0]
        refusal = cls(first.key, first.problem, **first.limits)
        refusal.reasons, refusal.allow = tuple(reasons), tuple(allow)
        return refusal

    @property
    def key(self) -> str:
        """The dotted path of the key."""
        return self.reasons[0].key

    @property
    def problem(self) -> Problem:
        """The code."""
        return self.reasons[0].problem

    @property
    def limits(self) -> dict[str, Any]:
        """The values inserted into the texts."""
        return self.reasons[0].limits

    @property
    def clause(self) -> str:
        """What is wrong, in English, to be read after the key."""
        return self.reasons[0].clause

    def within(self, place: str) -> InvalidSpec:
        """Return the same refusal with the keys prefixed by their place."""
        return InvalidSpec.of([one.within(place) for one in self.reasons], self.allow)


def wrong(problem: Problem, key: str | None = None, **limits: Any) -> PydanticCustomError:
    """Return the error for a model's validator to raise; `key` if it is not the key being validated."""
    return PydanticCustomError(_OURS, "{problem}", {"problem": problem, "key": key, "limits": limits})


def all_wrong(errors: Iterable[PydanticCustomError]) -> PydanticCustomError | None:
    """Return one error for all of these, as `wrong` makes them; None when there is none."""
    every = [error.context or {} for error in errors]
    return PydanticCustomError(_OURS, "{problem}", {**every[0], "every": every}) if every else None


def refusal_of(error: ValidationError, key: str | None = None) -> InvalidSpec:
    """Return the refusal for all of pydantic's errors, with `key` instead of their own where one is given.

    Raise it after the except block was left: the error in its context has the value.
    """
    return InvalidSpec.of(reasons_of(error, key))


def reasons_of(error: ValidationError, key: str | None = None) -> list[Reason]:
    """Return the reason of each of pydantic's errors, none of them twice."""
    found = []
    for one in error.errors(include_url=False, include_input=False):
        for context in (one.get("ctx") or {}).get("every") or [one.get("ctx")]:
            each: ErrorDetails = {**one, "ctx": context} if context is not None else one
            problem, limits = _problem(each)
            reason = Reason(_key(each) if key is None else key, problem, limits)
            if reason not in found:
                found.append(reason)
    return found


def shown_key(key: object) -> str:
    """Return the key in a form safe to show: of `PASSWORD=hunter2` in the place of a key, the part before the value."""
    begin = _LIKE_A_KEY.match(str(key))
    if begin is None:
        return "(a key that is none)"
    return begin[0] if begin.end() == len(str(key)) else f"{begin[0]}…"


def _problem(error: ErrorDetails) -> tuple[Problem, dict[str, Any]]:
    context = error.get("ctx", {})
    if error["type"] == _OURS:
        return context["problem"], context["limits"]
    problem, names = _PYDANTIC.get(error["type"], (KeyProblem.NOT_ACCEPTED, {}))
    if problem is KeyProblem.TOO_SHORT and context["min_length"] == 1:
        return KeyProblem.EMPTY, {}
    return problem, {name: _shown(name, context[where]) for name, where in names.items()}


def _shown(name: str, limit: Any) -> Any:
    """Return 3600.0 as 3600, and pydantic's `'a', 'b' or 'c'` as `a, b, c`."""
    if name == "allowed":
        return limit.replace("'", "").replace(" or ", ", ").replace("True", "true")
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def _key(error: ErrorDetails) -> str:
    if given := error.get("ctx", {}).get("key"):
        return str(given)
    loc = tuple(part for part in error["loc"] if part != "[key]")
    if error["type"].startswith("union_tag"):
        loc = (*loc, "kind")
    elif loc[:1] == ("source",):
        loc = (*loc[:1], *loc[2:])  # the second is the kind, which selected the model, and no key
    return ".".join(shown_key(part) for part in loc) or "spec"

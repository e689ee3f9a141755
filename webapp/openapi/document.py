"""The OpenAPI document, built from the app's routes, the table of permissions and the table of calls.

Nothing is stated twice: addresses and methods come from the routes, roles from the permissions, the rest from calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import orjson
from pydantic import TypeAdapter
from werkzeug.routing import Map, Rule

from db.messages.refusals import RefusalCode
from webapp.http import permissions
from webapp.http.problems import is_for_programs
from webapp.openapi.calls import CALLS, SUBJECTS
from webapp.openapi.calls.call import FORM, PROBLEM, Answer, Body, Call, Parameter
from webapp.openapi.calls.workloads import PATCH
from webapp.openapi.json_schema import patch_of, tidied
from webapp.openapi.paths import address, parameters
from webapp.shapes.deploys import Problem

REFS = "#/components/schemas/"
SPEC = "Spec"
TITLE = "Backstay"
SAYS = (
    "Deploys containers, remembers every deploy exactly, and takes any of them back. Errors are problem+json with a "
    "stable code; times are UTC, CPU is percent of one core, memory is bytes. More words: docs/api.md."
)
SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "backstay token create --role admin|viewer"},
}
# Called by programs although they belong to pages.
OTHERS = frozenset({"login.show", "login.log_in", "login.log_out"})


def described(routes: Map) -> Iterator[tuple[str, str, Rule]]:
    """Yield (endpoint, method, rule) of every route that is for programs."""
    for rule in routes.iter_rules():
        if is_for_programs(rule.rule) or rule.endpoint in OTHERS:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule.endpoint, method.lower(), rule


def whole(routes: Map) -> dict[str, Any]:
    """Return the document of an app's routes. A route that no call describes is left out; a test finds it."""
    shapes = _shapes()
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for endpoint, method, rule in sorted(described(routes), key=lambda one: (one[2].rule, one[1])):
        if (call := CALLS.get(endpoint)) is not None:
            paths[address(rule.rule)][method] = _operation(endpoint, call, rule, shapes)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": _version(), "description": SAYS, "license": {"name": "MIT"}},
        "tags": [{"name": subject} for subject in SUBJECTS],
        "paths": dict(paths),
        "components": {
            "schemas": shapes.components,
            "responses": dict(sorted(shapes.responses.items())),
            "securitySchemes": SECURITY,
        },
    }


def written(document: dict[str, Any]) -> bytes:
    """Return the document as text, in a stable order."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"


class _Shapes:
    """The schemas of all shapes: the components, and the schema to write where a shape is used."""

    def __init__(self, given: list[Any]) -> None:
        adapters: list[Any] = [(str(index), "validation", TypeAdapter(shape)) for index, shape in enumerate(given)]
        used, defined = _renamed(*TypeAdapter.json_schemas(adapters, ref_template=REFS + "{model}"))
        self.components: dict[str, Any] = tidied(defined.get("$defs", {}))
        self.components[PATCH] = patch_of(self.components[SPEC])
        self.responses: dict[str, Any] = {}
        self._used = [(shape, used[str(index), "validation"]) for index, shape in enumerate(given)]

    def of(self, shape: Any) -> dict[str, Any]:
        """Return the schema of a shape: a model, a list of them, a component's name, or a schema unchanged."""
        if isinstance(shape, str):
            return {"$ref": REFS + shape}
        if isinstance(shape, dict):
            return shape
        schema: dict[str, Any] = tidied(next(schema for known, schema in self._used if known == shape))
        return schema


def _renamed(*schemas: Any) -> Any:
    """Return the schemas with plain names for two enumerations that share one."""
    names = {"db__states__Reason": "Reason", "tasks__impact__verdict__Reason": "ImpactReason"}

    def plain(value: Any) -> Any:
        match value:
            case dict():
                return {names.get(str(key), key): plain(inner) for key, inner in value.items()}
            case list():
                return [plain(inner) for inner in value]
            case str() if value.startswith(REFS):
                return REFS + names.get(value.removeprefix(REFS), value.removeprefix(REFS))
            case _:
                return value

    return tuple(plain(schema) for schema in schemas)


@cache
def _shapes() -> _Shapes:
    found = [Problem]
    for call in CALLS.values():
        found += [answer.shape for answer in call.answers.values()] + ([call.body.shape] if call.body else [])
    return _Shapes([shape for shape in found if shape is not None and not isinstance(shape, str | dict)])


def _operation(endpoint: str, call: Call, rule: Rule, shapes: _Shapes) -> dict[str, Any]:
    role = permissions.PERMISSIONS[endpoint]
    is_open = role == permissions.OPEN
    more = [call.more] if call.more else []
    more += [] if is_open else [f"For the role {role}."]
    given = [*parameters(endpoint, rule.rule), *call.query]
    # A value that does not fit the address matches no route.
    refuses = (*call.refuses, *([RefusalCode.NOT_FOUND] if "<" in rule.rule else []), *usual(endpoint, call, role))
    operation: dict[str, Any] = {
        "operationId": endpoint.replace(".", "_"),
        "tags": [next(subject for subject, calls in SUBJECTS.items() if endpoint in calls)],
        "summary": call.says,
        "description": " ".join(more),
        "security": [] if is_open else [{name: []} for name in SECURITY],
        "responses": _responses(call, refuses, shapes, as_page=endpoint == "login.log_in"),
    }
    if given:
        operation["parameters"] = [_parameter(one) for one in given]
    if call.body is not None:
        operation["requestBody"] = _body(call.body, shapes)
    return {key: value for key, value in operation.items() if value != ""}


def _parameter(one: Parameter) -> dict[str, Any]:
    needed = {"required": True} if one.place == "path" else {}
    example = {"example": one.schema["examples"][0]} if "examples" in one.schema else {}
    schema = {key: value for key, value in one.schema.items() if key != "examples"}
    return {"name": one.name, "in": one.place, "description": one.says, "schema": schema, **needed, **example}


def _body(body: Body, shapes: _Shapes) -> dict[str, Any]:
    return {
        "required": not body.optional,
        "content": {media: {"schema": shapes.of(body.shape)} for media in body.media},
    }


def _responses(call: Call, refuses: Sequence[RefusalCode], shapes: _Shapes, *, as_page: bool) -> dict[str, Any]:
    found = {str(status): _answer(answer, shapes) for status, answer in call.answers.items()}
    for status, codes in _by_status(refuses).items():
        refusal = _refusal(codes, shapes, as_page=as_page)
        if (already := found.get(str(status))) is not None:  # /readyz lists with 503 the services that are down
            already["content"] |= refusal["content"]
        else:
            name = "_or_".join(codes) + ("_or_its_page" if "text/html" in refusal["content"] else "")
            shapes.responses[name] = refusal
            found[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(found.items()))


def _by_status(codes: Sequence[RefusalCode]) -> dict[int, list[RefusalCode]]:
    found: dict[int, list[RefusalCode]] = defaultdict(list)
    for code in dict.fromkeys(codes):
        found[code.http_status].append(code)
    return found


def _refusal(codes: list[RefusalCode], shapes: _Shapes, *, as_page: bool) -> dict[str, Any]:
    one_of_them = {"allOf": [shapes.of(Problem), {"properties": {"code": {"enum": codes}}}]}
    content: dict[str, Any] = {PROBLEM: {"schema": one_of_them}}
    if as_page:
        content["text/html"] = {"schema": {"type": "string"}}
    return {"description": ", ".join(f"`{code}`" for code in codes), "content": content}


def usual(endpoint: str, call: Call, role: str) -> list[RefusalCode]:
    """Return the refusals that follow from the kind of call: one with the ledger, a caller, arguments or a body."""
    found = [] if endpoint in {"health.healthz", "reference.document"} else [RefusalCode.LEDGER_UNAVAILABLE]
    if role != permissions.OPEN:
        found.append(RefusalCode.UNAUTHORIZED)
    if role == permissions.ADMIN:
        found += [RefusalCode.FORBIDDEN, RefusalCode.CROSS_SITE]
    if call.query or call.body:
        found.append(RefusalCode.BAD_REQUEST)
    if call.body and FORM not in call.body.media and role != permissions.OPEN:
        found += [RefusalCode.UNSUPPORTED_MEDIA_TYPE, RefusalCode.TOO_LARGE]
    return found


def _answer(answer: Answer, shapes: _Shapes) -> dict[str, Any]:
    found: dict[str, Any] = {"description": answer.says}
    if answer.shape is not None:
        found["content"] = {answer.media: {"schema": shapes.of(answer.shape)}}
    if answer.headers:
        found["headers"] = {
            name: {"description": says, "schema": {"type": "string"}} for name, says in answer.headers.items()
        }
    return found


def _version() -> str:
    from importlib.metadata import version

    return version("backstay")

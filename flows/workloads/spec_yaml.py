"""The YAML of specs, read by the rules of YAML 1.2; where a spec has a text, an unquoted value is what was written.

The program's usual reader knows YAML 1.1, in which 0123 is 83, `no` a boolean and 12:30 a number. Which places have
texts, the spec itself says, by its JSON Schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, cast

import yaml
from yaml.constructor import ConstructorError

from db.messages.key_problems import KeyProblem
from tasks.failures import translated
from tasks.sources.invalid_spec import InvalidSpec, shown_key
from tasks.specs import Spec

MOST_VALUES = 100_000  # aliases are written out: a few lines could be a thousand million values
DEEPEST = 50
LONGEST_NUMBER = 40  # digits; a longer one is none that a spec has a place for
_TAG = "tag:yaml.org,2002:"
_NULL, _BOOLEAN, _INTEGER, _FLOAT = f"{_TAG}null", f"{_TAG}bool", f"{_TAG}int", f"{_TAG}float"
_TEXT, _LIST, _MAPPING, _MERGE = f"{_TAG}str", f"{_TAG}seq", f"{_TAG}map", f"{_TAG}merge"
_CORE = (
    (_NULL, r"~|null|Null|NULL|", [*"~nN", ""]),
    (_BOOLEAN, r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    (_INTEGER, r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", [*"-+0123456789"]),
    (
        _FLOAT,
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        [*"-+.0123456789"],
    ),
    (_MERGE, r"<<", ["<"]),
)
Schema = dict[str, Any]


class _Reader(yaml.SafeLoader):
    """Parses as YAML 1.2's core schema has it, and merge keys, which it dropped and people use."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as the parent has it


for _tag, _pattern, _first in _CORE:
    _Reader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), _first)


def documents(text: str) -> list[Document]:
    """Return the documents that are not empty. Raises InvalidSpec for a line that is no YAML."""
    line = None
    try:
        return [Document(node) for node in yaml.compose_all(text, Loader=_Reader) if node.tag != _NULL]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
    except (yaml.YAMLError, RecursionError):
        pass
    # Not the parser's own message: it quotes the file, which may contain secrets.
    raise _no_yaml(line)


def _no_yaml(line: int | None) -> InvalidSpec:
    return InvalidSpec(f"line {line}" if line else "spec", KeyProblem.NOT_YAML)


class Document:
    """One document, parsed."""

    def __init__(self, node: Any) -> None:
        self._node, self._left, self._flat = node, MOST_VALUES, set[int]()

    def value(self) -> Any:
        """Return the value of the whole. Raises InvalidSpec with the key, or with the line of what is no YAML."""
        return self._value(self._node, (), _whole_spec())

    def _value(self, node: Any, path: tuple[str, ...], schemas: Sequence[Schema]) -> Any:
        self._left -= 1
        if self._left < 0 or len(path) > DEEPEST:
            raise _no_yaml(_line(node))
        if isinstance(node, yaml.MappingNode) and node.tag == _MAPPING:
            return self._mapping(node, path, schemas)
        if isinstance(node, yaml.SequenceNode) and node.tag == _LIST:
            below = [inner for one in schemas for inner in _resolved(one.get("items"))]
            return [self._value(one, (*path, str(at)), below) for at, one in enumerate(node.value)]
        if not isinstance(node, yaml.ScalarNode) or node.tag not in {_NULL, _BOOLEAN, _INTEGER, _FLOAT, _TEXT, _MERGE}:
            raise _no_yaml(_line(node))
        if not any("string" in _types(one) for one in schemas):
            return _typed(node)
        if node.tag != _NULL:
            return str(node.value)
        if any("null" in _types(one) for one in schemas):
            return None
        raise InvalidSpec(_shown(path), KeyProblem.QUOTE_IT)

    def _mapping(self, node: yaml.MappingNode, path: tuple[str, ...], schemas: Sequence[Schema]) -> dict[str, Any]:
        if id(node) not in self._flat:
            self._flat.add(id(node))
            self._once(node, path)
            _merge(node)
        found = {}
        for key, value in node.value:
            name = str(key.value)
            found[name] = self._value(value, (*path, name), [one for each in schemas for one in _at(each, name)])
        return found

    def _once(self, node: yaml.MappingNode, path: tuple[str, ...]) -> None:
        """Refuse a key that is no scalar, or stands there twice: the first value would be lost."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _no_yaml(_line(key))
            if key.value in seen:
                raise InvalidSpec(_shown((*path, str(key.value))), KeyProblem.TWICE)
            seen.add(key.value)


def _merge(node: yaml.MappingNode) -> None:
    """Replace the merge keys of a mapping by what they name."""
    flatten = yaml.constructor.SafeConstructor().flatten_mapping
    translated(lambda: flatten(node), ConstructorError, RecursionError, into=_no_yaml(_line(node)))


def _typed(node: yaml.ScalarNode) -> Any:
    text = str(node.value)
    if node.tag in {_INTEGER, _FLOAT} and len(text) > LONGEST_NUMBER:
        return text
    try:
        match node.tag:
            case tag if tag == _NULL:
                return None
            case tag if tag == _BOOLEAN:
                return {"true": True, "false": False}.get(text.lower(), text)
            case tag if tag == _INTEGER:
                return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
            case tag if tag == _FLOAT:
                return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:  # a tag in the file that its text does not fit
        pass
    return text


@cache
def _schema() -> Schema:
    return Spec.model_json_schema()


def _whole_spec() -> list[Schema]:
    return list(_resolved(_schema()))


def _resolved(schema: Schema | None) -> Iterator[Schema]:
    """Yield the schemas that a value may match: references followed, alternatives one by one."""
    if schema is None:
        return
    if (name := schema.get("$ref", "").rpartition("/")[2]) != "":
        yield from _resolved(_schema()["$defs"][name])
    yield schema
    for how in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(how, ()):
            yield from _resolved(one)


def _at(schema: Schema, key: str) -> Iterator[Schema]:
    """Yield the schemas of a mapping's key. A name that the pattern refuses is refused later, by its own rule."""
    if key in schema.get("properties", {}):
        yield from _resolved(schema["properties"][key])
        return
    for one in schema.get("patternProperties", {}).values():
        yield from _resolved(one)
    if isinstance(more := schema.get("additionalProperties"), dict):
        yield from _resolved(more)


def _types(schema: Schema) -> Sequence[str]:
    given = schema.get("type", ())
    return [given] if isinstance(given, str) else cast("Sequence[str]", given)


def _shown(path: tuple[str, ...]) -> str:
    return ".".join(shown_key(part) for part in path)


def _line(node: Any) -> int | None:
    return node.start_mark.line + 1 if node.start_mark else None

"""A compose text without what is known to be wrong with it, to find what else is. Pure.

Docker Compose stops at the first fault. No deploy uses such a text: it has been refused by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import yaml

from db.messages.file_problems import FileProblem
from tasks.compose.reading.external_files import OPENS, Unreadable, documents, opened
from tasks.failures import attempt
from tasks.sources.invalid_spec import Reason

# Taken out by its key, such a fault hides nothing else.
_BY_KEY = frozenset(
    {
        *(FileProblem.UNKNOWN_KEY, FileProblem.WRONG_TYPE, FileProblem.BAD_VALUE, FileProblem.BAD_VARIABLE),
        *(FileProblem.UNDEFINED, FileProblem.NO_IMAGE, FileProblem.FILE_MISSING),
    }
)


def without_opened(text: str) -> str | None:
    """Return a compose file without the keys that make Docker Compose open others; None when that cannot be had."""

    def prune(node: Any) -> None:
        if isinstance(node, yaml.MappingNode):
            node.value = [(key, value) for key, value in node.value if getattr(key, "value", "") not in OPENS]

    rest = _changed(text, lambda document: _everywhere(document, prune))
    return rest if rest is not None and not opened(rest) else None


def without(text: str, reasons: Iterable[Reason]) -> str | None:
    """Return a compose file without the faults of these reasons; None when it has none that can be taken out."""
    keys = [(one.key.split("."), one.problem) for one in reasons if one.problem in _BY_KEY]
    done = []

    def repair(document: Any) -> None:
        for parts, problem in keys:
            if problem is FileProblem.NO_IMAGE:
                done.append(_give_image(document, parts))
            else:
                done.append(_take_out(document, ["services", *parts]) or _take_out(document, parts))

    rest = _changed(text, repair)
    return rest if any(done) and rest != text else None


def has_variable(text: str, key: str) -> bool:
    """Return whether the value of a key has a `$` in it, or is not found."""
    found = attempt(lambda: documents(text), Unreadable)
    scalars: list[Any] = []
    for document in found if isinstance(found, list) else ():
        for parts in (["services", *key.split(".")], key.split(".")):
            if (node := _below(document, parts)) is not None:
                _everywhere(node, scalars.append)
    return not scalars or any("$" in str(one.value) for one in scalars if isinstance(one, yaml.ScalarNode))


def _below(node: Any, parts: list[str]) -> Any:
    """Return the node at a path; the one that the path leads into where it goes through a list. None for no node."""
    if not parts or not isinstance(node, yaml.MappingNode):
        return node
    for length in range(len(parts), 0, -1):
        if (inner := _at(node, ".".join(parts[:length]))) is not None:
            return _below(inner, parts[length:])
    return None


def _changed(text: str, change: Callable[[Any], None]) -> str | None:
    def made() -> str:
        found = documents(text)
        for document in found:
            change(document)
        return str(yaml.serialize_all(found, allow_unicode=True))

    rest = attempt(made, yaml.YAMLError, RecursionError, Unreadable)
    return rest if isinstance(rest, str) else None


def _everywhere(document: Any, action: Callable[[Any], None]) -> None:
    waiting, seen = [document], set[int]()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        action(node)
        if isinstance(node, yaml.MappingNode):
            waiting += [one for pair in node.value for one in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def _take_out(node: Any, parts: list[str]) -> bool:
    """Take the value at a path out; return whether it was there. A key may have dots, and a list goes as a whole."""
    if not isinstance(node, yaml.MappingNode):
        return False
    for length in range(len(parts), 0, -1):
        name, rest = ".".join(parts[:length]), parts[length:]
        for pair in node.value:
            if getattr(pair[0], "value", None) != name:
                continue
            if rest and isinstance(pair[1], yaml.MappingNode):
                return _take_out(pair[1], rest)
            node.value = [one for one in node.value if one is not pair]
            return True
    return False


def _give_image(document: Any, parts: list[str]) -> bool:
    services = _at(document, "services")
    service = _at(services, ".".join(parts))
    if not isinstance(service, yaml.MappingNode):
        return False
    text = "tag:yaml.org,2002:str"
    service.value.append((yaml.ScalarNode(text, "image"), yaml.ScalarNode(text, "image")))
    return True


def _at(node: Any, name: str) -> Any:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in pairs if getattr(key, "value", None) == name), None)

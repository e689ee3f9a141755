"""The tables of the shapes: what each stands for, what it needs, and how it goes in; and the table of the docs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs" / "sources.md"
BEGIN, END = "<!-- shapes: begin -->\n", "<!-- shapes: end -->\n"
WAYS = ("text", "git")
ALONE = "compose.yaml"
# Why a shape has to be edited -> as the docs show it, and what they say about it.
INSTEAD = {
    "env_file text": (
        "`env_file` of another name than `.env`, in a text",
        "name it `.env`, which Backstay writes from the variables of the app, or deploy it from a repository",
    ),
    "env_file": (
        "`env_file` outside of the repository, or one that it lacks",
        "name it `.env`, which Backstay writes from the variables of the app, or put the file into the repository",
    ),
    "extends": ("`extends` of another file, in a text", "deploy it from a repository"),
    "reference_not_found": (
        "an `image` in a text that is to be built, and that no registry has",
        "deploy it from a repository",
    ),
    "build text": ("`build` without an `image`, in a text", "deploy it from a repository, or name a published `image`"),
    "build": ("`build` with `dockerfile_inline` or other keys that the builder lacks", "put a Dockerfile beside it"),
    "file text": ("`secrets.….file`, in a text", "`environment: NAME`, with the value under `secrets` of the spec"),
    "external": ("secrets of Docker Swarm", "`environment: NAME`, with the value under `secrets` of the spec"),
    "file": ("`secrets.….file`", "`environment: NAME`, with the value under `secrets` of the spec"),
    "volumes": ("a mount of `~` or `../`", "`./`, a named volume, or an absolute path that `allow` lists"),
    "driver_opts": (
        "a volume whose `device` is no path of its own",
        "a mount `./…`, or a named volume without options",
    ),
    "read_only": (
        "a service with `read_only` and files of the repository",
        "leave out `read_only`, or put the files into its image",
    ),
    "compose_unknown_key": (
        "services without `services:`, as files before version 2 had them",
        "put the services below `services`",
    ),
}


@dataclass(frozen=True)
class Outcome:
    """How a file goes in. `allow`: keys that a refusal names and source.allow then has; `bring`: files that a refusal
    asks to be put into the app's directory; `edit`: the code of a refusal that only another file can avoid, with its
    `keys`."""

    allow: tuple[str, ...] = ()
    bring: tuple[str, ...] = ()
    edit: str = ""
    keys: tuple[str, ...] = ()

    @property
    def class_(self) -> str:
        """`as_is`, `set` (after settings that the refusal hands out) or `edit`."""
        return "edit" if self.edit else "set" if self.allow or self.bring else "as_is"

    def reasons(self, way: str) -> set[str]:
        """Why it has to be edited: the last words of its keys, or the code, with the way where that makes a
        difference."""
        words = {key.rpartition(".")[2] if "." in key else self.edit for key in self.keys} or {self.edit}
        return {f"{word} {way}" if f"{word} {way}" in INSTEAD else word for word in words}

    @property
    def written(self) -> Any:
        """As a table has it."""
        given = {"allow": self.allow, "bring": self.bring, "edit": self.edit, "keys": self.keys}
        return {key: list(one) if isinstance(one, tuple) else one for key, one in given.items() if one} or "as_is"

    @property
    def shown(self) -> str:
        """As the docs have it."""
        if self.edit:
            return f"edit {_code(self.keys)}" if self.keys else f"edit (`{self.edit}`)"
        parts = [f"`allow` {_code(self.allow)}"] if self.allow else []
        parts += [f"files {_code(self.bring)}"] if self.bring else []
        return ", ".join(parts) or "yes"


@dataclass(frozen=True)
class Shape:
    """A file, and what stands beside it in its repository: `at` is its own path there, `beside` has path -> content of
    the others. `env` and `secrets` are what a person sets before the first deploy. `expected`: way -> outcome."""

    family: str
    name: str
    stack: str
    at: str
    beside: Mapping[str, str]
    env: Mapping[str, str]
    secrets: tuple[str, ...]
    expected: Mapping[str, Outcome]

    @property
    def text(self) -> str:
        """The file."""
        return (HERE / self.family / f"{self.name}.yaml").read_text()

    @property
    def stands_alone(self) -> bool:
        """Whether it needs no other file, so that both ways are one."""
        return not self.beside and self.at == ALONE and "env_file" not in self.text


def shapes() -> list[Shape]:
    """Every shape, family by family."""
    return [
        _shape(table.parent.name, name, given)
        for table in sorted(HERE.glob("*/table.yaml"))
        for name, given in yaml.safe_load(table.read_text()).items()
    ]


def _shape(family: str, name: str, given: Mapping[str, Any]) -> Shape:
    return Shape(
        family,
        name,
        given["stack"],
        given.get("at", ALONE),
        {path: _content(path) for path in given.get("beside", ())} | given.get("contents", {}),
        given.get("env", {}),
        tuple(given.get("secrets", ())),
        {way: _outcome(given.get(way)) for way in WAYS},
    )


def _content(path: str) -> str:
    return "FROM registry.example/base:1\n" if "Dockerfile" in path else "A=1\n"


def _outcome(given: Any) -> Outcome:
    if not isinstance(given, dict):
        return Outcome()
    return Outcome(**{key: tuple(one) if isinstance(one, list) else one for key, one in given.items()})


def write_outcomes(found: Mapping[tuple[str, str], Mapping[str, Outcome]]) -> None:
    """Write how shapes go in into the tables: (family, name) -> way -> outcome."""
    for table in sorted(HERE.glob("*/table.yaml")):
        given = yaml.safe_load(table.read_text())
        for name, one in given.items():
            one |= {way: outcome.written for way, outcome in found[table.parent.name, name].items()}
        table.write_text(yaml.safe_dump(given, sort_keys=False, width=110, allow_unicode=True))


def for_docs(every: Sequence[Shape]) -> str:
    """The part of docs/sources.md between the marks."""
    lines = [
        _totals(every),
        "",
        "| family | in the shape of | pasted as text | from its repository |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {one.family.replace('_', ' ')} | {one.stack} | {one.expected['text'].shown} | {one.expected['git'].shown} |"
        for one in every
    ]
    instead = [f"| {shown} | {what} |" for reason, (shown, what) in INSTEAD.items() if reason in reasons(every)]
    return "\n".join([*lines, "", "| has to be edited | instead |", "|---|---|", *instead]) + "\n"


def reasons(every: Sequence[Shape]) -> set[str]:
    """Why shapes have to be edited, as INSTEAD has it."""
    edits = [(one, one.expected[way], way) for one in every for way in WAYS if one.expected[way].edit]
    return {reason for _, outcome, way in edits for reason in outcome.reasons(way)}


def _totals(every: Sequence[Shape]) -> str:
    counted = {way: Counter(one.expected[way].class_ for one in every) for way in WAYS}
    text, git = counted["text"], counted["git"]
    return (
        f"Of {len(every)} shapes, {text['as_is']} go in as a text as they are, {text['set']} after settings or files "
        f"that the refusal names, and {text['edit']} have to be edited; from a repository "
        f"{git['as_is']}, {git['set']} and {git['edit']}."
    )


def in_docs() -> str:
    """What docs/sources.md has between the marks."""
    return DOCS.read_text().partition(BEGIN)[2].partition(END)[0]


def write_docs() -> None:
    """Write the table of docs/sources.md anew."""
    before, rest = DOCS.read_text().split(BEGIN)
    DOCS.write_text(before + BEGIN + for_docs(shapes()) + END + rest.partition(END)[2])


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)

"""A Dockerfile, read as far as two questions need it: which images it builds on, and which flags it uses. Pure.

Judges nothing and refuses nothing: the builder does. What it cannot resolve, such as an unknown variable, is left out.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_DIRECTIVE = re.compile(r"#\s*(\w+)\s*=\s*(\S.*?)\s*")
_SYNTAX_LINE = re.compile(rb"\A((?:\xef\xbb\xbf)?\s*#\s*syntax\s*)=", re.IGNORECASE)
_FLAG = re.compile(r"--([a-z][a-z-]*)(?:=(\S*))?(?:\s+|$)")
_HEREDOC = re.compile(r"\d*<<(-?)([\"']?)([A-Za-z_][\w.-]*)\2")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?:(:?[-+])([^${}]*))?\})")
_TAKE_HEREDOCS = frozenset({"RUN", "COPY", "ADD"})
MOST_STAGES = 500
OF_THE_HOST = ("BUILDPLATFORM", "TARGETPLATFORM")  # of equal value: nothing is built for other platforms


@dataclass(frozen=True)
class Instruction:
    """One instruction. `flags` are (name, value) in their order; `heredoc` is its first one as written, or empty."""

    keyword: str
    flags: tuple[tuple[str, str], ...]
    words: str
    heredoc: str = ""


@dataclass(frozen=True)
class Dockerfile:
    """The instructions, and the image of the frontend that `# syntax=` asks for, or empty."""

    instructions: tuple[Instruction, ...]
    syntax: str = ""
    directives: int = 0  # how many there are, `# syntax=` included


@dataclass
class _Stage:
    image: str  # an image, the name or number of an earlier stage, or empty when unknown
    name: str
    uses: list[str] = field(default_factory=list)


def parse(text: str) -> Dockerfile:
    """Return what a text says, however wrong it is."""
    lines = text.removeprefix("\ufeff").splitlines()
    directives = _directives(lines)
    escape = "`" if directives.get("escape") == "`" else "\\"
    syntax = directives.get("syntax", "").partition(" ")[0]
    return Dockerfile(tuple(_instructions(lines, escape)), syntax, len(directives))


def asks_for_dockers_own(dockerfile: Dockerfile) -> bool:
    """Return whether the syntax line names Docker's frontend, and nothing else depends on that line.

    Such a Dockerfile is in the language that each BuildKit has built in, of one version or another.
    """
    name = dockerfile.syntax.removeprefix("docker.io/").partition("@")[0].partition(":")[0]
    return name == "docker/dockerfile" and dockerfile.directives == 1


def without_syntax(text: bytes) -> bytes:
    """Return a Dockerfile of the same length whose syntax line is an ordinary comment."""
    return _SYNTAX_LINE.sub(rb"\g<1>:", text, count=1)


def base_images(dockerfile: Dockerfile, args: Mapping[str, str], target: str) -> list[str]:
    """Return the images that a build of `target` (empty: the last stage) takes from elsewhere, each once, in order."""
    stages = _stages(dockerfile, args)
    numbers = {str(number): number for number in range(len(stages))}
    names = {stage.name.lower(): number for number, stage in enumerate(stages) if stage.name}
    wanted = (names | numbers).get(target.lower(), len(stages) - 1)
    needed, found = [wanted] if stages else [], set[int]()
    while needed:
        number = needed.pop()
        if number in found:
            continue
        found.add(number)
        sources = [stages[number].image, *stages[number].uses]
        needed += [earlier for one in sources if (earlier := _earlier(stages, number, one)) is not None]
    images = [
        source
        for number in sorted(found)
        for source in (stages[number].image, *stages[number].uses)
        if source and source != "scratch" and _earlier(stages, number, source) is None
    ]
    return list(dict.fromkeys(images))


def expanded(word: str, values: Mapping[str, str]) -> str | None:
    """Return a word with its variables replaced; None when one is unknown or written in another way."""
    unknown = False

    def value(match: re.Match[str]) -> str:
        nonlocal unknown
        known = values.get(match[1] or match[2])
        how, other = match[3] or "", match[4] or ""
        present = bool(known) if how.startswith(":") else known is not None
        if how.endswith("+"):
            return other if present else ""
        if how.endswith("-"):
            return (known or "") if present else other
        unknown = unknown or known is None
        return known or ""

    result = _VARIABLE.sub(value, word)
    return None if unknown or "$" in _VARIABLE.sub("", word) or "\\" in word else result


def _directives(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None or match[1].lower() in found:
            break
        found[match[1].lower()] = match[2]
    return found


def _instructions(lines: list[str], escape: str) -> Iterator[Instruction]:
    at, endless = 0, set[str]()
    while at < len(lines):
        logical, at = _logical_line(lines, at, escape)
        keyword, _, rest = logical.partition(" ")
        if not keyword:
            continue
        flags, words = _flags(rest.strip())
        heredocs = list(_heredocs(words)) if keyword.upper() in _TAKE_HEREDOCS else []
        end = _after_heredocs(lines, at, heredocs, endless)
        yield Instruction(keyword.upper(), flags, words, heredocs[0][0] if heredocs and end is not None else "")
        at = at if end is None else end


def _logical_line(lines: list[str], at: int, escape: str) -> tuple[str, int]:
    """Return a line with those that continue it, and the number of the next one. Comments and empty lines in between
    count for nothing."""
    parts: list[str] = []
    while at < len(lines):
        line = lines[at].strip()
        at += 1
        if not line or line.startswith("#"):
            if parts:
                continue
            break
        parts.append(line.removesuffix(escape))
        if not line.endswith(escape):
            break
    return " ".join(" ".join(parts).split()), at


def _flags(rest: str) -> tuple[tuple[tuple[str, str], ...], str]:
    flags: list[tuple[str, str]] = []
    at = 0
    while match := _FLAG.match(rest, at):
        flags.append((match[1], match[2] or ""))
        at = match.end()
    return tuple(flags), rest[at:]


def _heredocs(words: str) -> Iterator[tuple[str, str, bool]]:
    """Yield (as written, name, whether tabs before the end are ignored)."""
    for word in words.split():
        if match := _HEREDOC.fullmatch(word):
            yield match[0], match[3], bool(match[1])


def _after_heredocs(lines: list[str], at: int, heredocs: list[tuple[str, str, bool]], endless: set[str]) -> int | None:
    """Return the number of the line after the last heredoc; None where one has no end, which makes it none.

    `endless` keeps the ends that were looked for in vain, so that no Dockerfile is searched over and over.
    """
    for written, name, tabs in heredocs:
        if written in endless:
            return None
        while at < len(lines) and (lines[at].lstrip("\t") if tabs else lines[at]) != name:
            at += 1
        if at == len(lines):
            endless.add(written)
            return None
        at += 1
    return at


def _stages(dockerfile: Dockerfile, args: Mapping[str, str]) -> list[_Stage]:
    values: dict[str, str] = {}
    stages: list[_Stage] = []
    for one in dockerfile.instructions:
        if one.keyword == "FROM":
            if len(stages) == MOST_STAGES:
                break
            stages.append(_stage(one, values))
        elif one.keyword == "ARG" and not stages:
            values |= _arguments(one.words, values, args)
        elif stages:
            stages[-1].uses += _uses(one)
    return stages


def _stage(one: Instruction, values: Mapping[str, str]) -> _Stage:
    words = one.words.split()
    image = expanded(words[0], values) if words else None
    platform = dict(one.flags).get("platform", "")
    # Another platform's image is the builder's to fetch: the Engine's pull would take that of the host.
    if platform and platform.strip("${}\"'") not in OF_THE_HOST:
        image = None
    named = len(words) > 2 and words[1].upper() == "AS"
    return _Stage(image or "", words[2] if named else "")


def _arguments(words: str, values: Mapping[str, str], args: Mapping[str, str]) -> dict[str, str]:
    """Return the arguments of an ARG instruction that have a value: given ones come before defaults."""
    try:
        parts = shlex.split(words)
    except ValueError:
        return {}
    found: dict[str, str] = {}
    for part in parts:
        name, equals, default = part.partition("=")
        value = args.get(name, expanded(default, {**values, **found}) if equals else None)
        if value is not None:
            found[name] = value
    return found


def _uses(one: Instruction) -> Iterator[str]:
    """Yield the stages and images that an instruction copies or mounts from."""
    for name, value in one.flags:
        if one.keyword in ("COPY", "ADD") and name == "from":
            sources = [value]
        elif one.keyword == "RUN" and name == "mount":
            sources = [part.removeprefix("from=") for part in value.split(",") if part.startswith("from=")]
        else:
            continue
        yield from (source for source in sources if source and "$" not in source)


def _earlier(stages: list[_Stage], number: int, source: str) -> int | None:
    """Return the number of the stage before `number` that is called so; the last one of that name."""
    for earlier in range(number - 1, -1, -1):
        if stages[earlier].name and stages[earlier].name.lower() == source.lower():
            return earlier
    is_number = source.isdecimal() and source.isascii() and len(source) < 6
    return int(source) if is_number and int(source) < number else None

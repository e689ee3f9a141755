"""What Docker Compose says of a file that it cannot read, as keys of the file, names of variables and codes. Pure.

The well-known lines are recognized, and nothing but names gets from them into a reason: what is around them may quote
the file. Any other line is NOT_KNOWN; the log has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from db.messages.file_problems import FileProblem
from tasks.sources.invalid_spec import Reason

WHOLE = "source"  # the key of what is wrong with the file as a whole
_PATH = r"(?P<key>[A-Za-z0-9_.\[\]-]{1,200})"
_NAME = r"[A-Za-z0-9_.-]{1,100}"
_MARK = re.compile(r"backstay[0-9a-f]{32}")  # of tasks.compose.model
_PRINTABLE = re.compile(r"[!-~][ -~]{0,199}")
_TYPES = {"array": "list", "object": "mapping", "list": "list", "mapping": "mapping"}
_TYPES |= {name: name for name in ("string", "number", "integer", "boolean", "null")}
_PARTS = {"service": "depends_on", "network": "networks", "volume": "volumes", "config": "configs", "secret": "secrets"}

Reader = Callable[[re.Match[str], str], Iterator[Reason]]


def read(output: bytes, folder: str, log: str) -> list[Reason]:
    """Return why a file was refused, from the error output of `docker compose config`: at least one reason.

    `folder`: the directory that paths are told relative to. `log`: the name of the log that has the output.
    """
    lines = [line for line in output.decode(errors="replace").splitlines() if "level=warning" not in line]
    text = "\n".join(lines)
    found = [
        reason for pattern, reader in _LINES for match in pattern.finditer(text) for reason in reader(match, folder)
    ]
    safe = [one for one in found if not _MARK.search(str(one))]
    return list({str(one): one for one in safe}.values()) or [Reason(WHOLE, FileProblem.NOT_KNOWN, {"name": log})]


def _key(written: str) -> str:
    """Return `services[web].mem_limit` and `services.web.mem_limit` as `web.mem_limit`."""
    plain = re.sub(r"\[([^\]]*)\]", r".\1", written).strip(".")
    parts = [part for part in plain.split(".") if part]
    return ".".join(parts[1:] if parts[:1] == ["services"] and len(parts) > 1 else parts) or WHOLE


def _of(problem: FileProblem) -> Reader:
    def reader(match: re.Match[str], _: str) -> Iterator[Reason]:
        yield Reason(_key(match["key"]), problem)

    return reader


def _whole(problem: FileProblem) -> Reader:
    def reader(match: re.Match[str], _: str) -> Iterator[Reason]:
        yield Reason(WHOLE, problem, {"name": match["line"]} if "line" in match.groupdict() else {})

    return reader


def _ports(match: re.Match[str], _: str) -> Iterator[Reason]:
    yield Reason("ports", FileProblem.BAD_VALUE)  # of which service, it does not say


def _unknown(match: re.Match[str], _: str) -> Iterator[Reason]:
    above = match["key"] or ""
    found = re.findall(rf"'({_NAME})'|property ({_NAME}) ", match["names"])
    for name in sorted(quoted or bare for quoted, bare in found):  # it says them in any order
        yield Reason(_key(f"{above}.{name}"), FileProblem.UNKNOWN_KEY)


def _type(match: re.Match[str], _: str) -> Iterator[Reason]:
    wanted = [_TYPES[word] for word in re.findall(r"\w+", match["types"]) if word in _TYPES]
    if match["key"].startswith("top-level"):
        return
    if wanted == ["mapping"] and match["key"] in {"services", "networks", "volumes", "configs", "secrets"}:
        yield Reason(match["key"], FileProblem.NOT_A_FILE)
    elif wanted:
        yield Reason(_key(match["key"]), FileProblem.WRONG_TYPE, {"name": ", ".join(wanted)})


def _undefined(match: re.Match[str], _: str) -> Iterator[Reason]:
    what = match["what"]
    kept = {"name": f"{what}s.{match['name']}"}
    yield Reason(f"{match['service']}.{_PARTS[what]}", FileProblem.UNDEFINED, kept)


def _extends(match: re.Match[str], _: str) -> Iterator[Reason]:
    yield Reason(f"{match['service']}.extends", FileProblem.UNDEFINED, {"name": f"services.{match['name']}"})


def _cycle(match: re.Match[str], _: str) -> Iterator[Reason]:
    for name in dict.fromkeys(re.findall(_NAME, match["names"].replace("->", " "))):
        yield Reason(name, FileProblem.CYCLE)


def _exclusive(match: re.Match[str], _: str) -> Iterator[Reason]:
    yield Reason(_key(match["key"]), FileProblem.EXCLUSIVE, {"name": f"{match['one']}, {match['other']}"})


def _missing(key: str) -> Reader:
    def reader(match: re.Match[str], folder: str) -> Iterator[Reason]:
        path = PurePosixPath(match["path"])
        if path.is_relative_to(folder) and _PRINTABLE.fullmatch(match["path"]):
            yield Reason(key, FileProblem.FILE_MISSING, {"path": str(path.relative_to(folder))})

    return reader


# The lines that are recognized, each wherever it stands.
_LINES: list[tuple[re.Pattern[str], Reader]] = [
    (re.compile(pattern, re.MULTILINE), reader)
    for pattern, reader in (
        (r"required variable (?P<key>[A-Za-z_][A-Za-z0-9_]*) is missing a value", _of(FileProblem.VARIABLE_REQUIRED)),
        (rf"invalid interpolation format for {_PATH}\.$", _of(FileProblem.BAD_VARIABLE)),
        (rf"error while interpolating {_PATH}: failed to cast to expected type", _of(FileProblem.BAD_VALUE)),
        (rf"^validating [^:\n]*: {_PATH} false schema$", _of(FileProblem.UNKNOWN_KEY)),
        (
            r"^validating [^:\n]*: ?(?P<key>[A-Za-z0-9_.\[\]-]{0,200}) (?P<names>[Aa]dditional propert.*) not allowed$",
            _unknown,
        ),
        (rf"^(?:validating [^:\n]*: )?{_PATH} must be an? (?P<types>[a-z, ]+)$", _type),
        (rf"^validating [^:\n]*: {_PATH} '.*' does not match pattern", _of(FileProblem.BAD_VALUE)),
        (rf"^validating [^:\n]*: {_PATH} (?:value must be|'.*' is not valid)", _of(FileProblem.BAD_VALUE)),
        (rf"^'{_PATH}' \S", _of(FileProblem.BAD_VALUE)),
        (rf'^service "(?P<key>{_NAME})" has neither an image nor a build context', _of(FileProblem.NO_IMAGE)),
        (
            rf'^service "(?P<service>{_NAME})" (?:depends on|refers to) undefined '
            rf'(?P<what>service|network|volume|config|secret) "?(?P<name>{_NAME})"?: ',
            _undefined,
        ),
        (rf'^cannot extend service "(?P<service>{_NAME})" in .*: service "(?P<name>{_NAME})" not found', _extends),
        (
            r"^(?:invalid (?:hostPort|containerPort|proto|ip address)|Invalid (?:hostPort|containerPort|proto|ip))",
            _ports,
        ),
        (r"^dependency cycle detected: (?P<names>.*)$", _cycle),
        (rf"^service {_PATH} declares mutually exclusive `(?P<one>\w+)` and `(?P<other>\w+)`", _exclusive),
        (rf'^{_PATH}: conflicting parameters "(?P<one>\w+)" and "(?P<other>\w+)" specified', _exclusive),
        (r"^env file (?P<path>[^\n]*) not found: ", _missing("env_file")),
        (r"(?:^|: )open (?P<path>[^\n]*): no such file or directory$", _missing("include")),
        (r"^top-level object must be a mapping$", _whole(FileProblem.NOT_A_FILE)),
        (rf'mapping key "(?P<key>{_NAME})" already defined at line', _of(FileProblem.TWICE)),
        (r"go-yaml load error .* at L(?P<line>\d+)\.", _whole(FileProblem.NOT_YAML)),
        (r"yaml: line (?P<line>\d+): ", _whole(FileProblem.NOT_YAML)),
    )
]

"""What Docker Compose says of a file it cannot read, as keys and codes; none of its other words get through."""

from __future__ import annotations

import pytest

from db.messages.file_problems import FileProblem
from tasks.compose.reading.config_errors import read
from tasks.sources.invalid_spec import Reason

FOLDER = "/srv/work/tmpabc"
MARK = "backstay0123456789abcdef0123456789abcdef"
# What it says -> key, code, limits. From Docker Compose 5.6, and where it spoke differently, from 2.24.
SAID: dict[str, list[tuple[str, FileProblem, dict[str, str]]]] = {
    "error while interpolating services.web.environment.A: required variable KEY is missing a value: give a key": [
        ("KEY", FileProblem.VARIABLE_REQUIRED, {})
    ],
    "required variable KEY is missing a value: hunter2\n": [("KEY", FileProblem.VARIABLE_REQUIRED, {})],
    "error while interpolating services.web.image: required variable A is missing a value\n"
    "error while interpolating services.web.ports.[]: required variable B is missing a value: x": [
        ("A", FileProblem.VARIABLE_REQUIRED, {}),
        ("B", FileProblem.VARIABLE_REQUIRED, {}),
    ],
    "invalid interpolation format for services.web.environment.A.\nYou may need to escape any $ with another $.\n${K": [
        ("web.environment.A", FileProblem.BAD_VARIABLE, {})
    ],
    "error while interpolating services.web.cpus: failed to cast to expected type: strconv.ParseFloat: hunter2": [
        ("web.cpus", FileProblem.BAD_VALUE, {})
    ],
    "validating -: services.web.prots false schema": [("web.prots", FileProblem.UNKNOWN_KEY, {})],
    "validating -: services.web additional properties 'prots' not allowed": [
        ("web.prots", FileProblem.UNKNOWN_KEY, {})
    ],
    "validating -: services.web additional properties 'a', 'b' not allowed": [
        ("web.a", FileProblem.UNKNOWN_KEY, {}),
        ("web.b", FileProblem.UNKNOWN_KEY, {}),
    ],
    "validating -:  additional properties 'web', 'db' not allowed": [
        ("db", FileProblem.UNKNOWN_KEY, {}),
        ("web", FileProblem.UNKNOWN_KEY, {}),
    ],
    "validating -:  additional properties 'web' not allowed": [("web", FileProblem.UNKNOWN_KEY, {})],
    "validating /w/compose.yaml: services.web Additional property prots is not allowed": [
        ("web.prots", FileProblem.UNKNOWN_KEY, {})
    ],
    "validating -: services.web.ports must be a array": [("web.ports", FileProblem.WRONG_TYPE, {"name": "list"})],
    "validating -: services.web.environment.A must be a boolean, null, number or string": [
        ("web.environment.A", FileProblem.WRONG_TYPE, {"name": "boolean, null, number, string"})
    ],
    "validating -: services.web.container_name 'hunter2 ' does not match pattern '[a-z]+'": [
        ("web.container_name", FileProblem.BAD_VALUE, {})
    ],
    "decoding failed due to the following error(s):\n\n'services[web].mem_limit' invalid size: 'hunter2'": [
        ("web.mem_limit", FileProblem.BAD_VALUE, {})
    ],
    "decoding failed due to the following error(s):\n\n'services[web].mem_limit' strconv.ParseFloat: parsing \"x\"": [
        ("web.mem_limit", FileProblem.BAD_VALUE, {})
    ],
    'service "web" has neither an image nor a build context specified: invalid compose project': [
        ("web", FileProblem.NO_IMAGE, {})
    ],
    'service "web" depends on undefined service "db": invalid compose project': [
        ("web.depends_on", FileProblem.UNDEFINED, {"name": "services.db"})
    ],
    'service "web" refers to undefined network back: invalid compose project': [
        ("web.networks", FileProblem.UNDEFINED, {"name": "networks.back"})
    ],
    'service "web" refers to undefined secret pw: invalid compose project': [
        ("web.secrets", FileProblem.UNDEFINED, {"name": "secrets.pw"})
    ],
    'cannot extend service "web" in -: service "a" not found': [
        ("web.extends", FileProblem.UNDEFINED, {"name": "services.a"})
    ],
    "dependency cycle detected: b -> web -> b": [("b", FileProblem.CYCLE, {}), ("web", FileProblem.CYCLE, {})],
    "service web declares mutually exclusive `network_mode` and `networks`: invalid compose project": [
        ("web", FileProblem.EXCLUSIVE, {"name": "network_mode, networks"})
    ],
    'volumes.a: conflicting parameters "external" and "driver" specified': [
        ("volumes.a", FileProblem.EXCLUSIVE, {"name": "external, driver"})
    ],
    f"env file {FOLDER}/conf/gone.env not found: stat {FOLDER}/conf/gone.env: no such file or directory": [
        ("env_file", FileProblem.FILE_MISSING, {"path": "conf/gone.env"})
    ],
    f"open {FOLDER}/gone.yaml: no such file or directory": [
        ("include", FileProblem.FILE_MISSING, {"path": "gone.yaml"})
    ],
    "services must be a mapping": [("services", FileProblem.NOT_A_FILE, {})],
    "top-level object must be a mapping": [("source", FileProblem.NOT_A_FILE, {})],
    'failed to parse -: yaml: construct errors: line 1: line 1: mapping key "web" already defined at line 1': [
        ("web", FileProblem.TWICE, {})
    ],
    "failed to parse -: go-yaml load error in parser (while parsing a block mapping) at L2.C3-L4.C3: did not find": [
        ("source", FileProblem.NOT_YAML, {"name": "2"})
    ],
    "yaml: line 7: mapping values are not allowed in this context": [("source", FileProblem.NOT_YAML, {"name": "7"})],
    "invalid hostPort: hunter2": [("ports", FileProblem.BAD_VALUE, {})],
    "something new about hunter2": [("source", FileProblem.NOT_KNOWN, {"name": "engine"})],
    "": [("source", FileProblem.NOT_KNOWN, {"name": "engine"})],
}


@pytest.mark.parametrize("said", SAID)
def test_what_is_said_becomes_keys_and_codes(said: str) -> None:
    warned = 'time="2026-11-30T23:42:14Z" level=warning msg="The \\"X\\" variable is not set. Defaulting to a blank"\n'
    wanted = [Reason(key, problem, limits) for key, problem, limits in SAID[said]]
    assert read((warned + said).encode(), FOLDER, "engine") == wanted
    assert "hunter2" not in repr(wanted)
    assert not any("%(" in str(reason) for reason in wanted)


@pytest.mark.parametrize(
    "said",
    [
        f"validating -: services.web.{MARK} false schema",
        f"env file {FOLDER}/{MARK} not found: stat",
        "validating -: services.web additional properties 'PASSWORD=hunter2' not allowed",
        "required variable KEY=hunter2 is missing a value",
        "open /etc/hunter2: no such file or directory",
        "env file /root/hunter2 not found: stat",
        f"env file {FOLDER}/a\nb not found: stat",
        'mapping key "my pass: hunter2" already defined at line 1',
    ],
)
def test_what_looks_like_a_value_is_left_out(said: str) -> None:
    told = "\n".join(str(one) for one in read(said.encode(), FOLDER, "engine"))
    assert "hunter2" not in told
    assert "0123456789abcdef" not in told
    assert told

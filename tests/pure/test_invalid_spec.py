"""Refused keys: each of them by its code, its limits filled in, and pydantic's own errors among them."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from db.messages.key_problems import KeyProblem
from db.messages.problem_base import Problem
from db.messages.source_problems import SourceProblem
from db.settings import Settings
from flows.workloads.apply import read_specs
from tasks.sources.invalid_spec import InvalidSpec, refusal_of
from tasks.sources.permitted import refused
from tasks.specs import parse_spec

IMAGE = {"kind": "image", "image": "shop:1"}
TEXT = {"kind": "compose", "text": "services: {}"}
GIT = {"kind": "git", "url": "https://git.example/shop"}
PORT = {"container": 80}
# What is wrong -> changes of a good spec, the key that is named, what its texts are filled in with.
SPECS: dict[Problem, tuple[dict[str, Any], str, dict[str, Any]]] = {
    KeyProblem.UNKNOWN_KEY: ({"sauce": "x"}, "sauce", {}),
    KeyProblem.REQUIRED: ({"source": {"kind": "image"}}, "source.image", {}),
    KeyProblem.EMPTY: ({"command": []}, "command", {}),
    KeyProblem.ONE_OF: ({"source": {"kind": "x"}}, "source.kind", {"allowed": "image, git, compose, static"}),
    KeyProblem.NOT_A_MAPPING: ({"env": []}, "env", {}),
    KeyProblem.NOT_A_LIST: ({"ports": "80"}, "ports", {}),
    KeyProblem.TOO_MANY: ({"source": TEXT | {"profiles": ["a"] * 51}}, "source.profiles", {"limit": 50}),
    KeyProblem.TWICE: ({"ports": [PORT, PORT]}, "ports", {}),
    KeyProblem.NOT_TEXT: ({"name": 1}, "name", {}),
    KeyProblem.QUOTE_IT: ({"env": {"VERSION": 1.10}}, "env.VERSION", {}),
    KeyProblem.TOO_SHORT: ({"source": {"kind": "static", "path": "/"}}, "source.path", {"limit": 2}),
    KeyProblem.TOO_LONG: ({"source": IMAGE | {"image": "a" * 501}}, "source.image", {"limit": 500}),
    KeyProblem.BAD_PATTERN: ({"health": {"http": "x"}}, "health.http", {"pattern": "^/[!-~]*$"}),
    KeyProblem.NOT_A_VARIABLE: ({"env": {"1": "x"}}, "env.1", {}),
    KeyProblem.NOT_A_STATUS: ({"health": {"http": "/", "port": 1, "status": [600]}}, "health.status.0", {}),
    KeyProblem.NOT_IN_COMPOSE: ({"source": TEXT, "env": {"a.b": "x"}}, "env.a.b", {}),
    KeyProblem.NOT_A_BOOLEAN: ({"auto_rollback": "yes"}, "auto_rollback", {}),
    KeyProblem.NOT_A_NUMBER: ({"resources": {"cpus": "much"}}, "resources.cpus", {}),
    KeyProblem.NOT_WHOLE: ({"watch_s": 6.5}, "watch_s", {}),
    KeyProblem.AT_LEAST: ({"resources": {"memory_mb": 5}}, "resources.memory_mb", {"limit": 6}),
    KeyProblem.MORE_THAN: ({"health": {"running_s": 0}}, "health.running_s", {"limit": 0}),
    KeyProblem.AT_MOST: ({"health": {"tcp": 80, "timeout_s": 9999}}, "health.timeout_s", {"limit": 3600}),
    KeyProblem.PORTS_OVERLAP: (
        {"ports": [PORT | {"host": 8080, "address": "0.0.0.0"}, PORT | {"host": 8080, "address": "127.0.0.1"}]},
        "ports",
        {"one": "0.0.0.0:8080", "other": "127.0.0.1:8080"},
    ),
    KeyProblem.NOT_AN_ADDRESS: ({"ports": [PORT | {"address": "x"}]}, "ports.0.address", {}),
    KeyProblem.BAD_PORT_RANGE: ({"ports": [PORT | {"to": 79}]}, "ports.0", {"limit": 1000}),
    KeyProblem.IN_ENV_TOO: ({"env": {"A": "1"}, "secrets": {"A": "2"}}, "secrets", {"name": "A"}),
    KeyProblem.ONE_CHECK: ({"health": {}}, "health", {"allowed": "http, tcp, docker, running_s"}),
    KeyProblem.PORT_NEEDS_HTTP: ({"health": {"tcp": 80, "port": 80}}, "health", {}),
    KeyProblem.NO_PORT: ({"health": {"http": "/"}}, "health.port", {}),
    KeyProblem.NOT_A_USER: ({"user": "a b"}, "user", {}),
    KeyProblem.NOT_IN_CONTAINER: ({"working_dir": "app"}, "working_dir", {}),
    KeyProblem.BAD_LABEL: ({"labels": {"backstay.workload": "x"}}, "labels.backstay.workload", {}),
    KeyProblem.NOT_A_HOST_NAME: ({"extra_hosts": {"a b": "::1"}}, "extra_hosts.a…", {}),
    KeyProblem.NOT_A_HOST_ADDRESS: ({"extra_hosts": {"db": "db"}}, "extra_hosts.db", {}),
    KeyProblem.SOFT_ABOVE_HARD: ({"ulimits": {"nofile": {"soft": 2, "hard": 1}}}, "ulimits.nofile", {}),
    KeyProblem.LOG_WITHOUT_FILES: ({"log": {"driver": "none", "max_files": 2}}, "log", {}),
    KeyProblem.NOT_A_VOLUME: ({"volumes": [{"name": "/srv", "path": "/a"}]}, "volumes.0.name", {}),
    KeyProblem.ONE_VOLUME: ({"volumes": [{"path": "/a"}]}, "volumes.0", {}),
    KeyProblem.NOT_A_HOST_PATH: ({"volumes": [{"host_path": "srv", "path": "/a"}]}, "volumes.0.host_path", {}),
    KeyProblem.HOST_PATH_NOT_ALLOWED: (
        {"volumes": [{"host_path": "/srv", "path": "/a"}], "allow": ["/srv/media"]},
        "volumes.0.host_path",
        {},
    ),
    KeyProblem.NOT_ALLOWED: ({"privileged": True, "allow": ["cap_add"]}, "privileged", {"name": "privileged"}),
    KeyProblem.NOT_TO_ALLOW: ({"allow": ["pid"]}, "allow.0", {}),
    KeyProblem.NOT_A_CAPABILITY: ({"cap_add": ["net admin"]}, "cap_add.0", {}),
    KeyProblem.NOT_A_DEVICE: ({"devices": ["/etc"]}, "devices.0", {}),
    KeyProblem.NOT_AN_IMAGE: ({"source": IMAGE | {"image": "no image"}}, "source.image", {}),
    KeyProblem.NOT_A_REPOSITORY: ({"source": GIT | {"url": "shop"}}, "source.url", {}),
    KeyProblem.HAS_CREDENTIALS: ({"source": GIT | {"url": "https://me:pw@x/y"}}, "source.url", {}),
    KeyProblem.NOT_A_REF: ({"source": GIT | {"ref": "a..b"}}, "source.ref", {}),
    KeyProblem.NOT_INSIDE: ({"source": GIT | {"context": "/etc"}}, "source.context", {}),
    KeyProblem.NEEDS_URL: ({"source": {"kind": "static", "ref": "main"}}, "source.ref", {}),
    KeyProblem.NOT_ABSOLUTE: ({"source": {"kind": "static", "path": "srv"}}, "source.path", {}),
    KeyProblem.ANOTHER_PLACE: ({"source": GIT | {"kind": "static", "path": "/srv"}}, "source.url", {}),
    KeyProblem.TEXT_OR_URL: ({"source": {"kind": "compose"}}, "source", {}),
    KeyProblem.PARTS_NEED_URL: ({"source": TEXT | {"ref": "main"}}, "source", {}),
    KeyProblem.IN_COMPOSE_FILE: ({"source": TEXT, "ports": [PORT]}, "ports", {}),
    KeyProblem.RESERVED: ({"source": TEXT, "env": {"COMPOSE_FILE": "x"}}, "env.COMPOSE_FILE", {}),
    KeyProblem.COMPOSE_HEALTH: ({"source": TEXT, "health": {"tcp": 80}}, "health", {}),
    SourceProblem.NOT_A_SITE_FILE: ({"source": {"kind": "static", "fallback": "/a"}}, "source.fallback", {}),
    SourceProblem.NOT_A_SITE_PATH: (
        {"source": {"kind": "static", "cache": [{"path": "a", "max_age_s": 1}]}},
        "source.cache.0.path",
        {},
    ),
    SourceProblem.IMMUTABLE_NEEDS_AGE: (
        {"source": {"kind": "static", "cache": [{"path": "/a", "max_age_s": 0, "immutable": True}]}},
        "source.cache",
        {},
    ),
}
# What an installation does not allow -> the source, and its settings.
SOURCES: dict[KeyProblem, tuple[dict[str, Any], dict[str, str]]] = {
    KeyProblem.PROTOCOL_NOT_ALLOWED: (GIT | {"url": "http://git.example/shop"}, {}),
    KeyProblem.NO_STATIC_ROOTS: ({"kind": "static", "path": "/srv"}, {}),
    KeyProblem.NOT_IN_STATIC_ROOTS: ({"kind": "static", "path": "/srv"}, {"static_roots": "/var/www"}),
}
ONE = 'name: shop\nsource: {kind: image, image: "shop:1"}\n'
# What is wrong with a file of specs -> its text, and the key that is named.
FILES: dict[KeyProblem, tuple[str, str]] = {
    KeyProblem.EMPTY: ("", "spec"),
    KeyProblem.NOT_YAML: (f"{ONE}env: [\n", "line 4"),
    KeyProblem.NAME_REPEATED: (f"{ONE}---\n{ONE}", "document 2: name"),
    KeyProblem.ONE_PATH: ("name: shop\nsource: {kind: compose, file: [a, b]}\n", "source.file"),
    KeyProblem.NOT_READABLE: ("name: shop\nsource: {kind: compose, file: gone.yaml}\n", "source.file"),
}


@pytest.mark.parametrize("problem", SPECS)
def test_a_bad_spec_is_refused_by_key_code_and_limits(problem: Problem) -> None:
    changes, key, limits = SPECS[problem]
    with pytest.raises(InvalidSpec) as caught:
        parse_spec({"name": "shop", "source": IMAGE} | changes)
    assert (caught.value.key, caught.value.problem, caught.value.limits) == (key, problem, limits)
    assert "%" not in caught.value.clause
    assert "%" not in problem.sentence % limits


@pytest.mark.parametrize("problem", SOURCES)
def test_a_source_that_the_settings_rule_out_is_refused_by_code(problem: KeyProblem) -> None:
    source, settings = SOURCES[problem]
    refusal = refused(source, Settings(**settings))
    assert refusal is not None
    assert refusal.problem is problem
    assert "%" not in refusal.clause


@pytest.mark.parametrize("problem", FILES)
def test_a_bad_file_of_specs_is_refused_by_place_and_code(problem: KeyProblem, tmp_path: Path) -> None:
    text, key = FILES[problem]
    with pytest.raises(InvalidSpec) as caught:
        read_specs(text, "local", tmp_path)
    assert (caught.value.key, caught.value.problem) == (key, problem)


def test_the_document_of_a_file_is_told_with_the_key_and_the_code_stays() -> None:
    with pytest.raises(InvalidSpec) as caught:
        read_specs(f"{ONE}---\nname: other\nsource: {{kind: image, image: x}}\nwatch_s: 1\n", "local", Path("/"))
    refusal = caught.value
    assert (refusal.key, refusal.problem, refusal.limits) == ("document 2: watch_s", KeyProblem.AT_LEAST, {"limit": 5})
    assert refusal.__context__ is None


def test_an_error_of_pydantic_that_no_code_is_known_for_says_nothing_of_the_value() -> None:
    class Other(BaseModel):
        at: datetime

    with pytest.raises(ValidationError) as caught:
        Other(at="hunter2")  # type: ignore[arg-type]
    refusal = refusal_of(caught.value)
    assert (str(refusal), refusal.problem) == ("at: is not accepted", KeyProblem.NOT_ACCEPTED)


@pytest.mark.parametrize("problem", [*KeyProblem, *SourceProblem])
def test_every_code_has_a_clause_and_a_sentence_that_ask_for_the_same_limits(problem: Problem) -> None:
    def asked(text: str) -> set[str]:
        return set(re.findall(r"%\((\w+)\)s", text))

    assert problem.clause[0].islower()
    assert not problem.clause.endswith(".")
    assert problem.sentence.endswith(".")
    assert asked(problem.sentence) <= asked(problem.clause)


def test_no_form_reads_english_to_learn_what_is_wrong() -> None:
    forms = Path(__file__).parents[2] / "webapp" / "forms"
    for file in (forms / "refusals.py", forms / "spec.py", forms.parent / "pages" / "specs.py"):
        text = file.read_text()
        assert not re.search(r"\bimport re\b|\.clause\b|str\((problem|refused|error)\)", text), file.name

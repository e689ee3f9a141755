"""The values of a file of specs arrive as they were written, by the rules of YAML 1.2, or their key is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from db.messages.key_problems import KeyProblem
from flows.workloads.apply import read_specs
from tasks.sources.invalid_spec import InvalidSpec
from tasks.specs import parse_spec, public

HEAD = 'name: shop\nsource: {kind: image, image: "shop:1"}\n'


def read(text: str) -> dict[str, Any]:
    """The one spec of a file, as it is stored, and its secrets."""
    (given,) = read_specs(text, "local", Path("/"))
    spec = parse_spec(given)
    return public(spec) | {"secrets": {name: value.get_secret_value() for name, value in spec.secrets.items()}}


def refusal(text: str) -> tuple[str, KeyProblem]:
    """What is refused in a file, and why."""
    with pytest.raises(InvalidSpec) as caught:
        read_specs(text, "local", Path("/"))
    assert caught.value.__context__ is None
    return caught.value.key, caught.value.problem


@pytest.mark.parametrize(
    "written",
    [
        *("0123", "0x1F", "0o17", "0b101", "+7", "-0", "1_000", "00", "123456789012345678901234567890", "9" * 5000),
        *("1.10", "1e3", "1.0", ".5", "-.inf", ".NaN", "6.02E+23", "190:20:30", "12:30:45", "12:30:45.5"),
        *("yes", "no", "on", "off", "y", "n", "Yes", "NO", "true", "False", "TRUE"),
        *("2001-12-14", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43", "=", "a b", "1.2.3", "@home"[1:]),
    ],
)
def test_a_variable_and_a_secret_have_the_text_that_was_written(written: str) -> None:
    spec = read(f"{HEAD}env: {{A: {written}}}\nsecrets:\n  B: {written}\n")
    assert (spec["env"], spec["secrets"]) == ({"A": written}, {"B": written})


def test_every_place_for_a_text_has_the_text_that_was_written() -> None:
    spec = read(
        "name: 007\n"
        "source: {kind: git, url: 'https://git.example/shop', ref: 1.10, context: 0123}\n"
        "command: [sleep, 3600, yes, 0x10]\n"
        "volumes: [{name: 0123, path: /data}]\n"
    )
    assert spec["name"] == "007"
    assert (spec["source"]["ref"], spec["source"]["context"]) == ("1.10", "0123")
    assert (spec["command"], spec["volumes"][0]["name"]) == (["sleep", "3600", "yes", "0x10"], "0123")


def test_arguments_of_a_build_are_texts_too() -> None:
    source = "{kind: git, url: 'https://git.example/a.git', build: {args: {V: 1.10, M: 0x1F, N: no}}}"
    spec = read(f"name: shop\nsource: {source}\n")
    assert spec["source"]["build"]["args"] == {"V": "1.10", "M": "0x1F", "N": "no"}


def test_a_fraction_of_json_is_refused_as_an_argument_of_a_build() -> None:
    source = {"kind": "git", "url": "https://git.example/a.git", "build": {"args": {"V": 1.10}}}
    with pytest.raises(InvalidSpec) as caught:
        parse_spec({"name": "shop", "source": source})
    assert (caught.value.key, caught.value.problem) == ("source.build.args.V", KeyProblem.QUOTE_IT)


def test_names_of_variables_are_texts_too() -> None:
    assert read(f"{HEAD}env: {{NO: a, on: b, y: c, TRUE: d}}\n")["env"] == {"NO": "a", "on": "b", "y": "c", "TRUE": "d"}


@pytest.mark.parametrize("written", ["", "~", "null", "Null", "NULL"])
@pytest.mark.parametrize("place", ["env", "secrets"])
def test_nothing_is_not_taken_for_a_text(place: str, written: str) -> None:
    assert refusal(f"{HEAD}{place}:\n  A: {written}\n") == (f"{place}.A", KeyProblem.QUOTE_IT)


def test_in_quotes_anything_is_a_text() -> None:
    assert read(f"{HEAD}env:\n  A: ''\n  B: '~'\n  C: \"null\"\n  D: !!str 0123\n  E: |-\n    0x1\n")["env"] == {
        "A": "",
        "B": "~",
        "C": "null",
        "D": "0123",
        "E": "0x1",
    }


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("watch_s: 0060", "watch_s", 60),
        ("watch_s: 0o74", "watch_s", 60),
        ("watch_s: 0x3C", "watch_s", 60),
        ("resources: {cpus: 1e1}", "resources", {"cpus": 10.0}),
        ("auto_rollback: true", "auto_rollback", True),
        ("auto_rollback: FALSE", "auto_rollback", False),
        ("ports: [{container: 8080}]", "ports", [{"container": 8080, "address": "127.0.0.1"}]),
        ("health: null", "health", None),
        ("health: {docker: True}", "health", {"docker": True}),
    ],
)
def test_a_number_and_a_boolean_are_read_by_yaml_1_2(line: str, key: str, value: object) -> None:
    assert read(f"{HEAD}{line}\n").get(key) == value


@pytest.mark.parametrize(
    ("line", "key", "problem"),
    [
        ("watch_s: 1_0", "watch_s", KeyProblem.NOT_WHOLE),
        ("watch_s: 1:00", "watch_s", KeyProblem.NOT_WHOLE),
        ("watch_s: 0b111100", "watch_s", KeyProblem.NOT_WHOLE),
        ("watch_s: " + "9" * 5000, "watch_s", KeyProblem.NOT_WHOLE),
        ("auto_rollback: yes", "auto_rollback", KeyProblem.NOT_A_BOOLEAN),
        ("auto_rollback: on", "auto_rollback", KeyProblem.NOT_A_BOOLEAN),
    ],
)
def test_what_only_yaml_1_1_takes_for_a_number_or_a_boolean_is_refused(
    line: str, key: str, problem: KeyProblem
) -> None:
    assert refusal(f"{HEAD}{line}\n") == (key, problem)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("env: {A: 1, A: 2}", "env.A"),
        ("env: {A: 1}\nenv: {B: 2}", "env"),
        ("ports: [{container: 80, container: 81}]", "ports.0.container"),
    ],
)
def test_a_key_that_stands_there_twice_is_refused(text: str, key: str) -> None:
    assert refusal(f"{HEAD}{text}\n") == (key, KeyProblem.TWICE)


def test_anchors_and_merges_still_work_and_an_alias_means_what_its_place_says() -> None:
    spec = read(
        f"{HEAD}ports: [&p {{container: 80, address: 0.0.0.0}}, {{<<: *p, container: 81}}, {{<<: *p, container: 82}}]\n"
        "watch_s: &w 0060\nenv: {A: &a 0123, B: *a, C: *w}\n"
    )
    assert [(port["container"], port["address"]) for port in spec["ports"]] == [
        (80, "0.0.0.0"),
        (81, "0.0.0.0"),
        (82, "0.0.0.0"),
    ]
    assert (spec["watch_s"], spec["env"]) == (60, {"A": "0123", "B": "0123", "C": "0060"})


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: &a [1, 1, 1]\nb: &b [" + "*a, " * 300 + "]\nc: &c [" + "*b, " * 300 + "]\nd: [*c]",
        "[" * 500 + "]" * 500,
        "? [a]\n: b",
        "env: {A: !!binary aGk=}",
        "env: {A: !!python/name:os.system x}",
        "env: {A: !secret x}",
        "env: !!set {A, B}",
    ],
)
def test_what_is_made_to_be_misread_is_no_yaml(text: str) -> None:
    key, problem = refusal(text)
    assert problem is KeyProblem.NOT_YAML
    assert key.startswith(("line ", "spec"))


def test_the_document_is_named() -> None:
    key, problem = refusal(f"{HEAD}---\n{HEAD.replace('shop', 'two')}env: {{A: ~}}\n")
    assert (key, problem) == ("document 2: env.A", KeyProblem.QUOTE_IT)

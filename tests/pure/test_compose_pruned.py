"""A compose text without its faults: what is taken out is what was named, and nothing else."""

from __future__ import annotations

import pytest
import yaml

from db.messages.file_problems import FileProblem
from tasks.compose.reading.pruned import has_variable, without, without_opened
from tasks.sources.invalid_spec import Reason


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("services: {a: {image: x, env_file: b.env}}", {"services": {"a": {"image": "x"}}}),
        ("include: [x.yaml]\nservices: {a: {extends: {file: y}}}", {"services": {"a": {}}}),
        ("x-a: &a {label_file: l, image: x}\nservices: {a: {<<: *a}}", None),
    ],
)
def test_no_key_that_opens_a_file_is_left(text: str, rest: object) -> None:
    found = without_opened(text)
    assert found is not None
    assert "_file" not in found
    assert rest is None or yaml.safe_load(found) == rest


def test_a_text_that_is_no_yaml_is_not_pruned() -> None:
    assert without_opened("a: [") is None
    assert without("a: [", [Reason("a", FileProblem.UNKNOWN_KEY)]) is None


TEXT = """
services:
  web:
    image: x
    prots: []
    environment: {A.B: "$A", C: "1"}
    ports: ["${P}:80", "81:81"]
  db: {pid: host}
zones: {}
"""


@pytest.mark.parametrize(
    ("key", "problem", "gone"),
    [
        ("web.prots", FileProblem.UNKNOWN_KEY, ["services", "web", "prots"]),
        ("web.environment.A.B", FileProblem.BAD_VARIABLE, ["services", "web", "environment", "A.B"]),
        ("web.ports.0", FileProblem.BAD_VALUE, ["services", "web", "ports"]),
        ("zones", FileProblem.UNKNOWN_KEY, ["zones"]),
    ],
)
def test_a_fault_is_taken_out_by_its_key(key: str, problem: FileProblem, gone: list[str]) -> None:
    found = without(TEXT, [Reason(key, problem)])
    assert found is not None
    wanted = yaml.safe_load(TEXT)
    place = wanted
    for part in gone[:-1]:
        place = place[part]
    del place[gone[-1]]
    assert yaml.safe_load(found) == wanted


def test_a_service_without_an_image_gets_one_so_that_the_rest_of_it_is_seen() -> None:
    found = without(TEXT, [Reason("db", FileProblem.NO_IMAGE)])
    assert found is not None
    assert yaml.safe_load(found)["services"]["db"] == {"pid": "host", "image": "image"}


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("web.gone", FileProblem.UNKNOWN_KEY),
        ("gone.web", FileProblem.UNKNOWN_KEY),
        ("gone", FileProblem.NO_IMAGE),
        ("web.image", FileProblem.NOT_KNOWN),
        ("source", FileProblem.NOT_A_FILE),
    ],
)
def test_what_cannot_be_taken_out_leaves_no_text(key: str, problem: FileProblem) -> None:
    assert without(TEXT, [Reason(key, problem)]) is None


def test_a_value_with_a_variable_is_told_from_one_without() -> None:
    assert has_variable(TEXT, "web.ports.0")
    assert has_variable(TEXT, "web.environment")
    assert not has_variable(TEXT, "web.environment.C")
    assert not has_variable(TEXT, "web.prots")
    assert has_variable(TEXT, "web.gone")  # not found, so not known

"""Compose files in a checkout: nothing outside of it is opened, and what is mounted from it becomes part of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from tasks.compose import checkout
from tasks.compose.reading import opened_files
from tasks.compose.reading.external_files import Unreadable
from tasks.sources.compose import LONGEST_TEXT


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout beside something that is none of its business."""
    (tmp_path / "outside.env").write_text("A=secret")
    tree = tmp_path / "tree"
    for name, text in {
        "deploy/compose.yaml": "services: {web: {image: a, env_file: ../app.env}}",
        "deploy/plain.yaml": "include: [more/inner.yaml]",
        "deploy/more/inner.yaml": "services: {db: {image: a, env_file: db.env}}",
        "deploy/climbing.yaml": "include: [more/climbs.yaml]",
        "deploy/more/climbs.yaml": "services: {db: {image: a, env_file: ../../../outside.env}}",
        "deploy/far.yaml": "services: {web: {image: a, env_file: ../../outside.env}}",
        "deploy/link.yaml": "services: {web: {image: a, env_file: link.env}}",
        "deploy/variable.yaml": "services: {web: {image: a, env_file: '${X}'}}",
        "deploy/elsewhere.yaml": "include: [{path: more/extends.yaml, project_directory: other}]",
        "deploy/more/extends.yaml": "services: {web: {extends: {file: base.yaml, service: base}}}",
        "deploy/other/base.yaml": "services: {base: {image: a, env_file: ../../../outside.env}}",
        "deploy/twice.yaml": "include: [more/extends.yaml, elsewhere.yaml]",
        "deploy/round.yaml": "include: [round.yaml, ./round.yaml]\nservices: {web: {image: a}}",
        "app.env": "A=1",
        "conf/nginx.conf": "listen $port;",
        "conf/sites/a.conf": "a",
        "run.sh": "#!/bin/sh",
    }.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tree / "run.sh").chmod(0o755)
    (tree / "picture.png").write_bytes(b"\x89PNG\xff")
    (tree / "deploy/link.env").symlink_to("../../outside.env")
    (tree / "deploy/fine.env").symlink_to("../app.env")
    return tree


@pytest.mark.parametrize(
    ("file", "refused"),
    [
        ("compose.yaml", []),
        ("plain.yaml", []),
        ("climbing.yaml", ["db.env_file"]),
        ("far.yaml", ["web.env_file"]),
        ("variable.yaml", ["web.env_file"]),
        ("elsewhere.yaml", ["base.env_file"]),
        ("twice.yaml", ["base.env_file"]),
        ("round.yaml", []),
        ("not-there.yaml", []),
    ],
)
def test_what_lies_outside_of_the_checkout_is_not_opened(tree: Path, file: str, refused: list[str]) -> None:
    assert opened_files.examine(tree, [f"deploy/{file}"]).outside == refused


INSIDE = {
    "compose.yaml": "include: [part/db.yaml, {path: part/moved.yaml, project_directory: other, env_file: conf/a.env}]\n"
    "services: {web: {extends: {file: part/base.yaml, service: base}}}",
    "part/db.yaml": "include: [../second/x.yaml]\n"
    "services: {db: {image: d, env_file: ../conf/a.env, extends: {file: ../common/c.yaml, service: c}}}",
    "part/base.yaml": "services: {base: {image: b, env_file: ../conf/a.env, label_file: ../conf/labels}}",
    "part/moved.yaml": "services: {moved: {image: m, env_file: [o.env, ../conf/b.env]}}",
    "common/c.yaml": "services: {c: {image: c, env_file: ../conf/b.env, extends: {file: deep/d.yaml, service: d}}}",
    "common/deep/d.yaml": "services: {d: {image: d, env_file: ../../conf/b.env}}",
    "second/x.yaml": "services: {x: {image: x, env_file: [{path: ../conf/a.env, required: false}]}}",
    "other/o.env": "O=1",
    "conf/a.env": "A=1",
    "conf/b.env": "B=1",
    "conf/labels": "l=1",
}


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({}, []),
        ({"part/db.yaml": "services: {db: {image: d, env_file: ../../outside.env}}"}, ["db.env_file"]),
        ({"part/base.yaml": "services: {base: {image: d, label_file: ../../outside.env}}"}, ["base.label_file"]),
        ({"common/deep/d.yaml": "services: {d: {image: d, env_file: ../../../outside.env}}"}, ["d.env_file"]),
        # Relative to `other` it stays inside, relative to its own directory it does not, and the other way round.
        ({"moved.yaml": "services: {m: {image: m, env_file: ../x.env}}",
          "compose.yaml": "include: [{path: moved.yaml, project_directory: other}]"}, ["m.env_file"]),
        ({"compose.yaml": "include: [{path: part/moved.yaml, project_directory: .}]"}, ["moved.env_file"]),
        ({"compose.yaml": "include: [{path: [first.yaml, part/moved.yaml]}]",
          "first.yaml": "services: {}"}, ["moved.env_file"]),
        ({"compose.yaml": "include: [{path: part/db.yaml, env_file: ../outside.env}]"}, ["include"]),
        ({"compose.yaml": "include: [{path: part/db.yaml, project_directory: ..}]"}, ["include", "db.extends"]),
        ({"part/db.yaml": "include: [../../outside.yaml]"}, ["include"]),
        # The kernel follows a link before it goes up.
        ({"part/db.yaml": "services: {db: {image: d, env_file: here/../conf/a.env}}"}, ["db.env_file"]),
        ({"part/db.yaml": "services: {db: {image: d, env_file: here/here/../../outside.env}}"}, ["db.env_file"]),
    ],
)  # fmt: skip
def test_what_an_included_file_names_may_lie_anywhere_in_the_checkout(
    tmp_path: Path, changed: dict[str, str], refused: list[str]
) -> None:
    (tmp_path / "outside.env").write_text("A=secret")
    tree = tmp_path / "tree"
    for name, text in (INSIDE | changed).items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    (tree / "part/here").symlink_to("..")  # the checkout itself
    found = opened_files.examine(tree, ["compose.yaml"]).outside
    assert set(refused) <= set(found)
    assert bool(refused) == bool(found)


def test_a_huge_file_is_not_read(tree: Path) -> None:
    (tree / "deploy/more/inner.yaml").write_text("#" * (LONGEST_TEXT + 1))
    with pytest.raises(Unreadable):
        opened_files.examine(tree, ["deploy/plain.yaml"])


def test_the_files_of_variables_are_found_with_where_they_lie(tree: Path) -> None:
    (tree / "deploy/more/inner.yaml").write_text(
        "services: {db: {image: a, env_file: [.env, {path: ../no.env, required: false}, {path: x, format: raw}]}}"
    )
    found = opened_files.examine(tree, ["deploy/plain.yaml"])
    assert found.outside == []
    shown = {one.path: ([str(place) for place in one.places], one.required, one.as_is) for one in found.env_files}
    assert shown == {
        ".env": (["deploy/more/.env"], True, False),
        "../no.env": (["deploy/no.env"], False, False),
        "x": (["deploy/more/x"], True, True),
    }


@pytest.mark.parametrize("text", [b"\xff\xfe" + "a: 1".encode("utf-16-le"), b"a: 1 # \xe9"], ids=["UTF-16", "Latin-1"])
def test_a_file_that_is_no_utf_8_is_not_passed_over(tree: Path, text: bytes) -> None:
    (tree / "deploy/more/inner.yaml").write_bytes(text)
    with pytest.raises(Unreadable):
        opened_files.examine(tree, ["deploy/plain.yaml"])


def test_more_files_than_anybody_writes_are_not_read(tree: Path) -> None:
    for number in range(opened_files.MOST_COMPOSE_FILES + 1):
        (tree / f"deploy/{number}.yaml").write_text(f"include: [{number + 1}.yaml]")
    with pytest.raises(Unreadable):
        opened_files.examine(tree, ["deploy/0.yaml"])


def test_a_link_that_leads_to_itself_leads_nowhere(tree: Path) -> None:
    (tree / "loop").symlink_to("loop")
    checkout.take_links_away(tree)
    assert (tree / "deploy/fine.env").read_text() == "A=1"


def test_links_that_lead_out_are_taken_away_and_others_stay(tree: Path) -> None:
    checkout.take_links_away(tree)
    assert not (tree / "deploy/link.env").is_symlink()
    assert (tree / "deploy/fine.env").read_text() == "A=1"


def lasting(tree: Path, *volumes: str, own: Iterable[str] = ()) -> tuple[list[str], list[str], list[str]]:
    """The sources as stored, what is to be copied, and what is missing, of `source:target[:ro]`."""
    mounts = []
    for one in volumes:
        source, target, *mode = one.split(":")
        mounts.append({"type": "bind", "source": str(tree / source), "target": target, "read_only": bool(mode)})
    have = {PurePosixPath(one) for one in own}
    model = {"services": {"web": {"image": "a", "volumes": mounts}}}
    stored, held, missing = checkout.lasting(model, tree, lambda path: path in have)
    sources = [one["source"].replace(str(tree), "TREE") for one in stored["services"]["web"]["volumes"]]
    return sources, sorted(str(path) for path in held), [one.shown for one in missing]


@pytest.mark.parametrize(
    ("volumes", "own", "sources", "held", "missing"),
    [
        (["conf:/c"], [], ["./conf"], ["conf"], []),
        (["conf:/c:ro"], [], ["TREE/conf"], [], []),
        (["app.env:/e"], [], ["TREE/app.env"], [], []),
        (["deploy/../conf:/c"], [], ["./conf"], ["conf"], []),
        (["new:/n"], [], ["./new"], [], []),
        (["new:/n:ro"], [], ["./new"], [], ["./new"]),
        (["new:/n:ro"], ["new"], ["./new"], [], []),
        (["new:/n", "new:/m:ro"], [], ["./new", "./new"], [], []),
        (["conf:/c", "conf:/d:ro"], [], ["./conf", "./conf"], ["conf"], []),
        (["conf:/c", "conf/sites:/d:ro"], [], ["./conf", "TREE/conf/sites"], ["conf"], []),
        (["x.conf:/x.conf"], [], ["./x.conf"], [], ["./x.conf"]),
        (["x.conf:/x.conf"], ["x.conf"], ["./x.conf"], [], []),
        ([".:/all"], [], ["."], ["."], []),
        (["way:/w"], [], ["./conf"], ["conf"], []),
    ],
)
def test_a_directory_that_a_container_may_write_belongs_to_the_app(
    tree: Path, volumes: list[str], own: list[str], sources: list[str], held: list[str], missing: list[str]
) -> None:
    (tree / "way").symlink_to("conf")
    assert lasting(tree, *volumes, own=own) == (sources, held, missing)


def of_web(tree: Path, *volumes: Any, configs: Any = None) -> tuple[dict[str, Any], list[str]]:
    mounts = [{"type": "bind", "source": str(tree / source), "target": target} for source, target in volumes]
    data = {"type": "volume", "source": "data", "target": "/data"}
    model = {"name": "p", "services": {"web": {"image": "a", "volumes": [*mounts, data]}}, "configs": configs or {}}
    return checkout.copied(model, tree)


def test_files_and_directories_that_are_mounted_become_configs(tree: Path) -> None:
    model, refused = of_web(tree, ("conf", "/etc/nginx"), ("run.sh", "/run.sh"))
    assert refused == []
    web = model["services"]["web"]
    assert web["volumes"] == [{"type": "volume", "source": "data", "target": "/data"}]
    found = {one["target"]: (model["configs"][one["source"]]["content"], one["mode"]) for one in web["configs"]}
    assert found == {
        "/etc/nginx/nginx.conf": ("listen $$port;", "0644"),
        "/etc/nginx/sites/a.conf": ("a", "0644"),
        "/run.sh": ("#!/bin/sh", "0755"),
    }


def test_a_config_that_is_a_file_gets_its_content(tree: Path) -> None:
    configs = {"c": {"name": "p_c", "file": str(tree / "run.sh")}, "d": {"name": "p_d", "content": "x"}}
    model, refused = of_web(tree, configs=configs)
    assert (model["configs"]["c"], refused) == ({"name": "p_c", "content": "#!/bin/sh"}, [])
    assert model["configs"]["d"] == {"name": "p_d", "content": "x"}


@pytest.mark.parametrize("source", ["picture.png", "not-there", "empty", "large", "strange"])
def test_what_cannot_be_copied_is_refused_by_its_key(tree: Path, source: str) -> None:
    (tree / "empty").mkdir()
    (tree / "strange").mkdir()
    (tree / "strange" / os.fsdecode(b"na\xffme")).write_text("x")
    (tree / "large").write_text("x" * (checkout.MOST_BYTES + 1))
    assert of_web(tree, (source, "/x"))[1] == ["web.volumes"]
    assert of_web(tree, configs={"c": {"file": str(tree / "large")}})[1] == ["configs.c.file"]

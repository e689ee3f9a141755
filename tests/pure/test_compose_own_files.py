"""Mounts of the app's own directory: which they are, how they are stored, and which one could lead out of it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest

from tasks.compose.own_files import Mount, inside_writable, mounts, of_source, path_of, placed, relative

WORK = "/home/work/local"


def bind(source: str, **more: Any) -> dict[str, Any]:
    return {"type": "bind", "source": source, "target": "/data"} | more


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("./store", "store"),
        (".", "."),
        ("./a/b", "a/b"),
        ("./a$$b", "a$b"),
        ("/srv/store", None),
        ("${TOKEN}", None),
        ("./$${b}", "${b}"),
        ("/home/work", None),
        (WORK, None),
        ("/home/work/local2/tmp12345678/store", None),
        # As older versions stored them.
        (f"{WORK}/tmp1_ab34cd/store", "store"),
        (f"{WORK}/tmp1_ab34cd", "."),
        (f"{WORK}/tmp1_ab34cd/tree/a", "tree/a"),
        (f"{WORK}/store", "store"),
    ],
)
def test_a_mount_of_the_own_directory_is_told_by_its_path(source: str, path: str | None) -> None:
    assert path_of(bind(source), WORK) == (None if path is None else PurePosixPath(path))
    assert path_of(bind(source) | {"type": "volume"}, WORK) is None


def test_a_stored_file_has_relative_paths_and_docker_compose_gets_absolute_ones() -> None:
    stored = relative(bind("/tree/a$$b", read_only=True), PurePosixPath("a$b"))
    assert stored == bind("./a$$b", read_only=True)
    model = {"services": {"web": {"volumes": [stored, bind("/srv/x"), {"type": "tmpfs", "target": "/t"}]}, "db": {}}}
    volumes = placed(model, "/home/files/shop", WORK)["services"]["web"]["volumes"]
    assert [one.get("source") for one in volumes] == ["/home/files/shop/a$$b", "/srv/x", None]
    assert [(one.service, one.shown, one.writable) for one in mounts(model, WORK)] == [("web", "./a$b", False)]


@pytest.mark.parametrize(
    ("paths", "inside"),
    [
        (["a", "b"], []),
        (["a", "a"], []),
        (["a", "ab"], []),
        (["a", "a/b"], ["a/b"]),
        (["a:ro", "a/b"], []),
        (["a", "a/b:ro"], ["a/b"]),
        (["a", "a/b/c"], ["a/b/c"]),
        ([".", "a"], ["a"]),
    ],
)
def test_a_path_inside_of_one_that_a_container_writes_could_be_replaced_by_a_link(
    paths: list[str], inside: list[str]
) -> None:
    every = [Mount("web", PurePosixPath(one.removesuffix(":ro")), "/x", not one.endswith(":ro")) for one in paths]
    assert [str(one.path) for one in inside_writable(every)] == inside


@pytest.mark.parametrize(
    ("source", "target", "is_file"),
    [
        ("nginx.conf", "/etc/nginx/nginx.conf", True),
        ("my.yml", "/app/config.yml", True),
        ("app.hjson", "/config/config.hjson", True),
        ("squid.conf.template", "/etc/squid/squid.conf.template", True),
        ("tool.rb", "/etc/tool/tool.rb", True),
        ("conf.d", "/etc/nginx/conf.d", False),
        ("site.conf", "/etc/nginx", False),
        ("data", "/data", False),
        (".env", "/app/.env", True),
        (".cache", "/root/.cache", False),
        ("Caddyfile", "/etc/caddy/Caddyfile", True),
    ],
)
def test_a_missing_file_is_told_from_a_missing_directory_by_both_names(source: str, target: str, is_file: bool) -> None:
    assert Mount("web", PurePosixPath(source), target).looks_like_a_file is is_file


@pytest.mark.parametrize(
    ("path", "contexts", "is_source"),
    [
        (".", [], True),
        ("store", ["."], False),
        ("app", ["app"], True),
        ("apps", ["apps/web"], True),
        ("app/data", ["app"], False),
        ("store", [], False),
    ],
)
def test_a_directory_that_a_commit_changes_is_told_from_one_for_data(
    path: str, contexts: list[str], is_source: bool
) -> None:
    mount = Mount("web", PurePosixPath(path))
    assert of_source([mount], map(PurePosixPath, contexts)) == ([mount] if is_source else [])
    assert of_source([Mount("web", PurePosixPath(path), writable=False)], map(PurePosixPath, contexts)) == []

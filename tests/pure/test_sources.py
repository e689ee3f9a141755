"""The sources of the kinds git and static: which addresses, refs and paths are taken. No secret is among them."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from db.settings import Settings
from tasks.sources import parse_source
from tasks.sources.addresses import Address, parse_address
from tasks.sources.compose import ComposeSource
from tasks.sources.git import GitSource
from tasks.sources.invalid_spec import InvalidSpec
from tasks.sources.permitted import refused
from tasks.sources.static import StaticSource
from tasks.specs import parse_spec, redirected

CANARY = "hunter2canary"
URL = "https://git.example/shop.git"
HASH = "sha256:" + "0" * 64
DESCRIBED = {
    kind: jsonschema_rs.validator_for(model.model_json_schema())
    for kind, model in (("git", GitSource), ("static", StaticSource), ("compose", ComposeSource))
}


def is_described(kind: str, **source: Any) -> bool:
    """Whether the description of the API says that this source is taken."""
    return DESCRIBED[kind].is_valid({"kind": kind, **source})


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (URL, Address("https", "git.example", "/shop.git")),
        ("https://Git.Example:8443/a/b", Address("https", "git.example:8443", "/a/b")),
        ("https://[::1]:3000/a", Address("https", "[::1]:3000", "/a")),
        ("http://127.0.0.1:3000/a.git", Address("http", "127.0.0.1:3000", "/a.git")),
        ("ssh://git@git.example:2222/a/b.git", Address("ssh", "git.example:2222", "/a/b.git", "git")),
        ("ssh://git.example/~ann/b.git", Address("ssh", "git.example", "/~ann/b.git")),
        ("git@github.com:team/shop.git", Address("ssh", "github.com", "team/shop.git", "git")),
        ("file:///srv/git/shop.git", Address("file", "", "/srv/git/shop.git")),
    ],
)
def test_an_address_is_taken_apart(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert parse_source({"kind": "git", "url": text})["url"] == text
    assert is_described("git", url=text)


@pytest.mark.parametrize(
    "text",
    [
        f"https://ann:{CANARY}@git.example/shop.git",
        f"https://{CANARY}@git.example/shop.git",
        f"ssh://git:{CANARY}@git.example/shop.git",
        f"https://git.example/shop.git?access_token={CANARY}",
        f"https://git.example/shop.git#{CANARY}",
        f"https://ann:{CANARY}/x@git.example/shop.git",
        f"git:{CANARY}@git.example:shop.git",
        f"ext::sh -c {CANARY}",
        f"git://git.example/{CANARY}",
        f"ftp://git.example/{CANARY}",
        f"ssh://-oProxyCommand={CANARY}/x",
        f"ssh://-oProxyCommand={CANARY}@git.example/x",
        f"-oProxyCommand={CANARY}@git.example:x",
        f"git@-oProxyCommand={CANARY}:x",
        f"git@git.example:-{CANARY}",
        f"--upload-pack={CANARY}",
        f"https://git.example/shop.git\n{CANARY}",
        f"https://git.example/a b{CANARY}",
        f"file://host/{CANARY}",
        f"/srv/{CANARY}",
        CANARY,
        "https://git.example",
        "file://",
        "",
    ],
)
def test_what_is_no_address_or_has_a_secret_in_it_is_refused_by_its_key(text: str) -> None:
    for kind in ("git", "static"):
        with pytest.raises(InvalidSpec) as caught:
            parse_spec({"name": "shop", "source": {"kind": kind, "url": text}})
        assert caught.value.key == "source.url"
        assert CANARY not in str(caught.value)
        assert not is_described(kind, url=text)


@pytest.mark.parametrize("ref", ["main", "v1.2.3", "feature/cart", "refs/tags/v1", "HEAD", "a" * 40, "release-1+2"])
def test_a_branch_a_tag_or_a_commit_is_a_ref(ref: str) -> None:
    assert redirected({"kind": "git", "url": URL}, "ref", ref)["ref"] == ref
    assert is_described("git", url=URL, ref=ref)


@pytest.mark.parametrize(
    "ref",
    [
        *("-u", "--upload-pack=x", "a..b", "a b", "a:b", "a^", "a~1", "a?", "a*", "a[", "a\\b", "/a", "a/", "a//b", ""),
        *("a.lock", "a.lock/b", ".a", "a/.b", "a.", "@", "a@{1}", "a\nb", "a\x7f", "+a:b"),
    ],
)
def test_what_git_would_not_take_for_a_ref_is_refused(ref: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        redirected({"kind": "git", "url": URL}, "ref", ref)
    assert caught.value.key == "ref"
    assert not is_described("git", url=URL, ref=ref)


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc", "-x", ".git", "a/.GIT/config", "a\\b", "a\nb", ""])
@pytest.mark.parametrize("key", ["context", "dockerfile"])
def test_a_path_that_leaves_the_repository_is_refused(key: str, path: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_spec({"name": "shop", "source": {"kind": "git", "url": URL, key: path}})
    assert caught.value.key == f"source.{key}"
    assert not is_described("git", **{"url": URL, key: path}) or not path.isprintable(), "what prints is no pattern"


def test_a_git_source_has_its_defaults() -> None:
    assert parse_source({"kind": "git", "url": URL}) == {
        "kind": "git",
        "url": URL,
        "context": ".",
        "dockerfile": "Dockerfile",
    }


BUILDS: list[tuple[dict[str, Any], str | None]] = [
    ({}, None),
    ({"args": {"A": "1", "_b2": ""}, "target": "web-1.2_x", "secrets": ["TOKEN"]}, None),
    ({"args": {"A-B": "1"}}, "source.build.args.A-B"),
    ({"args": {"A": ["x"]}}, "source.build.args.A"),
    ({"args": ["A=1"]}, "source.build.args"),
    ({"args": {"A": "x" * 10_001}}, "source.build.args.A"),
    ({"target": "-x"}, "source.build.target"),
    ({"target": ""}, "source.build.target"),
    ({"target": "a b"}, "source.build.target"),
    ({"secrets": ["a-b"]}, "source.build.secrets.0"),
    ({"secrets": ["A", "A"]}, "source.build.secrets"),
    ({"secrets": {"A": "a value in the wrong place"}}, "source.build.secrets"),
    ({"ssh": ["default"]}, "source.build.ssh"),
]


@pytest.mark.parametrize(("build", "key"), BUILDS)
def test_how_a_repository_is_built_is_checked_key_by_key(build: dict[str, Any], key: str | None) -> None:
    given = {"kind": "git", "url": URL, "build": build}
    if key is None:
        assert parse_source(given)["build"] == {"args": {}, "secrets": []} | build
        assert is_described("git", url=URL, build=build)
        return
    with pytest.raises(InvalidSpec) as caught:
        parse_spec({"name": "shop", "source": given})
    assert caught.value.key.startswith(key.removesuffix(".A-B"))
    assert "wrong place" not in str(caught.value)


def test_a_number_is_an_argument_as_it_was_written() -> None:
    given = {"kind": "git", "url": URL, "build": {"args": {"VERSION": 3}}}
    assert parse_source(given)["build"]["args"] == {"VERSION": "3"}


@pytest.mark.parametrize(
    "source", [{}, {"path": "/srv/site"}, {"url": URL}, {"url": URL, "ref": "v1", "root": "public"}, {"content": HASH}]
)
def test_a_static_source_has_at_most_one_place(source: dict[str, Any]) -> None:
    assert parse_source({"kind": "static"} | source) == {"kind": "static"} | source
    assert is_described("static", **source)


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ({"path": "/srv", "url": URL}, "source.url"),
        ({"path": "/srv", "content": HASH}, "source.content"),
        ({"path": "/srv", "ref": "main"}, "source.ref"),
        ({"root": "public"}, "source.root"),
        ({"submodules": True}, "source.submodules"),
        ({"path": "srv"}, "source.path"),
        ({"path": "/srv/../etc"}, "source.path"),
        ({"path": "/srv/\n"}, "source.path"),
        ({"content": "sha256:0"}, "source.content"),
        ({"url": URL, "root": "../x"}, "source.root"),
        ({"image": "x"}, "source.image"),
    ],
)
def test_a_static_source_that_contradicts_itself_is_refused_by_key(source: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_spec({"name": "shop", "source": {"kind": "static"} | source})
    assert caught.value.key == key
    if source.get("path") not in {"/srv/../etc", "/srv/\n"}:  # what a path may have in it, no pattern says
        assert not is_described("static", **source)


@pytest.mark.parametrize(
    ("source", "is_one"),
    [
        ({"text": "services: {}"}, True),
        ({"url": URL, "ref": "v1", "file": ["a.yaml"]}, True),
        ({"text": None, "url": URL}, True),
        ({}, False),
        ({"text": "services: {}", "url": URL}, False),
        ({"text": "services: {}", "ref": "v1"}, False),
        ({"url": URL, "submodules": True}, True),
        ({"url": URL, "submodules": "yes"}, False),
        ({"text": "services: {}", "submodules": True}, False),
    ],
)
def test_a_compose_source_is_described_as_it_is_taken(source: dict[str, Any], is_one: bool) -> None:
    assert is_described("compose", **source) is is_one
    if is_one:
        parse_spec({"name": "shop", "source": {"kind": "compose"} | source})
    else:
        with pytest.raises(InvalidSpec):
            parse_spec({"name": "shop", "source": {"kind": "compose"} | source})


@pytest.mark.parametrize(
    ("source", "settings", "key"),
    [
        ({"kind": "git", "url": URL}, {}, None),
        ({"kind": "git", "url": "http://git.example/a"}, {}, "source.url"),
        ({"kind": "git", "url": "http://git.example/a"}, {"git_protocols": "https, http"}, None),
        ({"kind": "git", "url": "file:///a"}, {"git_protocols": "https"}, "source.url"),
        ({"kind": "static", "path": "/srv/site"}, {}, "source.path"),
        ({"kind": "static", "path": "/srv/site"}, {"static_roots": "/var/www:/srv"}, None),
        ({"kind": "static", "path": "/srv"}, {"static_roots": "/srv/"}, None),
        ({"kind": "static", "path": "/srvs"}, {"static_roots": "/srv"}, "source.path"),
        ({"kind": "static", "path": "/srv"}, {"static_roots": "srv:."}, "source.path"),
        ({"kind": "static"}, {}, None),
    ],
)
def test_the_settings_say_which_protocols_and_directories_are_allowed(
    source: dict[str, Any], settings: dict[str, str], key: str | None
) -> None:
    problem = refused(source, Settings(**settings))
    assert (problem.key if problem else None) == key

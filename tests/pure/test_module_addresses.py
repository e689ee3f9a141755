"""Submodules: which addresses a repository may make us fetch from, with whose credentials, and into which places."""

from __future__ import annotations

import pytest

from tasks.git.module_addresses import Link, absolute, addresses, allowed, is_inside
from tasks.sources.credential_names import names_for_part

HTTPS = "https://git.example/team/shop.git"
SSH, SCP = "ssh://git@git.example:2222/team/shop.git", "git@git.example:team/shop.git"
PROTOCOLS = ("https", "ssh", "file")
LINK = Link("lib", "1" * 40)


@pytest.mark.parametrize(
    ("parent", "url", "whole"),
    [
        (HTTPS, "../lib.git", "https://git.example/team/lib.git"),
        (f"{HTTPS}/", "../lib.git", "https://git.example/team/lib.git"),
        (HTTPS, "../../other/lib.git", "https://git.example/other/lib.git"),
        (HTTPS, "./lib.git", "https://git.example/team/shop.git/lib.git"),
        (HTTPS, "../.././x/../lib", "https://git.example/x/../lib"),
        (SSH, "../lib.git", "ssh://git@git.example:2222/team/lib.git"),
        (SCP, "../lib.git", "git@git.example:team/lib.git"),
        (SCP, "../../lib.git", "git@git.example:lib.git"),
        (HTTPS, "https://other.example/lib", "https://other.example/lib"),
    ],
)
def test_a_relative_address_is_one_beside_the_repository(parent: str, url: str, whole: str) -> None:
    assert absolute(parent, url) == whole
    assert allowed(parent, {"lib": url}, LINK, PROTOCOLS) == whole


@pytest.mark.parametrize(
    "url",
    [
        *("file:///srv/git/private.git", "/srv/git/private.git", "srv/git", "", "."),
        *("ext::sh -c id", "git://git.example/lib", "ftp://git.example/lib", "http://git.example/lib"),
        *("https://ann:hunter2@git.example/lib", "-uhttps://git.example/lib", "https://git.example/lib?x=y"),
        *("../../../lib", "../../../../lib", "https://git.example/lib\nx", "git@-oProxyCommand=x:lib"),
    ],
)
@pytest.mark.parametrize("parent", [HTTPS, "file:///srv/git/shop.git"])
def test_an_address_that_is_not_for_submodules_is_refused(parent: str, url: str) -> None:
    assert allowed(parent, {"lib": url}, LINK, PROTOCOLS) is None


def test_a_relative_address_of_a_file_is_a_file() -> None:
    assert allowed("file:///srv/git/shop.git", {"lib": "../private.git"}, LINK, PROTOCOLS) is None


def test_a_submodule_without_an_address_is_refused() -> None:
    assert allowed(HTTPS, {"other": "../lib"}, LINK, PROTOCOLS) is None
    assert allowed(HTTPS, {"lib": "http://git.example/lib"}, LINK, (*PROTOCOLS, "http")) == "http://git.example/lib"


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", ".git", "a/.GIT/hooks", "", "./x/.git"])
def test_a_place_outside_of_the_checkout_is_refused(path: str) -> None:
    assert not is_inside(path)
    assert allowed(HTTPS, {path: "../lib"}, Link(path, "1" * 40), PROTOCOLS) is None


def test_the_file_is_read_by_path() -> None:
    listed = (
        "submodule.a.path\nlib\0submodule.a.url\n../lib\0submodule.b.c.url\nhttps://x/y\0submodule.b.c.path\nx y/\0"
    )
    assert addresses(listed) == {"lib": "../lib", "x y": "https://x/y"}
    assert addresses("submodule.a.path\nlib\0") == addresses("") == {}


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://git.example/lib", True),
        ("git@git.example:lib", True),
        ("https://git.example:8443/lib", False),
        ("https://git.example.evil/lib", False),
    ],
)
def test_credentials_are_for_the_host_of_the_spec_alone(url: str, sent: bool) -> None:
    assert bool(names_for_part(HTTPS, url)) is sent

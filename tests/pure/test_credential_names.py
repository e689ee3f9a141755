"""Under which names credentials of git servers are stored, and which of them fit an address."""

from __future__ import annotations

import pytest

from tasks.sources.addresses import parse_address
from tasks.sources.credential_names import LONGEST, names_for, names_for_part, normal


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("git.example", "git.example"),
        ("Git.Example:8443", "git.example:8443"),
        ("[::1]:3000/acme", "[::1]:3000/acme"),
        ("github.com/Acme/Shop", "github.com/acme/shop"),
        ("github.com/acme/shop.git", "github.com/acme/shop"),
        ("github.com/acme/", "github.com/acme"),
        ("git.example/~ann/shop", "git.example/~ann/shop"),
        ("gitlab.com/a/b/c/d", "gitlab.com/a/b/c/d"),
    ],
)
def test_a_name_is_a_host_or_a_path_on_it(written: str, stored: str) -> None:
    assert normal(written) == stored
    assert normal(stored) == stored


@pytest.mark.parametrize(
    "written",
    [
        *("", "/acme", "git.example//acme", "git.example/../acme", "git.example/./a", "git.example/%2e%2e", "a b/c"),
        *(
            "https://git.example/acme",
            "git@git.example:acme",
            "ann:pw@git.example",
            "git.example/.git",
            "git.example/a?b",
        ),
        "git.example/" + "a" * LONGEST,
    ],
)
def test_anything_else_is_no_name(written: str) -> None:
    assert normal(written) is None


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("https://github.com/Acme/shop.git", ["github.com/acme/shop", "github.com/acme", "github.com"]),
        ("git@github.com:acme/shop.git", ["github.com/acme/shop", "github.com/acme", "github.com"]),
        (
            "ssh://git@git.example:2222/acme/shop",
            ["git.example:2222/acme/shop", "git.example:2222/acme", "git.example:2222"],
        ),
        ("https://git.example/shop/.git", ["git.example/shop", "git.example"]),
        ("https://git.example/shop/", ["git.example/shop", "git.example"]),
        # A server may read these as paths elsewhere.
        ("https://git.example/acme/../other/shop", ["git.example"]),
        ("https://git.example/%61cme/shop", ["git.example"]),
        ("https://git.example/acme//shop", ["git.example"]),
        ("file:///srv/git/shop", []),
    ],
)
def test_the_most_specific_name_comes_first(url: str, names: list[str]) -> None:
    address = parse_address(url)
    assert address is not None
    assert names_for(address) == names


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("https://git.example/acme/lib", ["git.example/acme/lib", "git.example/acme", "git.example"]),
        ("git@git.example:acme/lib", ["git.example/acme/lib", "git.example/acme", "git.example"]),
        ("https://git.example/acme/shop", ["git.example/acme/shop", "git.example/acme", "git.example"]),
        ("https://git.example/bank/vault", ["git.example"]),
        ("https://git.example/bank", ["git.example"]),
        ("https://git.example/acme/../bank/vault", ["git.example"]),
        ("https://git.example:8443/acme/lib", []),
        ("https://elsewhere.example/acme/lib", []),
        ("file:///acme/lib", []),
    ],
)
def test_a_submodule_gets_at_nothing_that_is_stored_for_another_owner(part: str, names: list[str]) -> None:
    assert names_for_part("https://git.example/acme/shop.git", part) == names


def test_where_repositories_have_no_owner_they_are_together() -> None:
    assert names_for_part("https://git.example/shop", "https://git.example/lib") == ["git.example/lib", "git.example"]
    assert names_for_part("https://git.example/shop", "https://git.example/acme/lib") == ["git.example"]

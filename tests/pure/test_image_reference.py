"""Image references are taken apart as Docker does it, and what is no reference is none."""

from __future__ import annotations

import pytest

from tasks.image_reference import digest_of, image_pin, parse_reference

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "repository", "host", "tag", "digest"),
    [
        ("busybox", "busybox", "docker.io", None, None),
        ("busybox:1.36", "busybox", "docker.io", "1.36", None),
        ("library/busybox", "library/busybox", "docker.io", None, None),
        ("ghcr.io/a/b/c:v1", "ghcr.io/a/b/c", "ghcr.io", "v1", None),
        ("localhost/shop", "localhost/shop", "localhost", None, None),
        ("localhost:5000/shop:1", "localhost:5000/shop", "localhost:5000", "1", None),
        ("127.0.0.1:5000/shop:1", "127.0.0.1:5000/shop", "127.0.0.1:5000", "1", None),
        ("[::1]:5000/shop", "[::1]:5000/shop", "[::1]:5000", None, None),
        ("registry:5000/shop", "registry:5000/shop", "registry:5000", None, None),
        ("registry/shop", "registry/shop", "docker.io", None, None),
        ("shop:5000", "shop", "docker.io", "5000", None),
        ("a__b/c-d--e/f.g:T_1.-", "a__b/c-d--e/f.g", "docker.io", "T_1.-", None),
        (f"shop@{DIGEST}", "shop", "docker.io", None, DIGEST),
        (f"r.example/shop:1@{DIGEST}", "r.example/shop", "r.example", "1", DIGEST),
        ("shop:" + "t" * 128, "shop", "docker.io", "t" * 128, None),
    ],
)
def test_a_reference_is_taken_apart(text: str, repository: str, host: str, tag: str | None, digest: str | None) -> None:
    found = parse_reference(text)
    assert found is not None
    assert (found.repository, found.host, found.tag, found.digest) == (repository, host, tag, digest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Shop",
        "shop:",
        "shop:1:2",
        ":1",
        "/shop",
        "shop/",
        "a//b",
        "shop:.1",
        "shop:" + "t" * 129,
        "shop@sha256:00",
        f"shop@{DIGEST}0",
        f"shop@{DIGEST.upper()}",
        "shop@md5:" + "0" * 32,
        "https://r.example/shop",
        "user:password@r.example/shop",
        "user:password@127.0.0.1:5000/shop:1",
        "shop 1",
        "shop\n",
        "shop:1\n",
        "\nshop:1",
        f"shop@{DIGEST}\n",
        "-shop",
        "shop-",
        "../shop",
    ],
)
def test_what_is_no_reference_is_none(text: str) -> None:
    assert parse_reference(text) is None


def test_a_tag_that_is_not_given_is_latest() -> None:
    found = parse_reference("127.0.0.1:5000/shop")
    assert found is not None
    assert found.tagged == "127.0.0.1:5000/shop:latest"
    assert found.at(DIGEST) == f"127.0.0.1:5000/shop@{DIGEST}"


@pytest.mark.parametrize(
    ("entries", "repository", "digest"),
    [
        ([f"127.0.0.1:5000/shop@{DIGEST}"], "127.0.0.1:5000/shop", DIGEST),
        ([f"other/shop@sha256:1{DIGEST[8:]}", f"shop@{DIGEST}"], "shop", DIGEST),
        ([f"busybox@{DIGEST}"], "docker.io/library/busybox", DIGEST),
        ([f"127.0.0.1:5000/shop@{DIGEST}"], "shop", None),
        ([], "shop", None),
    ],
)
def test_the_digest_of_a_local_image_is_the_one_of_its_repository(
    entries: list[str], repository: str, digest: str | None
) -> None:
    assert digest_of(entries, repository) == digest


def test_a_pin_says_what_was_asked_and_what_it_turned_out_to_be() -> None:
    assert image_pin("shop:1", "shop", DIGEST, "sha256:1") == {
        "kind": "image",
        "image": "shop:1",
        "repository": "shop",
        "digest": DIGEST,
        "image_id": "sha256:1",
    }

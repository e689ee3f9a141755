"""Files that a compose file would open while it is parsed are found before, however they are written."""

from __future__ import annotations

import pytest

from tasks.compose.reading.external_files import Opened, Unreadable, opened


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("services: {web: {image: a}}", []),
        ("services: {web: {extends: {service: base}}}", []),
        ("services: {web: {extends: {file: b.yaml, service: base}}}", [("web.extends", "b.yaml")]),
        ("services: {include: {image: a, environment: {env_file: x}, labels: {extends: y}}}", []),
        ("include: [a.yaml]", [("include", "a.yaml")]),
        ("include: [{path: [a.yaml, b.yaml], env_file: /etc/x}]", ["a.yaml", "b.yaml", "/etc/x"]),
        ("services: {web: {env_file: .env}}", [("web.env_file", ".env")]),
        ("services: {web: {env_file: [{path: a.env, required: false, format: raw}]}}", [("web.env_file", "a.env")]),
        ("services: {web: {label_file: [l.txt]}}", [("web.label_file", "l.txt")]),
        ('services: {web: {"env\\u005ffile": x}}', [("web.env_file", "x")]),
        ("x-a: &a {file: /etc/b.yaml}\nservices: {web: {extends: *a}}", ["/etc/b.yaml"]),
        ("x-a: &a {file: /etc/b.yaml}\nservices: {web: {extends: {<<: *a, service: s}}}", ["/etc/b.yaml"]),
        ("x-a: &a {env_file: /etc/b}\nservices: {web: {<<: *a}}", [("web.env_file", "/etc/b")]),
        # A name that means nothing in one place is a service in another, and an alias leads from one to the other.
        ("services: {labels: {env_file: /etc/b}}", [("labels.env_file", "/etc/b")]),
        ("services: {environment: {extends: {file: /etc/b.yaml}}}", ["/etc/b.yaml"]),
        ("x-a: {services: &a {env_file: /etc/b}}\nservices: {web: *a}", ["/etc/b"]),
        ("x-a: {labels: &a {env_file: /etc/b}}\nservices: {web: *a}", ["/etc/b"]),
        ("x-a: {labels: &a {labels: {env_file: /etc/b}}}\nservices: *a", ["/etc/b"]),
        ("x-a: &a {labels: {env_file: /etc/b}}\nservices: {<<: *a}", ["/etc/b"]),
        ("x-a: &a {include: [/etc/b.yaml]}\n<<: *a", ["/etc/b.yaml"]),
        ("services: {web: {develop: {watch: [{path: ., include: '*.js'}]}}}", []),
        ("services: {a: {}}\n---\nservices: {web: {env_file: !override [/etc/b]}}", ["/etc/b"]),
    ],
)
def test_every_path_that_is_opened_is_found(text: str, found: list[str | tuple[str, str]]) -> None:
    seen = opened(text)
    wanted = [one[1] if isinstance(one, tuple) else one for one in found]
    assert {one.path for one in seen} == set(wanted)
    assert {one for one in found if isinstance(one, tuple)} <= {(one.key, one.path) for one in seen}


@pytest.mark.parametrize(
    "text",
    [
        *("{", "a: &a [*b]", "- " * 3000 + "x: [", "\x00"),
        # `env_file`, and the path behind one, in base64.
        "services: {web: {!!binary ZW52X2ZpbGU=: /etc/b}}",
        "services: {web: {env_file: !!binary L2V0Yy9i}}",
        "services: {web: {env_file: !<tag:yaml.org,2002:binary> L2V0Yy9i}}",
        "%TAG !x! tag:yaml.org,2002:bin\n---\nservices: {web: {env_file: !x!ary L2V0Yy9i}}",
    ],
)
def test_what_cannot_be_understood_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        opened(text)


def test_a_file_that_refers_to_itself_over_and_over_is_read_in_a_moment() -> None:
    levels = "\n".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 60))
    assert opened(f"a0: &a0 [x]\n{levels}\ninclude: *a59") == [Opened("include", "x")]


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("conf/a.env", True),
        ("./a.env", True),
        ("/etc/passwd", False),
        ("../a", False),
        ("a/../../b", False),
        ("${X}", False),
        ("~/a", False),
        ("https://h/a", False),
        ("oci://h/a", False),
        ("git@h:a", False),
        ("a\\b", False),
        ("", False),
    ],
)
def test_only_a_plain_relative_path_is_plain(path: str, plain: bool) -> None:
    assert Opened("include", path).is_plain is plain

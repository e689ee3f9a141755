"""The configuration of a static site's server: which keys of a source are taken, which server an image starts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from db.history import same_pin
from db.messages.key_problems import KeyProblem
from db.messages.problem_base import Problem
from db.messages.source_problems import SourceProblem
from tasks.content.web_servers import PLACES, configuration, port_of, server_of
from tasks.sources import parse_source
from tasks.sources.invalid_spec import InvalidSpec
from tasks.sources.serving import path_pattern, serving_of
from tasks.specs import parse_spec


def parsed(**keys: Any) -> dict[str, Any]:
    """A source as it is stored. Raises InvalidSpec."""
    source = {"kind": "static"} | keys
    parse_spec({"name": "site", "source": source})
    return parse_source(source)


def test_what_a_source_says_of_serving_is_kept_as_it_is_and_nothing_is_added() -> None:
    cache = [{"path": "/assets/*", "max_age_s": 31536000.0, "immutable": True}, {"path": "/*.woff2", "max_age_s": 60}]
    source = parsed(fallback="index.html", not_found="errors/404.html", cache=cache)
    assert serving_of(source) == {
        "fallback": "index.html",
        "not_found": "errors/404.html",
        "cache": [
            {"path": "/assets/*", "max_age_s": 31536000, "immutable": True},
            {"path": "/*.woff2", "max_age_s": 60},
        ],
    }
    assert parsed() == {"kind": "static"}
    assert parsed(cache=[{"path": "/a", "max_age_s": 1, "immutable": False}])["cache"] == [
        {"path": "/a", "max_age_s": 1}
    ]
    assert serving_of(parsed()) == {}


@pytest.mark.parametrize(
    ("keys", "key", "problem"),
    [
        ({"fallback": "/index.html"}, "source.fallback", SourceProblem.NOT_A_SITE_FILE),
        ({"fallback": "../index.html"}, "source.fallback", SourceProblem.NOT_A_SITE_FILE),
        ({"not_found": ".git/404.html"}, "source.not_found", SourceProblem.NOT_A_SITE_FILE),
        ({"not_found": 'a"; } server { listen 81;'}, "source.not_found", SourceProblem.NOT_A_SITE_FILE),
        ({"not_found": "a\n"}, "source.not_found", SourceProblem.NOT_A_SITE_FILE),
        ({"cache": []}, "source.cache", KeyProblem.EMPTY),
        ({"cache": [{"path": "assets/*", "max_age_s": 1}]}, "source.cache.0.path", SourceProblem.NOT_A_SITE_PATH),
        ({"cache": [{"path": "/$uri", "max_age_s": 1}]}, "source.cache.0.path", SourceProblem.NOT_A_SITE_PATH),
        ({"cache": [{"path": "/{path}", "max_age_s": 1}]}, "source.cache.0.path", SourceProblem.NOT_A_SITE_PATH),
        ({"cache": [{"path": "/(a|b)", "max_age_s": 1}]}, "source.cache.0.path", SourceProblem.NOT_A_SITE_PATH),
        ({"cache": [{"path": "/a", "max_age_s": -1}]}, "source.cache.0.max_age_s", KeyProblem.AT_LEAST),
        ({"cache": [{"path": "/a", "max_age_s": 1.5}]}, "source.cache.0.max_age_s", KeyProblem.NOT_WHOLE),
        ({"cache": [{"path": "/a"}]}, "source.cache.0.max_age_s", KeyProblem.REQUIRED),
        (
            {"cache": [{"path": "/a", "max_age_s": 1, "private": True}]},
            "source.cache.0.private",
            KeyProblem.UNKNOWN_KEY,
        ),
        (
            {"cache": [{"path": "/a", "max_age_s": 0, "immutable": True}]},
            "source.cache",
            SourceProblem.IMMUTABLE_NEEDS_AGE,
        ),
        ({"cache": [{"path": "/a", "max_age_s": 1}, {"path": "/a", "max_age_s": 2}]}, "source.cache", KeyProblem.TWICE),
    ],
)
def test_what_no_server_could_be_told_is_refused(keys: dict[str, Any], key: str, problem: Problem) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parsed(**keys)
    assert (caught.value.key, caught.value.problem) == (key, problem)


@pytest.mark.parametrize(
    ("path", "matches", "does_not"),
    [
        ("/assets/*", ["/assets/", "/assets/a/b.js"], ["/assets", "/x/assets/a"]),
        ("/*.js", ["/a.js", "/a/b.js"], ["/axjs", "/a.js/b"]),
        ("/a+b", ["/a+b"], ["/aab", "/a+b/c"]),
    ],
)
def test_a_rule_is_for_whole_paths(path: str, matches: list[str], does_not: list[str]) -> None:
    assert all(re.search(path_pattern(path), one) for one in matches)
    assert not any(re.search(path_pattern(path), one) for one in does_not)


@pytest.mark.parametrize(
    ("words", "server"),
    [
        (["/docker-entrypoint.sh", "nginx", "-g", "daemon off;"], "nginx"),
        (["caddy", "run", "--config", "/etc/caddy/Caddyfile"], "caddy"),
        (["/usr/sbin/nginx"], "nginx"),
        (["httpd-foreground"], None),
        ([], None),
    ],
)
def test_a_server_is_known_by_what_its_image_starts(words: list[str], server: str | None) -> None:
    assert server_of(words) == server


def test_the_port_is_the_usual_one_unless_the_image_has_another() -> None:
    assert [port_of(ports) for ports in ((), (80,), (80, 443, 2019), (8080,), (8443, 8080))] == [80, 80, 80, 8080, 8080]


@pytest.mark.parametrize("server", PLACES)
def test_the_same_words_give_the_same_file_and_other_ones_another_release(server: str) -> None:
    serving = serving_of(parsed(fallback="index.html"))
    assert configuration(server, "/www", 80, serving) == configuration(server, "/www", 80, dict(serving))  # type: ignore[arg-type]
    pin = {"kind": "static", "content": "sha256:1", "server": "nginx", "root": "/www", "image_id": "sha256:2"}
    assert not same_pin(pin, pin | {"serving": serving})
    assert not same_pin(pin | {"serving": {"fallback": "a"}}, pin | {"serving": serving})
    assert same_pin(pin | {"serving": dict(serving)}, pin | {"serving": serving, "image_id": "sha256:3"})

"""What the senders of webhooks send: who is believed, what is read of it, and which of it deploys what."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.webhooks import PROVIDERS, Delivery, Unreadable
from tasks.webhooks.delivery import first_login
from tasks.webhooks.matching import Target, decide, is_pattern
from tests.pure import webhook_payloads as payloads
from tests.pure.webhook_payloads import (
    BITBUCKET,
    COMMIT,
    DIGEST,
    GHCR,
    GITEA,
    GITHUB,
    GITLAB,
    NOTHING,
    REGISTRY_PUSH,
    envelope,
    sent,
)

SECRET = "it's-a-secret-of-both"
OF = {
    "github": GITHUB,
    "gitea": GITEA,
    "forgejo": GITEA,
    "gitlab": GITLAB,
    "bitbucket": BITBUCKET,
    "registry": envelope(REGISTRY_PUSH),
    "ghcr": GHCR,
}
OF |= {"generic": {"ref": "refs/heads/main"}}


def headers_of(given: dict[str, str]) -> Any:
    """Headers that are found whatever the case of their names, as those of a request are."""
    from werkzeug.datastructures import Headers

    return Headers(given)


def provider(name: str) -> Any:
    return PROVIDERS["gitea" if name == "forgejo" else name]


def read(name: str, data: dict[str, Any], delivery: str = "d-1", event: str = "push") -> list[Delivery]:
    body, headers = sent(name, data, SECRET, delivery, event)
    return provider(name).read(headers_of(headers), body)


# Who is believed


@pytest.mark.parametrize("name", OF)
def test_who_knows_the_secret_is_believed_and_nobody_else(name: str) -> None:
    body, headers = sent(name, OF[name], SECRET, "d-1")
    assert provider(name).is_genuine(headers_of(headers), body, SECRET)
    assert not provider(name).is_genuine(headers_of(headers), body, SECRET + "x")
    assert not provider(name).is_genuine(headers_of({}), body, SECRET)
    _, forged = sent(name, OF[name], "another secret", "d-1")
    assert not provider(name).is_genuine(headers_of(forged), body, SECRET)


def test_nothing_in_a_call_of_docker_hub_proves_anything() -> None:
    body, headers = sent("dockerhub", payloads.DOCKER_HUB, SECRET, "d-1")
    assert not provider("dockerhub").is_genuine(headers_of(headers | {"Authorization": SECRET}), body, SECRET)
    assert [name for name, one in PROVIDERS.items() if one.secret_in_address] == ["dockerhub"]


@pytest.mark.parametrize("name", ["github", "gitea", "forgejo", "bitbucket", "ghcr", "generic"])
def test_a_signature_is_that_of_this_very_body(name: str) -> None:
    body, headers = sent(name, OF[name], SECRET, "d-1")
    assert not provider(name).is_genuine(headers_of(headers), body + b" ", SECRET)


@pytest.mark.parametrize("header", ["", "sha256=", "sha256=é", "sha1=abc", "sha256=" + "0" * 64])
def test_a_strange_signature_is_none(header: str) -> None:
    assert not provider("github").is_genuine(headers_of({"X-Hub-Signature-256": header}), b"{}", SECRET)


def test_gitea_may_sign_like_github() -> None:
    body, headers = sent("github", GITEA, SECRET, "d-1")
    assert provider("gitea").is_genuine(headers_of(headers), body, SECRET)


@pytest.mark.parametrize(
    ("header", "is_right"),
    [
        (f"Bearer {SECRET}", True),
        (f"bearer {SECRET}", True),
        (SECRET, True),
        ("Basic " + base64.b64encode(f"anybody:{SECRET}".encode()).decode(), True),
        ("Basic " + base64.b64encode(f"{SECRET}:anything".encode()).decode(), False),
        ("Basic no-base64", False),
        ("Bearer", False),
        ("", False),
    ],
)
def test_a_registry_shows_its_secret_in_the_authorization_header(header: str, is_right: bool) -> None:
    assert provider("registry").is_genuine(headers_of({"Authorization": header}), b"", SECRET) is is_right


# What is read


def test_a_push_to_github_is_read() -> None:
    assert read("github", GITHUB) == [
        Delivery(
            "push",
            id="d-1",
            branch="main",
            commit=COMMIT,
            repository="acme/shop",
            host="github.com",
            default_branch="main",
            actor="octocat",
        )
    ]


def test_github_may_send_a_form_which_is_its_default() -> None:
    body = urlencode({"payload": json.dumps(GITHUB)}).encode()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "d-1",
        "X-Hub-Signature-256": f"sha256={payloads.signature(body, SECRET)}",
    }
    assert provider("github").is_genuine(headers_of(headers), body, SECRET)
    assert provider("github").read(headers_of(headers), body) == read("github", GITHUB)


@pytest.mark.parametrize("name", ["gitea", "forgejo"])
def test_a_push_to_gitea_or_forgejo_is_read(name: str) -> None:
    (found,) = read(name, GITEA)
    assert (found.id, found.branch, found.commit, found.actor) == ("d-1", "develop", COMMIT, "gitea")
    assert (found.host, found.repository) == ("git.example.com", "acme/shop")


def test_a_push_to_gitlab_is_read() -> None:
    (found,) = read("gitlab", GITLAB)
    assert (found.branch, found.tag, found.commit, found.actor) == ("main", None, COMMIT, "jsmith")
    assert (found.host, found.repository) == ("gitlab.example.com", "acme/web/shop")


def test_one_push_of_two_refs_to_gitlab_is_two_deliveries_with_one_uuid() -> None:
    tag = GITLAB | {"object_kind": "tag_push", "event_name": "tag_push", "ref": "refs/tags/v1.0.0"}
    (branch,), (tagged,), (again,) = read("gitlab", GITLAB), read("gitlab", tag), read("gitlab", tag)
    assert (tagged.tag, tagged.branch) == ("v1.0.0", None)
    assert branch.id != tagged.id == again.id


def test_of_a_registrys_events_only_the_push_of_a_tag_is_one() -> None:
    found = read("registry", envelope(payloads.REGISTRY_LAYER, payloads.REGISTRY_PULL, REGISTRY_PUSH))
    assert [one.event for one in found] == ["other", "other", "push"]
    assert (found[2].id, found[2].tag, found[2].digest) == (REGISTRY_PUSH["id"], "1", DIGEST)
    assert (found[2].repository, found[2].actor) == ("shop", "ci-robot")


@pytest.mark.parametrize(
    ("data", "branch", "tag"),
    [
        ({"ref": "refs/heads/feature/x"}, "feature/x", None),
        ({"ref": "refs/tags/v1"}, None, "v1"),
        ({"ref": "main"}, "main", "main"),
        ({"branch": "main"}, "main", None),
        ({"tag": "v1"}, None, "v1"),
        ({}, None, None),
        ({"branch": ["main"], "tag": 7}, None, None),
    ],
)
def test_any_other_program_says_what_it_pushed(data: dict[str, Any], branch: str | None, tag: str | None) -> None:
    (found,) = read("generic", data)
    assert (found.event, found.branch, found.tag, found.id) == ("push", branch, tag, "d-1")


def test_any_other_program_may_say_nothing() -> None:
    assert provider("generic").read(headers_of({}), b"") == [Delivery("push")]


def test_a_push_to_bitbucket_is_read_change_by_change() -> None:
    (change,) = BITBUCKET["push"]["changes"]
    gone = {"new": None, "old": {"type": "branch", "name": "old-one"}, "closed": True}
    tagged = {"new": {"type": "tag", "name": "v1", "target": {"hash": COMMIT, "message": "[skip ci]"}}, "old": None}
    main, deleted, tag, none = read("bitbucket", BITBUCKET | {"push": {"changes": [change, gone, tagged, {"new": 7}]}})
    of_it = {"repository": "acme/shop", "host": "bitbucket.org", "actor": "bitty"}
    assert main == Delivery("push", id="d-1 0", branch="main", commit=COMMIT, **of_it)
    assert deleted == Delivery("push", id="d-1 1", branch="old-one", deleted=True, **of_it)
    assert tag == Delivery("push", id="d-1 2", tag="v1", commit=COMMIT, **of_it)
    assert none == Delivery("other", id="d-1 3")
    assert read("bitbucket", BITBUCKET, event="fork") == [Delivery("other")]


def test_a_package_of_ghcr_is_a_push_when_it_is_an_image_under_a_tag() -> None:
    (found,) = read("ghcr", GHCR)
    assert found == Delivery("push", id="d-1", tag="1", digest=DIGEST, repository="acme/shop", actor="octocat")
    source = {"kind": "image", "image": "ghcr.io/acme/shop:1"}
    assert decide(source, None, None, found) == Target()
    assert decide(source | {"image": "ghcr.io/acme/blog:1"}, None, None, found) == "other_repository"
    package = GHCR["registry_package"]
    untagged = {"version": DIGEST, "container_metadata": {"tag": {"name": "", "digest": DIGEST}}}
    for data in (
        GHCR | {"action": "deleted"},
        GHCR | {"registry_package": package | {"package_version": untagged}},
        GHCR | {"registry_package": package | {"package_version": {"version": "1.0.0"}}},
        GHCR | {"registry_package": package | {"namespace": None}},
    ):
        assert read("ghcr", data) == [Delivery("other", id="d-1")]
    assert read("ghcr", GHCR, event="push-of-code") == [Delivery("other", id="d-1")]


def test_a_push_to_docker_hub_is_read() -> None:
    hub = payloads.DOCKER_HUB
    (found,), (again,) = read("dockerhub", hub), read("dockerhub", hub, "another number")
    assert (found.event, found.tag, found.branch, found.digest, found.actor) == (
        *("push", "1", None, None, "trustedbuilder"),
    )
    assert found == again
    assert found.id is not None
    (later,) = read("dockerhub", hub | {"push_data": hub["push_data"] | {"pushed_at": 1417566162.5}})
    assert later.id not in {None, found.id}
    for image, decision in (
        ("acme/shop:1", Target()),
        ("docker.io/acme/shop:1", Target()),
        ("acme/shop:2", "other_tag"),
        ("acme/blog:1", "other_repository"),
        ("ghcr.io/acme/shop:1", "other_repository"),
    ):
        assert decide({"kind": "image", "image": image}, None, None, found) == decision, image
    official = replace(found, repository="library/shop")
    assert decide({"kind": "image", "image": "shop:1"}, None, None, official) == Target()
    for data in ({}, {"push_data": {}}, hub | {"repository": None}, hub | {"push_data": {"tag": 7}}):
        assert read("dockerhub", data) == [Delivery("other")]


def saying(name: str, message: Any, ref: str = "refs/heads/main") -> dict[str, Any]:
    """A push whose newest commit has this message."""
    if name == "bitbucket":
        kind, _, short = ref.removeprefix("refs/").partition("/")
        target = {"hash": COMMIT, "message": message}
        new = {"type": "branch" if kind == "heads" else "tag", "name": short, "target": target}
        return BITBUCKET | {"push": {"changes": [{"new": new, "old": None}]}}
    commits = [{"id": NOTHING, "message": "earlier [skip ci]"}, {"id": COMMIT, "message": message}]
    kind = "tag_push" if "/tags/" in ref else "push"
    data = OF[name] | {"ref": ref, "commits": commits, "object_kind": kind}
    return data | ({"head_commit": commits[1]} if name == "github" else {})


@pytest.mark.parametrize("name", ["github", "gitea", "forgejo", "gitlab", "bitbucket"])
@pytest.mark.parametrize(
    ("message", "skipped"),
    [
        ("A change", False),
        ("Docs only [skip ci]", True),
        ("Docs only\n\n[CI SKIP]", True),
        ("[no ci] docs", True),
        ("skip ci", False),
        ("[skip  ci]", False),
        ("", False),
        (None, False),
        ({"skip": "[skip ci]"}, False),
    ],
)
def test_a_commit_may_ask_for_no_deploy_of_its_branch(name: str, message: Any, skipped: bool) -> None:
    (found,) = read(name, saying(name, message))
    assert found.skipped is skipped
    (tag,) = read(name, saying(name, message, "refs/tags/v1"))
    assert (tag.tag, tag.skipped) == ("v1", False)


@pytest.mark.parametrize("name", ["github", "gitea", "forgejo", "ghcr"])
@pytest.mark.parametrize(("event", "is_called"), [("ping", "ping"), ("issues", "other"), ("pull_request", "other")])
def test_what_is_no_push_is_told_apart(name: str, event: str, is_called: str) -> None:
    assert [one.event for one in read(name, payloads.GITHUB_PING, event=event)] == [is_called]
    assert [one.event for one in read("gitlab", {"object_kind": event})] == ["other"]


@pytest.mark.parametrize("name", OF)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'"x"', b'{"events": 7}', b"null", b"payload=%7B"])
def test_a_body_that_is_none_is_unreadable(name: str, body: bytes) -> None:
    _, headers = sent(name, OF[name], SECRET, "d-1")
    try:
        found = provider(name).read(headers_of(headers), body)
    except Unreadable:
        return
    assert all(one.event == "other" or one == Delivery("push", id="d-1") for one in found)


KEYS = st.sampled_from(sorted({*GITHUB, *GITLAB, *REGISTRY_PUSH, "events", "tag", "name", "repository"}))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


# How quick the generator is on a busy machine says nothing about the reading.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.dictionaries(KEYS, JSON, max_size=6))
def test_whatever_the_shape_nothing_breaks(data: dict[str, Any]) -> None:
    for name in OF:
        try:
            for one in read(name, data):
                decide({"kind": "git", "url": "https://github.com/acme/shop", "ref": "main"}, None, None, one)
                decide({"kind": "image", "image": "shop:1"}, None, "*", one)
        except Unreadable:
            pass


@pytest.mark.parametrize(
    "value",
    [
        "x" * 39,
        "gh" + "p_" + "x" * 20,
        "glpat-" + "x" * 20,
        "bst_" + "x" * 20,
        "user:password",
        "a\nb",
        "",
        None,
        7,
        {"login": "x"},
        "<script>",
    ],
)
def test_what_cannot_be_somebodys_name_is_left_out(value: Any) -> None:
    assert first_login(value, "octocat") == "octocat"


@pytest.mark.parametrize("value", ["octocat", "dependabot[bot]", "Octo Cat", "a.b-c_d", "ann@example.com"])
def test_what_people_are_called_is_taken(value: str) -> None:
    assert first_login(value) == value


# What deploys what

GITHUB_URL = "https://github.com/acme/shop"
GIT = {"kind": "git", "url": "https://github.com/acme/shop.git", "ref": "main"}
SSH = {"kind": "git", "url": "git@github.com:acme/shop.git", "ref": "refs/heads/main"}
IMAGE = {"kind": "image", "image": "127.0.0.1:5000/shop:1"}
MAIN = Delivery("push", branch="main", repository="acme/shop", host="github.com")
ELSEWHERE = replace(MAIN, branch="develop")
PUSHED = Delivery("push", tag="1", repository="shop", digest=DIGEST)


@pytest.mark.parametrize(
    ("source", "branch", "tag", "delivery", "decision"),
    [
        (GIT, None, None, MAIN, Target()),
        (SSH, None, None, MAIN, Target()),
        (GIT, "main", None, MAIN, Target()),
        (GIT, "release/*", None, MAIN, "other_branch"),
        (GIT, "release/*", None, Delivery("push", branch="release/2"), Target(ref="release/2")),
        (GIT, None, None, Delivery("push", branch="develop"), "other_branch"),
        (GIT, None, "v*", Delivery("push", tag="v1"), Target(ref="v1")),
        (GIT, None, "v*", Delivery("push", tag="x1"), "other_tag"),
        (GIT, None, "v*", MAIN, "other_branch"),
        (GIT, "main", None, Delivery("push", tag="main"), "other_tag"),
        (GIT, "main", None, Delivery("push", branch="main", deleted=True), "deleted"),
        (GIT, "main", None, Delivery("ping"), "ping"),
        (GIT, "main", None, Delivery("other"), "other_event"),
        (GIT, "main", None, Delivery("push"), "no_ref"),
        (GIT, None, None, Delivery("push"), Target()),
        (GIT, None, None, replace(MAIN, skipped=True), "skipped"),
        (GIT, "main", None, replace(MAIN, skipped=True), "skipped"),
        (GIT, "release/*", None, replace(MAIN, skipped=True), "other_branch"),
        (GIT, None, None, replace(MAIN, skipped=True, deleted=True), "deleted"),
        ({"kind": "static", "path": "/srv/site"}, None, None, replace(MAIN, skipped=True), "skipped"),
        # Another repository of the same host is another; of another host nothing can be said.
        (GIT, "main", None, replace(MAIN, repository="acme/other"), "other_repository"),
        (GIT, "main", None, replace(MAIN, repository="Acme/Shop"), Target()),
        (GIT | {"url": "file:///srv/mirror.git"}, "main", None, MAIN, Target()),
        # A source that names no ref is deployed from the default branch, of whatever name.
        *(
            ({"kind": kind, "url": GITHUB_URL, **ref}, pattern, None, delivery, decision)
            for kind in ("static", "compose", "git")
            for ref in ({}, {"ref": "HEAD"})
            for pattern, delivery, decision in (
                (None, replace(MAIN, default_branch="main"), Target()),
                (None, replace(ELSEWHERE, default_branch="main"), "other_branch"),
                (None, replace(MAIN, default_branch="develop"), "other_branch"),
                (None, replace(ELSEWHERE, default_branch="develop"), Target()),
                (None, Delivery("push", tag="v1", default_branch="main"), "other_tag"),
                ("*", replace(MAIN, default_branch="main"), Target()),
                ("*", replace(ELSEWHERE, default_branch="main"), Target(ref="develop")),
                # A sender that does not say which branch it is: what is deployed is the default branch in any case.
                (None, MAIN, Target()),
                (None, Delivery("push", tag="v1"), "other_tag"),
                (None, Delivery("push"), Target()),
                ("*", MAIN, Target(ref="main")),
                ("develop", MAIN, "other_branch"),
            )
        ),
        # What comes from nowhere has no branch to wait for.
        ({"kind": "static", "path": "/srv/site"}, None, None, Delivery("push"), Target()),
        ({"kind": "static", "path": "/srv/site"}, None, None, MAIN, Target()),
        ({"kind": "static", "path": "/srv/site"}, "release", None, MAIN, "other_branch"),
        # Images have tags.
        (IMAGE, None, None, PUSHED, Target()),
        (IMAGE, None, "*", PUSHED, Target()),
        (IMAGE, None, "2*", PUSHED, "other_tag"),
        (IMAGE, None, "*", Delivery("push", tag="2", repository="shop"), Target(image="127.0.0.1:5000/shop:2")),
        (IMAGE, None, None, Delivery("push", tag="1", repository="other"), "other_repository"),
        (IMAGE | {"image": f"{IMAGE['image']}@{DIGEST}"}, None, None, PUSHED, Target(image=IMAGE["image"])),
        (IMAGE | {"image": "shop"}, None, None, replace(PUSHED, tag="latest", repository="library/shop"), Target()),
        (IMAGE, None, None, Delivery("push"), Target()),
    ],
)  # fmt: skip
def test_only_what_a_hook_waits_for_deploys(
    source: dict[str, str], branch: str | None, tag: str | None, delivery: Delivery, decision: str | Target
) -> None:
    assert decide(source, branch, tag, delivery) == decision


def test_a_deleted_branch_is_told_by_its_empty_commit() -> None:
    for name, data in (("github", GITHUB), ("gitea", GITEA), ("gitlab", GITLAB)):
        (found,) = read(name, data | {"after": NOTHING, "deleted": None})
        assert found.deleted
        assert found.commit is None


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("main", True),
        ("release/*", True),
        ("v?.*", True),
        ("a b", False),
        ("", False),
        ("x" * 201, False),
        ("é", False),
    ],
)
def test_a_pattern_is_short_and_has_no_spaces(text: str, is_one: bool) -> None:
    assert is_pattern(text) is is_one


def test_the_senders_that_know_it_say_which_branch_is_the_default_one() -> None:
    for name, data, branch in (("github", GITHUB, "main"), ("gitea", GITEA, "develop"), ("gitlab", GITLAB, "main")):
        (found,) = read(name, data)
        assert found.default_branch == branch

"""Webhooks over HTTP: each sender's call in its real shape, forged ones, those that do nothing, and who may add one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from db import webhooks
from db import workloads as stored
from db.access import git_credentials
from db.access.accounts import put_registry
from db.models import Workload
from flows.workloads import lifecycle
from tasks.context import Context
from tests.pure.webhook_payloads import (
    BITBUCKET,
    COMMIT,
    DIGEST,
    DOCKER_HUB,
    GITEA,
    GITHUB,
    GITHUB_PING,
    GITLAB,
    REGISTRY_PUSH,
    envelope,
    sent,
)
from webapp.api import webhooks as hooks
from webapp.app import create_app
from webapp.http.login_backoff import FREE_PER_ADDRESS, FREE_PER_NAME

BASE = "/api/workloads/shop/hooks"
SECRET = "the-secret-of-both"
Browser = Callable[[str], FlaskClient]


@pytest.fixture
def repository(context: Context) -> None:
    """A workload from a git repository, whose branch is main."""
    source = {"kind": "git", "url": "https://github.com/acme/shop.git", "ref": "main"}
    lifecycle.create(context, {"name": "site", "source": source}, "ann")


def added(admin: FlaskClient, provider: str, workload: str = "shop", **more: Any) -> str:
    """Add a hook; answers the path that is called."""
    answer = admin.post(f"/api/workloads/{workload}/hooks", json={"provider": provider, "secret": SECRET} | more)
    assert answer.status_code == 201, answer.text
    return str(answer.json["path"])


def call(
    client: FlaskClient, path: str, provider: str, data: dict[str, Any], delivery: str = "d-1", **how: str
) -> TestResponse:
    """A call as the provider makes it; `secret` and `event` may be others."""
    body, headers = sent(provider, data, how.get("secret", SECRET), delivery, how.get("event", "push"))
    return client.post(path, data=body, headers=headers)


@pytest.mark.usefixtures("prefect_answers", "shop")
def test_a_push_to_the_registry_deploys_and_the_row_says_who_and_how(
    admin: FlaskClient, anonymous: FlaskClient
) -> None:
    path = added(admin, "registry", tag="*")
    answer = call(anonymous, path, "registry", envelope(REGISTRY_PUSH))
    assert (answer.status_code, answer.headers["Location"]) == (202, "/api/workloads/shop/deploys/4")
    assert answer.json == {
        "outcome": "deploying",
        "detail": "A deploy was started.",
        "workload": "shop",
        "version": 4,
    }
    row = admin.get("/api/workloads/shop/deploys/4").json
    assert (row["trigger"], row["actor"], row["reason"], row["requested"]) == (
        "webhook",
        "ci-robot",
        "deploy",
        "shop:1",
    )
    again = call(anonymous, path, "registry", envelope(REGISTRY_PUSH))
    assert (again.status_code, again.json) == (202, answer.json)
    assert len(admin.get("/api/workloads/shop/deploys").json["deploys"]) == 4
    said = [event["message"] for event in admin.get("/api/workloads/shop/events").json["events"]]
    assert "Webhook: 1 was pushed." in said
    (listed,) = admin.get(BASE).json["hooks"]
    assert (listed["last"]["outcome"], listed["provider"], listed["tag"]) == ("deploying", "registry", "*")


@pytest.mark.usefixtures("prefect_answers", "shop")
def test_another_delivery_while_a_deploy_is_under_way_waits(admin: FlaskClient, anonymous: FlaskClient) -> None:
    path = added(admin, "registry", tag="*")
    call(anonymous, path, "registry", envelope(REGISTRY_PUSH))
    newer = REGISTRY_PUSH | {"id": "another", "target": REGISTRY_PUSH["target"] | {"tag": "2"}}
    answer = call(anonymous, path, "registry", envelope(newer))
    assert (answer.status_code, answer.json["outcome"], answer.json["version"]) == (202, "waiting", None)


@pytest.mark.usefixtures("prefect_answers", "repository")
@pytest.mark.parametrize(
    ("provider", "data", "pattern", "actor"),
    [
        ("github", GITHUB, {}, "octocat"),
        ("gitea", GITEA, {"branch": "dev*"}, "gitea"),
        ("forgejo", GITEA, {"branch": "develop"}, "gitea"),
        ("gitlab", GITLAB, {"branch": "main"}, "jsmith"),
        ("bitbucket", BITBUCKET, {"branch": "main"}, "bitty"),
        ("gitlab", GITLAB | {"object_kind": "tag_push", "ref": "refs/tags/v1"}, {"tag": "v*"}, "jsmith"),
        ("generic", {"ref": "refs/heads/main", "actor": "jenkins"}, {}, "jenkins"),
        ("generic", {}, {}, "generic"),
    ],
)
def test_a_push_to_the_repository_deploys(
    admin: FlaskClient,
    anonymous: FlaskClient,
    provider: str,
    data: dict[str, Any],
    pattern: dict[str, str],
    actor: str,
) -> None:
    path = added(admin, "gitea" if provider == "forgejo" else provider, "site", **pattern)
    answer = call(anonymous, path, provider, data)
    assert (answer.status_code, answer.json["outcome"]) == (202, "deploying"), answer.json
    row = admin.get("/api/workloads/site/deploys/1").json
    assert (row["trigger"], row["actor"], row["source_kind"]) == ("webhook", actor, "git")


@pytest.mark.usefixtures("prefect_answers", "repository")
@pytest.mark.parametrize(
    ("data", "event", "outcome"),
    [
        (GITHUB_PING, "ping", "ping"),
        ({"action": "opened"}, "issues", "other_event"),
        (GITHUB | {"ref": "refs/heads/next"}, "push", "other_branch"),
        (GITHUB | {"head_commit": {"message": "Docs [skip ci]"}}, "push", "skipped"),
        (GITHUB | {"ref": "refs/tags/main"}, "push", "other_tag"),
        (GITHUB | {"after": "0" * 40, "deleted": True}, "push", "deleted"),
        (GITHUB | {"repository": GITHUB["repository"] | {"full_name": "acme/blog"}}, "push", "other_repository"),
    ],
)
def test_everything_else_is_answered_plainly_and_does_nothing(
    admin: FlaskClient, anonymous: FlaskClient, data: dict[str, Any], event: str, outcome: str
) -> None:
    path = added(admin, "github", "site", branch="main")
    answer = call(anonymous, path, "github", data, event=event)
    assert (answer.status_code, answer.json["outcome"], answer.json["version"]) == (200, outcome, None)
    assert answer.json["detail"]
    assert admin.get("/api/workloads/site/deploys").json["deploys"] == []


@pytest.mark.usefixtures("prefect_answers")
def test_what_was_rolled_back_from_is_held_and_the_answer_says_so(
    admin: FlaskClient, anonymous: FlaskClient, shop: int, context: Context
) -> None:
    with context.database.writing() as session:
        entry = {"pin_short": "fe", "version": 2, "reason": "rollback", "since": "", "identity": "", "digest": DIGEST}
        session.get_one(Workload, shop).held_pins = [entry]
    answer = call(anonymous, added(admin, "registry", tag="1"), "registry", envelope(REGISTRY_PUSH))
    assert (answer.status_code, answer.json["outcome"]) == (200, "held")
    assert "blocked from automatic deploys" in answer.json["detail"]
    assert len(admin.get("/api/workloads/shop/deploys").json["deploys"]) == 3


@pytest.mark.usefixtures("prefect_answers")
def test_docker_hub_has_its_secret_in_the_address_and_a_repetition_is_one_deploy(
    admin: FlaskClient, anonymous: FlaskClient, context: Context
) -> None:
    lifecycle.create(context, {"name": "hub", "source": {"kind": "image", "image": "acme/shop:1"}}, "ann")
    made = admin.post("/api/workloads/hub/hooks", json={"provider": "dockerhub"}).json
    assert made["path"] == f"/api/hooks/{made['token']}/{made['secret']}"
    assert made["url"].endswith(made["path"])
    for path in (
        f"/api/hooks/{made['token']}",
        f"/api/hooks/{made['token']}/{made['secret']}x",
        f"/api/hooks/{made['token']}/{made['token']}",
        f"/api/hooks/bsh_nobody/{made['secret']}",
    ):
        answer = anonymous.post(path, json=DOCKER_HUB, headers={"Authorization": f"Bearer {made['secret']}"})
        assert (answer.status_code, answer.json["code"]) == (401, "unauthorized"), path
    first = anonymous.post(made["path"], json=DOCKER_HUB)
    assert (first.status_code, first.json["outcome"], first.json["version"]) == (202, "deploying", 1)
    assert anonymous.post(made["path"], json=DOCKER_HUB).json == first.json
    row = admin.get("/api/workloads/hub/deploys/1").json
    assert (row["trigger"], row["actor"]) == ("webhook", "trustedbuilder")
    later = DOCKER_HUB | {"push_data": DOCKER_HUB["push_data"] | {"pushed_at": 1417566999}}
    assert anonymous.post(made["path"], json=later).json["outcome"] == "waiting"
    other = DOCKER_HUB | {"push_data": DOCKER_HUB["push_data"] | {"tag": "nightly"}}
    assert anonymous.post(made["path"], json=other).json["outcome"] == "other_tag"
    assert anonymous.post(made["path"], data=b"{").status_code == 400


@pytest.mark.usefixtures("shop")
def test_a_secret_in_an_address_is_generated_and_counts_for_no_other_sender(
    admin: FlaskClient, anonymous: FlaskClient
) -> None:
    chosen = admin.post(BASE, json={"provider": "dockerhub", "secret": SECRET})
    assert (chosen.status_code, chosen.json["problem"]) == (422, "secret_in_address")
    path = added(admin, "registry", tag="*")
    body, headers = sent("registry", envelope(REGISTRY_PUSH), SECRET, "d-1")
    assert anonymous.post(f"{path}/{SECRET}", data=body, headers=headers).status_code == 401
    assert anonymous.post(f"{path}/{SECRET}", data=body).status_code == 401
    assert admin.get(BASE).json["hooks"][0]["last"] is None


def test_no_log_takes_the_secret_of_an_address(context: Context) -> None:
    address = f"/api/hooks/bsh_{'a1-_' * 10}/{'Zz_-' * 10}"
    cleaned = context.redactor.clean(f"POST {address} HTTP/1.1")
    assert cleaned == "POST /api/hooks/[redacted] HTTP/1.1"


@pytest.mark.usefixtures("prefect_answers", "repository")
def test_a_push_that_changes_none_of_the_paths_deploys_nothing_and_says_so(
    admin: FlaskClient, anonymous: FlaskClient
) -> None:
    path = added(admin, "github", "site", paths=["services/web/**", "!**/*.md"])
    (listed,) = admin.get("/api/workloads/site/hooks").json["hooks"]
    assert listed["paths"] == ["services/web/**", "!**/*.md"]
    commit = {"id": COMMIT, "message": "Docs", "added": [], "removed": [], "modified": ["services/web/README.md"]}
    pushed = GITHUB | {"before": "1" * 40, "commits": [commit]}
    answer = call(anonymous, path, "github", pushed)
    assert (answer.status_code, answer.json["outcome"], answer.json["version"]) == (200, "other_paths", None)
    said = admin.get("/api/workloads/site/events").json["events"][0]
    assert said["message"] == (
        f"Webhook: main {COMMIT[:12]} was pushed and not deployed: it changes no file that this webhook is for."
    )
    assert admin.get("/api/workloads/site/hooks").json["hooks"][0]["last"]["outcome"] == "other_paths"
    forced = call(anonymous, path, "github", pushed | {"forced": True}, "d-2")
    assert forced.json["outcome"] == "deploying"
    touched = commit | {"modified": ["services/web/app.js"]}
    assert call(anonymous, path, "github", pushed | {"commits": [touched]}, "d-3").json["outcome"] == "waiting"


# Who is not believed


@pytest.mark.usefixtures("shop")
def test_a_forged_call_and_one_of_an_unknown_address_are_answered_alike(
    app: Flask, admin: FlaskClient, anonymous: FlaskClient
) -> None:
    path = added(admin, "registry", tag="*")
    body, right = sent("registry", envelope(REGISTRY_PUSH), SECRET, "d-1")
    answers = [
        anonymous.post(path, data=body),
        anonymous.post(path, data=body, headers=right | {"Authorization": "Bearer another"}),
        anonymous.post("/api/hooks/bsh_nobody", data=body, headers=right),
        anonymous.post("/api/hooks/" + "x" * 300, data=body, headers=right),
        anonymous.post("/api/hooks/%C3%A9%00", data=body, headers=right),
    ]
    assert {(answer.status_code, answer.json["code"], answer.text) for answer in answers} == {
        (401, "unauthorized", answers[0].text)
    }
    assert anonymous.get(path).text == anonymous.get("/api/hooks/bsh_nobody").text
    assert len(admin.get("/api/workloads/shop/deploys").json["deploys"]) == 3
    assert admin.get(BASE).json["hooks"][0]["last"] is None


@pytest.mark.usefixtures("shop", "prefect_answers")
def test_who_guesses_often_waits_and_a_hook_that_nobody_guessed_at_goes_on(
    admin: FlaskClient, anonymous: FlaskClient
) -> None:
    guessed, other = added(admin, "registry", tag="*"), added(admin, "generic")
    for _ in range(FREE_PER_NAME):
        assert call(anonymous, guessed, "registry", {}, secret="a guess").status_code == 401
    for secret in ("a guess", SECRET):
        answer = call(anonymous, guessed, "registry", envelope(REGISTRY_PUSH), secret=secret)
        assert (answer.status_code, answer.json["code"]) == (429, "too_many_attempts")
        assert int(answer.headers["Retry-After"]) >= 1
    for _ in range(FREE_PER_ADDRESS):
        last = call(anonymous, "/api/hooks/bsh_nobody", "registry", {})
    assert last.status_code == 429
    assert call(anonymous, other, "generic", {}).json["outcome"] == "deploying"
    assert anonymous.post("/login", json={"username": "x", "password": "y"}).status_code == 401


@pytest.mark.usefixtures("shop")
def test_what_is_too_long_or_no_payload_is_refused(admin: FlaskClient, anonymous: FlaskClient) -> None:
    path = added(admin, "generic")
    long = anonymous.post(path, data=b"x" * (hooks.MOST_BODY + 1))
    assert (long.status_code, long.json["code"]) == (413, "too_large")
    answer = anonymous.post(path, data=b"{", headers={"Authorization": f"Bearer {SECRET}"})
    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")
    assert admin.get(BASE).json["hooks"][0]["last"]["outcome"] == "unreadable"
    nearly = anonymous.post(path, data=b" " * (hooks.MOST_BODY - 10), headers={"Authorization": f"Bearer {SECRET}"})
    assert nearly.status_code == 202


# Adding, listing, removing


@pytest.mark.usefixtures("shop")
def test_address_and_secret_are_shown_once_and_nowhere_again(
    admin: FlaskClient, viewer: FlaskClient, context: Context
) -> None:
    made = admin.post(BASE, json={"provider": "generic"}).json
    assert made["url"] == f"http://localhost/api/hooks/{made['token']}" == f"http://localhost{made['path']}"
    assert len(made["secret"]) >= 40
    listed = viewer.get(BASE)
    assert set(listed.json["hooks"][0]) == {
        *("id", "provider", "branch", "tag", "paths", "created_at", "created_by", "last"),
    }
    read = listed.text + viewer.get("/api/workloads/shop").text + viewer.get("/apps/shop").text
    read += viewer.get("/api/workloads/shop/events").text
    on_disk = b"".join(file.read_bytes() for file in context.settings.home.rglob("*") if file.is_file())
    for secret in (made["token"], made["secret"]):
        assert secret not in read
        assert secret.encode() not in on_disk
    assert admin.delete(f"{BASE}/{made['id']}").status_code == 204
    gone = admin.delete(f"{BASE}/{made['id']}")
    assert (gone.status_code, gone.json["code"]) == (404, "no_such_hook")
    assert admin.get(BASE).json == {"hooks": []}
    assert call(admin, made["path"], "generic", {}, secret=made["secret"]).status_code == 401


@pytest.mark.usefixtures("shop")
def test_behind_a_proxy_the_address_is_the_one_that_others_reach(context: Context, admin: FlaskClient) -> None:
    settings = context.settings.model_copy(update={"public_url": "https://deploy.example.com/backstay/"})
    client = create_app(Context(**{**vars(context), "settings": settings})).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = admin.environ_base["HTTP_AUTHORIZATION"]
    made = client.post(BASE, json={"provider": "generic"}).json
    assert made["url"] == f"https://deploy.example.com/backstay/api/hooks/{made['token']}"


@pytest.mark.usefixtures("shop", "repository")
@pytest.mark.parametrize(
    ("workload", "given", "key"),
    [
        ("shop", {}, "provider"),
        ("shop", {"provider": "bitbucket"}, "provider"),
        ("shop", {"provider": "github"}, "provider"),
        ("site", {"provider": "registry"}, "provider"),
        ("shop", {"provider": "registry", "branch": "main"}, "branch"),
        ("site", {"provider": "github", "branch": "main", "tag": "v1"}, "tag"),
        ("site", {"provider": "github", "branch": "ma in"}, "branch"),
        ("site", {"provider": "github", "secret": "short"}, "secret"),
        ("site", {"provider": "github", "sauce": "hollandaise"}, "sauce"),
    ],
)
def test_a_hook_that_could_not_work_is_refused_by_its_key(
    admin: FlaskClient, workload: str, given: dict[str, str], key: str
) -> None:
    answer = admin.post(f"/api/workloads/{workload}/hooks", json=given)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_spec")
    assert answer.json["detail"].startswith(key)
    assert admin.get(f"/api/workloads/{workload}/hooks").json == {"hooks": []}


def test_a_workload_that_is_not_there_has_no_hooks(admin: FlaskClient) -> None:
    for answer in (admin.get(BASE), admin.post(BASE, json={"provider": "generic"}), admin.delete(f"{BASE}/1")):
        assert (answer.status_code, answer.json["code"]) == (404, "no_such_workload")


@pytest.mark.usefixtures("prefect_answers", "repository")
def test_a_source_that_changed_its_kind_is_not_deployed_by_its_old_hook(
    admin: FlaskClient, anonymous: FlaskClient, context: Context, now: datetime
) -> None:
    path = added(admin, "github", "site", branch="release/*")
    with context.database.writing() as session:
        site = stored.find(session, "site")
        assert site is not None
        image = {"kind": "image", "image": "shop:1"}
        stored.change(session, site.id, site.spec | {"source": image}, {}, now)
    answer = call(anonymous, path, "github", GITHUB | {"ref": "refs/heads/release/1", "after": COMMIT})
    assert (answer.status_code, answer.json["outcome"]) == (200, "other_repository")
    assert admin.get("/api/workloads/site/deploys").json["deploys"] == []


# Words that are secrets elsewhere

SECRETS = {
    "workload": "s3cr3t-of-a-neighbour",
    "registry": "r3gistry-password",
    "git": "g1t-t0ken",
    "hook": "h00k-secret",
}


@pytest.fixture
def neighbours(context: Context, shop: int, repository: None, now: datetime) -> None:
    """Secrets of everybody, put into the ledger by another process."""
    lock = context.vault.lock
    with context.database.writing() as session:
        put_registry(session, "registry.example", "ann", lock(SECRETS["registry"]), now)
        git_credentials.put(session, "git.example", "ann", lock(SECRETS["git"]), None, now)
        session.get_one(Workload, shop).secrets = {
            "A": lock(SECRETS["workload"]),
            "BRANCH": lock("production"),
            "WORD": lock("v1.0"),
        }
        webhooks.add(session, shop, "generic", "bsh_another", lock(SECRETS["hook"]), now)


@pytest.mark.usefixtures("prefect_answers", "neighbours")
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_a_secret_of_anybody_that_is_sent_as_a_tag_is_none_and_is_kept_nowhere(
    admin: FlaskClient, anonymous: FlaskClient, secret: str
) -> None:
    path = added(admin, "generic", "site", tag="*")
    answer = call(anonymous, path, "generic", {"tag": secret, "actor": secret})
    assert (answer.status_code, answer.json["outcome"]) == (200, "other_tag")
    kept = admin.get("/api/workloads/site/events").text + admin.get("/api/workloads/site/deploys").text
    assert secret not in kept
    assert "[redacted]" in kept


@pytest.mark.usefixtures("prefect_answers", "neighbours")
def test_a_word_that_is_also_a_secret_elsewhere_does_not_keep_a_hook_from_what_it_names_itself(
    admin: FlaskClient, anonymous: FlaskClient
) -> None:
    for number, (pattern, data) in enumerate(
        (({"branch": "production"}, {"branch": "production"}), ({"tag": "v*"}, {"tag": "v1.0"}))
    ):
        answer = call(anonymous, added(admin, "generic", "site", **pattern), "generic", data | {"id": str(number)})
        assert answer.status_code == 202, answer.json


# The page


@pytest.mark.usefixtures("shop")
def test_an_admin_adds_and_removes_a_hook_on_the_page_of_the_app(logged_in: Browser) -> None:
    browser = logged_in("admin")
    form = browser.get("/apps/shop/hooks/new").text
    assert 'value="registry"' in form
    assert 'value="github"' not in form
    wrong = browser.post(
        "/apps/shop/hooks", data={"provider": "registry", "pattern": "a b", "secret": "hunter2-hunter2"}
    )
    assert wrong.status_code == 422
    assert "A name or a pattern with *" in wrong.text
    assert "hunter2" not in wrong.text
    assert 'name="paths"' not in form
    made = browser.post("/apps/shop/hooks", data={"provider": "registry", "what": "tag", "pattern": "v*"})
    assert made.status_code == 201
    assert "http://localhost/api/hooks/bsh_" in made.text
    page = browser.get("/apps/shop").text
    assert "<code>v*</code>" in page
    assert "bsh_" not in page
    assert "Вебхуки" in browser.get("/apps/shop?lang=ru").text
    (number,) = [one["id"] for one in browser.get(BASE).json["hooks"]]
    assert f'<form method="post" action="/apps/shop/hooks/{number}/remove"' not in page  # it is asked for first
    assert f'href="/apps/shop/hooks/{number}/remove"' in page
    asked = browser.get(f"/apps/shop/hooks/{number}/remove?lang=en")
    assert "Remove the webhook of Docker registry?" in asked.text
    assert "Удалить вебхук" in browser.get(f"/apps/shop/hooks/{number}/remove?dialog=1&lang=ru").text
    assert len(browser.get(BASE).json["hooks"]) == 1
    assert browser.post(f"/apps/shop/hooks/{number}/remove").headers["Location"] == "/apps/shop#hooks"
    assert browser.get(BASE).json == {"hooks": []}
    assert browser.get(f"/apps/shop/hooks/{number}/remove").status_code == 404


@pytest.mark.usefixtures("repository")
def test_paths_are_typed_line_by_line(logged_in: Browser) -> None:
    browser = logged_in("admin")
    assert 'name="paths"' in browser.get("/apps/site/hooks/new?dialog=1").text
    wrong = browser.post("/apps/site/hooks", data={"provider": "github", "paths": "web/**\n/etc"})
    assert wrong.status_code == 422
    assert 'id="hook-paths-error"' in wrong.text
    assert "web/**\n/etc</textarea>" in wrong.text
    typed = {"provider": "github", "paths": "web/**\r\n!docs/**"}
    assert browser.post("/apps/site/hooks", data=typed).status_code == 201
    assert "<code>web/**</code> <code>!docs/**</code>" in browser.get("/apps/site").text


@pytest.mark.usefixtures("shop")
def test_an_address_with_the_secret_in_it_is_shown_without_another_one(logged_in: Browser) -> None:
    made = logged_in("admin").post("/apps/shop/hooks", data={"provider": "dockerhub"})
    assert made.status_code == 201
    assert "The secret is a part of it." in made.text
    assert "<dt>Secret</dt>" not in made.text


@pytest.mark.usefixtures("shop")
def test_a_viewer_sees_the_hooks_and_nothing_to_change_them_with(logged_in: Browser, admin: FlaskClient) -> None:
    added(admin, "registry", tag="*")
    page = logged_in("vera").get("/apps/shop").text
    assert logged_in("vera").get("/apps/shop/hooks/1/remove").status_code == 403
    assert "Docker registry" in page
    assert "/hooks/new" not in page
    assert "/remove" not in page

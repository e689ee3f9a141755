"""Apps by form: created, changed, removed; what is wrong stands at its field, and a secret is never sent back."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from db import adopted, history
from db.messages.key_problems import KeyProblem
from tasks.context import Context
from tasks.kinds import KINDS
from tasks.specs import parse_spec, public
from webapp.api import workloads as api
from webapp.forms import dotenv, fields, refusals, spec, texts
from webapp.i18n.i18n import translations

Browser = Callable[[str], FlaskClient]
FULL: dict[str, Any] = {
    "name": "blog",
    "source": {"kind": "image", "image": "blog:1"},
    "ports": [
        {"container": 80, "host": 8080, "address": "0.0.0.0"},
        {"container": 81, "host": 8081, "address": "127.0.0.1"},
        {"container": 82, "address": "127.0.0.1"},
        {"container": 83, "host": 8083, "address": "::1"},
        {"container": 53, "host": 53, "address": "127.0.0.1", "protocol": "udp"},
        {"container": 54, "address": "127.0.0.1", "protocol": "tcp"},
        {"container": 8000, "to": 8010, "host": 9000, "address": "0.0.0.0", "protocol": "udp"},
        {"container": 7000, "to": 7010, "address": "127.0.0.1"},
    ],
    "env": {
        "spring.url": "x",
        "my-flag": "1",
        "PLAIN": "a=b",
        "LINES": "one\ntwo",
        "QUOTED": '"q"',
        "BLANK": " x ",
        "NOTHING": "",
    },
    "health": {
        "http": "/healthz",
        "port": 80,
        "host": "blog.example:80",
        "status": ["200-299", "404"],
        "timeout_s": 5.0,
    },
    "resources": {"memory_mb": 64, "cpus": 0.5},
    "volumes": [
        {"name": "data", "path": "/data"},
        {"name": "Media_1", "path": "/media", "read_only": True, "existing": True},
        {"name": "cache", "path": "/cache", "existing": True},
        {"host_path": "/srv/media/films", "path": "/films", "read_only": True},
        {"host_path": "/srv/media", "path": "/all"},
    ],
    "cap_add": ["NET_ADMIN"],
    "devices": ["/dev/dri", "/dev/sda:/dev/disk:r"],
    "privileged": True,
    "allow": ["cap_add", "devices", "privileged", "/srv/media"],
    "command": ["serve", "--greeting", " hi "],
    "networks": ["backend", "metrics"],
    "entrypoint": ["/bin/sh", "-c"],
    "user": "1000:www-data",
    "working_dir": "/app",
    "read_only": True,
    "tmpfs": [{"path": "/tmp"}, {"path": "/run", "size_mb": 16}],
    "shm_mb": 128,
    "ulimits": {"nofile": {"soft": 1024, "hard": 65536}, "core": {"soft": 0, "hard": 0}},
    "labels": {"traefik.enable": "true", "rule": "Host(`a`) && Path(`/`)"},
    "extra_hosts": {"host.docker.internal": "host-gateway", "db": "::1"},
    "log": {"driver": "local", "max_size_mb": 50, "max_files": 5},
    "restart": "no",
    "stop_timeout_s": 3,
    "init": False,
    "auto_rollback": True,
    "watch_s": 30,
    "host": "local",
}


def error_at(page: str, field: str) -> str | None:
    """What is said beside a field."""
    found = re.search(rf'id="error-{re.escape(field)}">.*?<span>([^<]*)', page)
    return found[1] if found else None


@pytest.mark.parametrize("health", [FULL["health"], {"tcp": 81, "timeout_s": 30.0}, {"docker": True, "timeout_s": 2.5}])
def test_a_spec_comes_back_from_its_inputs_as_it_was(health: dict[str, Any]) -> None:
    wanted = FULL | {"health": health}
    inputs = spec.inputs_of(wanted)
    assert public(parse_spec(spec.spec_of(inputs) | {"host": "local"})) == public(parse_spec(wanted))


def test_a_flag_of_a_source_is_ticked_or_not() -> None:
    source = {"kind": "git", "url": "https://x/y.git"}
    ticked = [spec.inputs_of({"name": "x", "source": source | {"submodules": one}}) for one in (True, False)]
    assert [inputs["git.submodules"] for inputs in ticked] == ["on", ""]


def test_every_kind_that_can_run_has_its_fields_and_every_field_its_own_name() -> None:
    assert KINDS.keys() <= fields.SOURCES.keys()
    every = [*fields.COMMON, *(field.name for kind in fields.SOURCES.values() for field in kind)]
    assert len(every) == len(set(every)) == len(fields.EVERY)


@pytest.mark.parametrize(
    ("kind", "inputs", "source"),
    [
        ("image", {"image.image": "x:1", "image.pull": "if_missing"}, {"image": "x:1", "pull": "if_missing"}),
        ("image", {"image.image": "x:1", "image.pull": ""}, {"image": "x:1"}),
        ("git", {"git.url": "https://x/y.git", "git.ref": "main"}, {"url": "https://x/y.git", "ref": "main"}),
        ("git", {"git.url": "https://x/y.git", "git.submodules": "on"}, {"url": "https://x/y.git", "submodules": True}),
        ("git", {"git.url": "https://x/y.git", "git.submodules": ""}, {"url": "https://x/y.git"}),
        ("compose", {"compose.text": "services: {}\n"}, {"text": "services: {}"}),
        ("static", {"static.path": "/srv"}, {"path": "/srv"}),
        (
            "compose",
            {"compose.url": "https://x/y.git", "compose.file": "a.yaml\nb.yaml\n", "compose.allow": "web.privileged"},
            {"url": "https://x/y.git", "file": ["a.yaml", "b.yaml"], "allow": ["web.privileged"]},
        ),
    ],
)
def test_the_fields_of_a_kind_become_its_source(kind: str, inputs: dict[str, str], source: dict[str, Any]) -> None:
    assert spec.spec_of({"kind": kind, "name": "x", **inputs})["source"] == {"kind": kind, **source}


def test_what_the_form_hides_says_nothing() -> None:
    typed = {"name": "x", "image.image": "x:1", "ports": "no port", "resources.cpus": "much", "health.port": "x"}
    made = spec.spec_of({**typed, "kind": "compose", "compose.text": "services: {}"})
    assert made.keys() == {"name", "source"}
    health = {"health": "running_s", "health.running_s": "5"}
    assert spec.spec_of({**typed, "ports": "", "resources.cpus": "", **health})["health"] == {"running_s": 5}


def test_the_source_of_every_kind_comes_back_from_its_inputs() -> None:
    for source in (
        {"kind": "git", "url": "https://x/y.git", "ref": "v1", "context": "app", "dockerfile": "Dockerfile"},
        {"kind": "git", "url": "https://x/y.git", "build": {"args": {"A": "1", "B": " x"}, "target": "web"}},
        {"kind": "git", "url": "https://x/y.git", "build": {"secrets": ["TOKEN", "OTHER"]}},
        {"kind": "compose", "url": "https://x/y.git", "file": ["a.yaml", "b.yaml"], "profiles": ["web"]},
        {"kind": "static", "url": "https://x/y.git", "root": "public"},
        {"kind": "static", "fallback": "index.html", "not_found": "404.html"},
        {
            "kind": "static",
            "cache": [{"path": "/a/*", "max_age_s": 9, "immutable": True}, {"path": "/b", "max_age_s": 0}],
        },
    ):
        inputs = spec.inputs_of({"name": "x", "source": source})
        assert spec.patch_of(inputs, [], source)["source"] == source


def test_what_is_cleared_of_a_build_is_gone_and_a_refused_argument_has_its_field() -> None:
    source = {"kind": "git", "url": "https://x/y.git", "build": {"args": {"A": "1"}, "target": "web"}}
    inputs = spec.inputs_of({"name": "x", "source": source})
    cleared = inputs | {"git.build.args": "", "git.build.target": ""}
    assert spec.patch_of(cleared, [], source)["source"] == {"kind": "git", "url": "https://x/y.git"}
    with pytest.raises(spec.BadInputs) as caught:
        spec.patch_of(inputs | {"git.build.args": "A"}, [], source)
    assert caught.value.problems.keys() == {"git.build.args"}
    assert refusals.field_of("source.build.args.A-B", "git") == "git.build.args"
    assert refusals.field_of("source.build.secrets.0", "git") == "git.build.secrets"
    assert refusals.field_of("source.build", "git") == "git.url"
    assert refusals.field_of("source.cache.0.max_age_s", "static") == "static.cache"


def test_files_that_were_uploaded_stay_until_another_place_is_named() -> None:
    uploaded = {"kind": "static", "content": "sha256:" + "a" * 64}
    inputs = spec.inputs_of({"name": "x", "source": uploaded})
    assert spec.patch_of(inputs, [], uploaded)["source"] == uploaded
    named = spec.patch_of({**inputs, "static.path": "/srv/site"}, [], uploaded)["source"]
    assert named == {"kind": "static", "path": "/srv/site"}


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (texts.ports, "80:"),
        (texts.cache_rules, "/assets/*"),
        (texts.cache_rules, "/assets/* week"),
        (texts.cache_rules, "/assets/* 60 for ever"),
        (texts.ports, "a:80"),
        (texts.ports, "127.0.0.1:80"),
        (texts.ports, "80/sctp"),
        (texts.ports, "80-90:80"),
        (texts.ports, "80-90:80-91"),
        (texts.ports, "80:-90"),
        (dotenv.pairs, "NAME"),
        (dotenv.pairs, "=x"),
        (dotenv.pairs, "A=1\nA=2"),
        (dotenv.pairs, 'A="open'),
        (texts.volumes, "/data"),
        (texts.volumes, "data:/data:"),
        (texts.volumes, "data:/data:rw"),
        (texts.volumes, "data:/data:ro:existing"),
        (texts.memory_files, "/tmp:64m"),
        (texts.limits, "nofile"),
        (texts.limits, "nofile=much"),
        (texts.limits, "nofile=1:2:3"),
        (texts.number, "1e3"),
        (texts.number, "-1"),
        (texts.number, "много"),
    ],
)
def test_what_cannot_be_read_is_refused(read: Callable[[str], Any], text: str) -> None:
    with pytest.raises(dotenv.Unreadable):
        read(text)


@pytest.mark.usefixtures("prefect_answers")
def test_a_created_app_is_deployed_right_away_when_ticked(logged_in: Browser) -> None:
    browser = logged_in("admin")
    form = {
        "name": "blog",
        "kind": "image",
        "image.image": "blog:1",
        "ports": "18080:80",
        "secrets": "KEY=s3cr3t-value",
    }
    answer = browser.post("/new", data={**form, "deploy_now": "on"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/apps/blog")
    found = browser.get("/api/workloads/blog").json
    assert found["spec"]["ports"] == [{"container": 80, "host": 18080, "address": "127.0.0.1"}]
    assert found["spec"]["secrets"] == ["KEY"]
    assert (found["last"]["version"], found["last"]["trigger"]) == (1, "ui")


def test_how_a_repository_is_built_is_folded_until_something_of_it_is_given(logged_in: Browser) -> None:
    browser = logged_in("admin")
    form = {"name": "blog", "kind": "git", "git.url": "https://git.example/x.git"}
    given = {
        "git.build.args": "VERSION=3",
        "git.build.target": "web",
        "git.build.secrets": "TOKEN",
        "secrets": "TOKEN=x",
    }
    assert '<details class="more" >' in browser.get("/new").text
    assert browser.post("/new", data=form | given).status_code == 303
    build = {"args": {"VERSION": "3"}, "target": "web", "secrets": ["TOKEN"]}
    assert browser.get("/api/workloads/blog").json["spec"]["source"]["build"] == build
    page = browser.get("/apps/blog/edit").text
    assert '<details class="more" open>' in page
    assert "VERSION=3" in page
    assert "VERSION=3" in browser.get("/apps/blog").text


def test_a_deploy_that_prefect_does_not_take_is_said_on_the_page_of_the_new_app(logged_in: Browser) -> None:
    form = {"name": "blog", "kind": "image", "image.image": "blog:1", "deploy_now": "on"}
    answer = logged_in("admin").post("/new", data=form)
    assert answer.status_code == 503
    assert "Nothing was done." in answer.text
    assert "<h1>blog</h1>" in answer.text


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "Not A Name"}, "name"),
        ({"name": "shop"}, "name"),
        ({"image.image": "no image"}, "image.image"),
        ({"image.image": ""}, "image.image"),
        ({"kind": "image", "ports": "80\nx"}, "ports"),
        ({"ports": "99999:80"}, "ports"),
        ({"ports": "300.1.1.1:80:80"}, "ports"),
        ({"ports": "80\n80"}, "ports"),
        ({"ports": "0.0.0.0:8080:80\n8080:80"}, "ports"),
        ({"ports": "90-80"}, "ports"),
        ({"ports": "80\n1-2:80-82"}, "ports"),
        ({"env": "1A=x"}, "env"),
        ({"env": "A=1\nB"}, "env"),
        ({"env": "A='open"}, "env"),
        ({"env": "A='x' y"}, "env"),
        ({"env": "=x"}, "env"),
        ({"env": "KEY=x"}, "secrets"),
        ({"resources.memory_mb": "1"}, "resources.memory_mb"),
        ({"resources.memory_mb": "6.5"}, "resources.memory_mb"),
        ({"resources.cpus": "much"}, "resources.cpus"),
        ({"health": "http", "health.http": "healthz"}, "health.http"),
        ({"health": "http", "health.http": "/x"}, "health.port"),
        ({"health": "http", "health.http": "/x", "health.port": "0"}, "health.port"),
        ({"health": "tcp"}, "health"),
        ({"health": "http", "health.port": "80", "health.host": "a b"}, "health.host"),
        ({"health": "http", "health.port": "80", "health.status": "2xx"}, "health.status"),
        ({"kind": "compose", "compose.text": "services: {}", "env": "a.b=1"}, "env"),
        ({"watch_s": "1"}, "watch_s"),
        ({"volumes": "data:relative"}, "volumes"),
        ({"volumes": "/srv:/data"}, "volumes"),
        ({"volumes": "a b:/data"}, "volumes"),
        ({"cap_add": "NET_ADMIN"}, "cap_add"),
        ({"devices": "/dev/dri"}, "devices"),
        ({"privileged": "on"}, "privileged"),
        ({"allow": "all"}, "allow"),
        ({"user": "a b"}, "user"),
        ({"working_dir": "app"}, "working_dir"),
        ({"labels": "backstay.workload=x"}, "labels"),
        ({"extra_hosts": "db=db"}, "extra_hosts"),
        ({"extra_hosts": "a b=::1"}, "extra_hosts"),
        ({"tmpfs": "tmp"}, "tmpfs"),
        ({"tmpfs": "/tmp:0"}, "tmpfs"),
        ({"ulimits": "nofile=2:1"}, "ulimits"),
        ({"ulimits": "nofile=x"}, "ulimits"),
        ({"shm_mb": "0"}, "shm_mb"),
        ({"log.driver": "none", "log.max_files": "3"}, "log.driver"),
        ({"kind": "git"}, "git.url"),
        ({"kind": "git", "git.url": "https://me:pw@git.example/x.git"}, "git.url"),
        ({"kind": "git", "git.url": "https://git.example/x.git", "git.ref": "a..b"}, "git.ref"),
        ({"kind": "git", "git.url": "https://git.example/x.git", "git.context": "/etc"}, "git.context"),
        ({"kind": "git", "git.url": "https://git.example/x.git", "git.build.args": "1A=x"}, "git.build.args"),
        ({"kind": "git", "git.url": "https://git.example/x.git", "git.build.args": "A"}, "git.build.args"),
        ({"kind": "git", "git.url": "https://git.example/x.git", "git.build.target": "a b"}, "git.build.target"),
        ({"kind": "git", "git.url": "https://git.example/x.git", "git.build.secrets": "a-b"}, "git.build.secrets"),
        ({"kind": "compose"}, "compose.text"),
        ({"kind": "compose", "compose.text": "services: {}", "compose.ref": "main"}, "compose.text"),
        ({"kind": "compose", "compose.text": "services: {}", "health": "http"}, "health"),
        ({"kind": "compose", "compose.text": "services: {}", "env": "COMPOSE_FILE=x"}, "env"),
        ({"kind": "git", "git.url": "http://git.example/x.git"}, "git.url"),
        ({"kind": "static", "static.path": "/srv/site"}, "static.path"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_kept(
    logged_in: Browser, shop: int, changes: dict[str, str], field: str, language: str
) -> None:
    browser = logged_in("admin")
    form = {"name": "blog", "kind": "image", "image.image": "blog:1", "secrets": "KEY=s3cr3t-value", **changes}
    general = KeyProblem.NOT_ACCEPTED.sentence
    answer = browser.post(f"/new?lang={language}", data=form)
    assert answer.status_code in {409, 422}
    said = error_at(answer.text, field)
    assert said, re.findall(r'id="error-([^"]*)"', answer.text)
    assert bool(re.search("[а-я]{3}", said)) == (language == "ru")
    assert f'href="#field-{field}"' in answer.text
    assert "s3cr3t-value" not in answer.text
    assert said not in {general, translations(language).ugettext(general)}, "a text of its own"
    assert [one["name"] for one in browser.get("/api/workloads").json["workloads"]] == ["shop"]


@pytest.mark.parametrize(("kind", "field"), [("image", "image.image"), ("git", "git.url")])
def test_what_is_needed_is_said_to_be_and_all_of_it_at_once(logged_in: Browser, kind: str, field: str) -> None:
    answer = logged_in("admin").post("/new", data={"name": " ", "kind": kind, "ports": "x"})
    assert {error_at(answer.text, "name"), error_at(answer.text, field)} == {"This field is required."}
    assert "correct 3 fields" in answer.text


def test_a_key_that_the_form_has_no_field_for_is_told_above_it() -> None:
    assert refusals.field_of("nothing.known", "image") == refusals.ANYWHERE


def test_rare_settings_are_folded_until_one_is_given(logged_in: Browser, shop: int) -> None:
    browser = logged_in("admin")
    assert re.search(r'<details class="card folded not-compose" ?>', browser.get("/apps/shop/edit").text)
    browser.patch("/api/workloads/shop", json={"user": "1000"})
    page = browser.get("/apps/shop/edit").text
    assert '<details class="card folded not-compose" open>' in page
    assert edit_form(page)["user"] == "1000"


def edit_form(page: str) -> dict[str, str]:
    """The inputs of a form as a browser would send them back."""
    page = re.sub(r'<input type="radio"(?![^>]*checked)[^>]*>', "", page)
    inputs = dict(re.findall(r'<input[^>]*? name="([\w.]+)"[^>]*? value="([^"]*)"', page))
    inputs |= dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    return {name: value for name, value in inputs.items() if name != "remove_secret"}


def test_a_change_is_kept_for_the_next_deploy(logged_in: Browser, shop: int) -> None:
    browser = logged_in("admin")
    form = edit_form(browser.get("/apps/shop/edit").text)
    assert form["image.image"] == "shop:1"
    answer = browser.post("/apps/shop/edit", data={**form, "env": "A=1", "remove_secret": "DB_PASSWORD"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/apps/shop#spec")
    found = browser.get("/api/workloads/shop").json
    assert (found["spec"]["env"], found["spec"]["secrets"]) == ({"A": "1"}, [])
    assert found["live"]["version"] == 3


def test_a_form_that_is_stale_overwrites_nothing_unasked(logged_in: Browser, shop: int) -> None:
    browser = logged_in("admin")
    form = edit_form(browser.get("/apps/shop/edit").text)
    browser.patch("/api/workloads/shop", json={"env": {"THEIRS": "1"}})
    answer = browser.post("/apps/shop/edit", data={**form, "env": "MINE=1"})
    assert answer.status_code == 409
    assert "Another person changed these settings" in answer.text
    assert "MINE=1" in answer.text
    assert browser.get("/api/workloads/shop").json["spec"]["env"] == {"THEIRS": "1"}
    again = edit_form(answer.text)
    assert browser.post("/apps/shop/edit", data={**again, "env": "MINE=1"}).status_code == 303


def test_the_question_before_a_removal_names_the_containers_that_were_adopted(
    logged_in: Browser, shop: int, context: Context, now: datetime
) -> None:
    browser = logged_in("admin")
    assert "adopted" not in browser.get("/apps/shop/remove").text
    with context.database.writing() as session:
        live = history.live(session, shop)
        assert live is not None
        adopted.add(session, live, [("c" * 64, "app", "old-web-1")])
    assert "others started and Backstay adopted: old-web-1" in browser.get("/apps/shop/remove").text


def test_an_app_is_removed_only_by_its_name(logged_in: Browser, shop: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "REMOVED_WITHIN_S", 0.1)  # no engine runs here
    browser = logged_in("admin")
    asked = browser.get("/apps/shop/remove?dialog=1").text
    assert "Its volumes are kept" in asked
    assert "HOME/files" not in asked
    assert browser.post("/apps/shop/remove", data={"name": "shoop"}).status_code == 422
    assert browser.get("/apps/shop").status_code == 200
    answer = browser.post("/apps/shop/remove", data={"name": "shop"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/apps")
    listed = browser.get("/apps?lang=en").text
    assert "Being removed</span>" in listed
    assert 'href="/apps/shop"' not in listed
    assert browser.get("/apps/shop").status_code == 404

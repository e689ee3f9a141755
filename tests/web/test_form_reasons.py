"""A form that is refused says every reason at once, and offers what allows what can be allowed."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from db import event_log, ledger
from db.messages.events import tell
from db.states import ErrorCode, Stage
from flows.workloads import lifecycle
from tasks.context import Context, now
from tests.ledger_steps import new_deploy
from webapp.forms import accepted

Browser = Callable[[str], FlaskClient]
TEXT = """
services:
  web: {image: "x:1", privileged: true, pid: host, environment: {A: "${KEY:?hunter2}"}}
  tool: {build: .}
"""
INPUTS = {"name": "stack", "kind": "compose", "compose.text": TEXT}


def said_at(page: str, field: str) -> list[str]:
    """Everything that is said beside a field."""
    found = re.search(rf'id="error-{re.escape(field)}">(.*?)</span></span></span>', page, re.DOTALL)
    return [html.unescape(one) for one in re.findall(r"<span>([^<]*)", found[0])] if found else []


def offered(page: str) -> str | None:
    """What the tick would allow."""
    found = re.search(r'name="accept_allow" value="([^"]*)"', page)
    return html.unescape(found[1]) if found else None


def test_every_reason_is_at_the_file_and_what_can_be_allowed_is_a_tick(logged_in: Browser) -> None:
    client = logged_in("admin")
    answer = client.post("/new", data=INPUTS)
    assert answer.status_code == 422
    said = "\n".join(said_at(answer.text, "compose.text"))
    assert said.count("\n") == 1
    assert "web.pid, web.privileged" in said
    assert "cannot be deployed with tool.build as it is" in said
    assert "KEY" in said_at(answer.text, "env")[0]
    assert offered(answer.text) == "web.pid\nweb.privileged"
    assert "hunter2" not in answer.text.replace(html.escape(TEXT), "").replace("${KEY:?hunter2}", "")
    assert client.get("/api/workloads/stack").status_code == 404


def test_the_tick_is_accepted_without_scripts(logged_in: Browser) -> None:
    client = logged_in("admin")
    text = TEXT.replace("  tool: {build: .}\n", "")
    first = client.post("/new", data=INPUTS | {"compose.text": text, "env": "KEY=1", "compose.allow": "web.ipc"})
    ticked = {"accept_allow": offered(first.text) or "", "compose.allow": "web.ipc"}
    second = client.post("/new", data=INPUTS | {"compose.text": text, "env": "KEY=1"} | ticked)
    assert second.status_code == 303
    stored = client.get("/api/workloads/stack").json["spec"]["source"]["allow"]
    assert stored == ["web.ipc", "web.pid", "web.privileged"]


def test_the_tick_of_one_container_works_the_same(logged_in: Browser) -> None:
    client = logged_in("admin")
    inputs = {"name": "shop", "kind": "image", "image.image": "x", "privileged": "on", "cap_add": "NET_ADMIN"}
    first = client.post("/new", data=inputs | {"watch_s": "1"})
    assert first.status_code == 422
    assert all(said_at(first.text, field) for field in ("privileged", "cap_add", "watch_s"))
    assert offered(first.text) == "cap_add\nprivileged"
    assert client.post("/new", data=inputs | {"accept_allow": "cap_add\r\nprivileged"}).status_code == 303
    assert client.get("/api/workloads/shop").json["spec"]["allow"] == ["cap_add", "privileged"]


def test_a_change_is_refused_the_same_way_and_left_alone_where_the_file_stays(
    logged_in: Browser, context: Context
) -> None:
    source = {"kind": "compose", "text": TEXT.replace("build: ., ", "")}
    lifecycle.create(context, {"name": "stack", "source": source, "secrets": {"KEY": "hunter2"}}, "ann")
    client = logged_in("admin")
    page = client.get("/apps/stack/edit").text
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    assert seen is not None
    unchanged = {"seen": seen[1], "kind": "compose", "compose.text": source["text"].strip()}
    refused = client.post("/apps/stack/edit", data=unchanged | {"env": "NEW=1"})
    assert (refused.status_code, offered(refused.text)) == (422, "web.pid\nweb.privileged")
    removed = client.post("/apps/stack/edit", data=unchanged | {"remove_secret": "KEY"})
    assert "KEY" in said_at(removed.text, "env")[0]
    spec: dict[str, Any] = client.get("/api/workloads/stack").json["spec"]
    assert (spec["env"], spec["secrets"]) == ({}, ["KEY"])


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_row_of_a_deploy_says_why_in_the_language_of_the_page(
    logged_in: Browser, context: Context, language: str
) -> None:
    lifecycle.create(context, {"name": "stack", "source": {"kind": "compose", "text": TEXT}}, "ann")
    moment = now()
    with context.database.writing() as session:
        workload = lifecycle.workloads.find(session, "stack")
        assert workload is not None
        row = ledger.open_deploy(session, workload.id, new_deploy(session, moment, source_kind="compose"), moment)
        ledger.claim(session, row.id, "engine", None, moment)
        event_log.note(session, workload.id, tell("compose_variable_required", keys=["KEY"]), moment, level="error")
        event_log.note(session, workload.id, tell("compose_allow", allow=["web.pid"]), moment, level="error")
        ledger.fail(session, row.id, ErrorCode.INVALID_SOURCE, ledger.fingerprint("x", Stage.PIN, ""), moment)
    client = logged_in("admin")
    page = client.get(f"/apps/stack?lang={language}").text
    shown = re.search(r'<details class="reasons small"[^>]*>(.*?)</details>', page, re.DOTALL)
    assert shown is not None
    words = {
        "en": "requires variables that have no value: KEY",
        "ru": "требует переменные, у которых нет значения: KEY",
    }
    assert words[language] in shown[1]
    assert "web.pid" in shown[1]
    answer = client.get("/api/workloads/stack/deploys/1").json
    assert [(one["code"], one["keys"]) for one in answer["reasons"]] == [("compose_variable_required", ["KEY"])]
    assert answer["allow"] == ["web.pid"]


def test_nothing_ticked_leaves_the_inputs_as_they_are() -> None:
    assert accepted.inputs_of({"kind": "image", "allow": "a"}) == {"kind": "image", "allow": "a"}
    assert accepted.inputs_of({"kind": "image", accepted.ACCEPT: ""}) == {"kind": "image"}
    ticked = accepted.inputs_of({"kind": "image", "allow": "a\nb", accepted.ACCEPT: "b\r\nc"})
    assert ticked == {"kind": "image", "allow": "a\nb\nc"}

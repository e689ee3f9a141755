"""The verbs about workloads, as far as they go without an engine."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest

from db import history, ledger, workloads
from db.connection import Database
from db.settings import Settings
from db.states import ErrorCode, Stage
from flows.cli import follow as following
from flows.cli.follow import follow
from flows.home_locks import hold_engine_lock
from flows.workloads.apply import read_specs
from tasks.context import Context
from tests.cli.conftest import Backstay
from tests.ledger_steps import add_workload, ask, begin, deploy_well

SHOP = """
name: shop
source: {kind: image, image: "shop:1"}
ports: [{container: 8080, host: 18080}]
env: {PORT: 8080}
secrets: {TOKEN: hunter2-hunter2}
"""


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP)
    return file


def test_applying_twice_changes_nothing_the_second_time(backstay: Backstay, spec_file: Path) -> None:
    assert backstay("apply", str(spec_file)).out == "shop: created\n"
    assert backstay("apply", str(spec_file)).out == "shop: unchanged\n"


def test_applying_a_changed_file_says_which_keys_changed(
    backstay: Backstay, spec_file: Path, database: Database
) -> None:
    backstay("apply", str(spec_file))
    spec_file.write_text(SHOP.replace("shop:1", "shop:2").replace("ports:", "command: [run]\n#"))
    assert backstay("apply", str(spec_file)).out == "shop: changed (command, ports, source)\n"
    with database.reading() as session:
        workload = workloads.find(session, "shop")
        assert workload is not None
        assert workload.spec["source"]["image"] == "shop:2"
        assert workload.spec["ports"] == []


def test_a_secret_is_changed_by_its_value_and_stays_when_the_file_does_not_name_it(
    backstay: Backstay, spec_file: Path, database: Database, settings: Settings
) -> None:
    backstay("apply", str(spec_file))
    spec_file.write_text(SHOP.replace("hunter2-hunter2", "hunter3-hunter3"))
    said = backstay("apply", str(spec_file))
    assert said.out == "shop: changed (secrets)\n"
    spec_file.write_text(SHOP.replace("secrets:", "#"))
    assert backstay("apply", str(spec_file)).out == "shop: unchanged\n"
    context = Context.open(settings, "test", quiet=True)
    with database.reading() as session:
        workload = workloads.find(session, "shop")
        assert workload is not None
        assert context.secrets_of(workload) == {"TOKEN": "hunter3-hunter3"}
    context.close()


def test_several_workloads_fit_into_one_file(backstay: Backstay, spec_file: Path) -> None:
    spec_file.write_text(f"---{SHOP}---{SHOP.replace('shop', 'other').replace('18080', '18081')}")
    said = backstay("apply", str(spec_file), "--json")
    assert [(each["name"], each["outcome"]) for each in said.json["workloads"]] == [
        ("shop", "created"),
        ("other", "created"),
    ]


def test_a_dry_run_says_key_by_key_what_would_change_and_writes_nothing(backstay: Backstay, spec_file: Path) -> None:
    said = backstay("apply", str(spec_file), "--dry-run")
    assert said.out.splitlines()[0] == "shop: would be created"
    assert "  + source.image: shop:1" in said.out.splitlines()
    assert "hunter2" not in said.out
    assert backstay("status", "--json").json == {"workloads": []}
    backstay("apply", str(spec_file))
    changed = SHOP.replace("shop:1", "shop:2").replace("env: {PORT: 8080}", "command: [run]")
    spec_file.write_text(changed.replace("hunter2-hunter2", "hunter3-hunter3"))
    assert backstay("apply", str(spec_file), "--dry-run").out.splitlines() == [
        "shop: would be changed",
        '  + command: ["run"]',
        "  - env.PORT: 8080",
        "  ~ source.image: shop:1 -> shop:2",
        "  ~ secrets.TOKEN: ••• -> •••",
    ]
    found = backstay("apply", str(spec_file), "--dry-run", "--json").json
    assert (found["dry_run"], found["workloads"][0]["outcome"]) == (True, "changed")
    assert backstay("apply", str(spec_file)).out == "shop: changed (command, env, secrets, source)\n"
    assert backstay("apply", str(spec_file), "--dry-run").out == "shop: unchanged\n"


def test_nothing_is_applied_when_one_of_several_would_be_refused(backstay: Backstay, spec_file: Path) -> None:
    other = "name: other\nsource: {kind: image, image: other}\nhost: elsewhere\n"
    spec_file.write_text(f"---{SHOP}---\n{other}")
    said = backstay("apply", str(spec_file))
    assert (said.code, said.out) == (2, "")
    assert "host" in said.err
    assert backstay("status", "--json").json == {"workloads": []}
    spec_file.write_text(f"---{SHOP}---{SHOP}")
    assert "document 2: name" in backstay("apply", str(spec_file)).err


def test_what_a_spec_names_by_a_relative_path_lies_beside_its_file(
    backstay: Backstay, tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack" / "compose.yaml").write_text("services: {web: {image: busybox}}\n")
    spec = tmp_path / "stack" / "spec.yaml"
    spec.write_text("name: stack\nsource: {kind: compose, file: compose.yaml}\n")
    monkeypatch.chdir(tmp_path)
    assert backstay("apply", "stack/spec.yaml").out == "stack: created\n"
    with database.reading() as session:
        workload = workloads.find(session, "stack")
        assert workload is not None
        assert workload.spec["source"]["text"] == "services: {web: {image: busybox}}\n"
    assert backstay("apply", str(spec)).out == "stack: unchanged\n"
    spec.write_text("name: stack\nsource: {kind: compose, file: absent-hunter2.yaml}\n")
    said = backstay("apply", str(spec))
    assert (said.code, "source.file" in said.err, "hunter2" in said.err) == (2, True, False)


def test_a_directory_of_a_static_site_may_be_relative_to_the_file(tmp_path: Path) -> None:
    text = "name: site\nsource: {kind: static, path: public}\n"
    assert read_specs(text, "local", tmp_path)[0]["source"]["path"] == str(tmp_path / "public")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SHOP.replace("container: 8080", "container: hunter2"), "ports.0.container"),
        (SHOP + "hunter: 2\n", "hunter is not a known key"),
        (SHOP.replace('"shop:1"', '"hunter2:hunter2@shop"'), "source.image must be an image reference"),
        ("name: [hunter2\n  }", "line 2 is not valid YAML"),
        ("", "spec is empty"),
        ("- hunter2", "spec must be a mapping"),
        (f"---{SHOP}---\nname: hunter2 hunter2\n", "document 2: "),
        ("!!python/object/apply:os.system [hunter2]", "is not valid YAML"),
    ],
)
def test_a_bad_file_names_the_key_and_never_the_value(
    backstay: Backstay, spec_file: Path, text: str, words: str
) -> None:
    spec_file.write_text(text)
    said = backstay("apply", str(spec_file))
    assert said.code == 2
    assert words in said.err
    assert "hunter2" not in said.err
    assert backstay("status", "--json").json == {"workloads": []}


def test_a_file_that_is_not_there_is_named(backstay: Backstay, tmp_path: Path) -> None:
    said = backstay("apply", str(tmp_path / "absent.yaml"))
    assert said.code == 1
    assert "absent.yaml" in said.err


@pytest.mark.parametrize("verb", ["deploy", "rollback", "releases", "status", "logs", "remove"])
def test_a_workload_that_does_not_exist_is_said_so(backstay: Backstay, verb: str) -> None:
    said = backstay(verb, "absent")
    assert (said.code, said.out) == (1, "")
    assert "(no_such_workload)" in said.err


def test_releases_shows_the_ledger_newest_first(backstay: Backstay, database: Database, now: datetime) -> None:
    with database.writing() as session:
        workload = add_workload(session, now)
    for image in ("a", "b"):
        with database.writing() as session:
            deploy_well(session, workload, now, image)
    with database.writing() as session:
        broken = begin(session, workload, now)
        ledger.fail(session, broken.id, ErrorCode.HEALTH_TIMEOUT, "f", now)
    rows = backstay("releases", "shop", "--json").json["deploys"]
    assert [(row["version"], row["status"], row["live"]) for row in rows] == [
        (3, "failed", False),
        (2, "succeeded", True),
        (1, "succeeded", False),
    ]
    text = backstay("releases", "shop").out.splitlines()
    assert len(text) == 4
    assert "failed (health_timeout)" in text[1]
    assert "live" in text[2]
    standing = backstay("status", "shop", "--json").json
    assert (standing["live"]["version"], standing["last"]["version"]) == (2, 3)
    assert standing["runtime"] == {"available": False, "containers": []}


def test_diff_shows_what_changes_between_two_versions(backstay: Backstay, database: Database, now: datetime) -> None:
    with database.writing() as session:
        workload = add_workload(session, now)
    for image in ("a", "b"):
        with database.writing() as session:
            deploy_well(session, workload, now, image)
    found = backstay("diff", "shop", "1", "2", "--json").json
    assert (found["from"], found["to"], found["same_pin"]) == (1, 2, False)
    assert "pin" in backstay("diff", "shop", "1", "2").out
    assert backstay("diff", "shop", "2", "2").out == "Version 2 and version 2 are the same.\n"
    assert "no_such_version" in backstay("diff", "shop", "1", "9").err


def test_deploying_while_prefect_is_away_leaves_a_failed_row(backstay: Backstay, spec_file: Path) -> None:
    backstay("apply", str(spec_file))
    said = backstay("deploy", "shop", "--json")
    assert said.code == 1
    assert "(orchestrator_unreachable)" in said.err
    row = backstay("releases", "shop", "--json").json["deploys"][0]
    assert (row["status"], row["error_code"], row["trigger"]) == ("failed", "orchestrator_unreachable", "cli")


def test_a_rollback_with_nothing_to_go_back_to_is_refused(backstay: Backstay, spec_file: Path) -> None:
    backstay("apply", str(spec_file))
    assert "(nothing_to_roll_back_to)" in backstay("rollback", "shop").err
    assert "(no_such_version)" in backstay("rollback", "shop", "7").err
    assert backstay("releases", "shop", "--json").json == {"deploys": []}


def test_files_are_taken_in_before_they_are_deployed(backstay: Backstay, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("hello")
    (tmp_path / "site.yaml").write_text("name: site\nsource: {kind: static}\n")
    backstay("apply", str(tmp_path / "site.yaml"))
    said = backstay("deploy", "site", "--upload", str(site))
    assert (said.code, "(orchestrator_unreachable)" in said.err) == (1, True)  # Prefect is away here
    found = backstay("status", "site", "--json").json
    assert found["source"]["content"].startswith("sha256:")
    (site / "out").symlink_to("/etc/passwd")
    for path, key in ((site, "content"), (tmp_path / "site.yaml", "content"), (tmp_path / "none", "upload")):
        said = backstay("deploy", "site", "--upload", str(path))
        assert (said.code, said.err.startswith(f"backstay: {key} must be")) == (2, True), said


def test_a_deploy_is_followed_stage_by_stage_to_its_end(
    backstay: Backstay, database: Database, settings: Settings, now: datetime
) -> None:
    with database.writing() as session:
        asked = ask(session, add_workload(session, now), now)

    def engine() -> None:
        done = [{"name": "pin", "ms": 12}]
        time.sleep(0.3)
        with database.writing() as session:
            ledger.claim(session, asked.id, "engine-1", None, now)
        time.sleep(0.3)
        with database.writing() as session:
            ledger.enter_stage(session, asked.id, Stage.PREPARE, done)
        time.sleep(0.3)
        with database.writing() as session:
            ledger.fail(session, asked.id, ErrorCode.CREATE_FAILED, "f", now, done)

    context = Context.open(settings, "test", quiet=True)
    thread = threading.Thread(target=engine)
    thread.start()
    seen = [(row.status, row.stage) for row in follow(context, asked)]
    thread.join()
    context.close()
    assert seen == [("queued", None), ("running", "pin"), ("running", "prepare"), ("failed", "prepare")]


def test_removing_without_an_engine_is_finished_when_it_starts(
    backstay: Backstay, spec_file: Path, database: Database
) -> None:
    backstay("apply", str(spec_file))
    said = backstay("remove", "shop")
    assert (said.code, said.out) == (1, "")
    assert said.err == (
        "backstay: no engine is running on host local; shop is removed when it starts (`backstay up`).\n"
    )
    with database.reading() as session:
        assert [workload.name for workload in workloads.removing(session, "local")] == ["shop"]
    assert json.loads(backstay("status", "--json").out) == {"workloads": []}
    assert "(name_taken)" in backstay("apply", str(spec_file)).err


def test_removing_follows_the_engine_to_the_end(
    backstay: Backstay, spec_file: Path, database: Database, settings: Settings
) -> None:
    backstay("apply", str(spec_file))

    def engine() -> None:
        while True:
            with database.writing() as session:
                for one in workloads.removing(session, "local"):
                    return workloads.remove(session, one.id)
            time.sleep(0.05)

    with hold_engine_lock(settings):
        thread = threading.Thread(target=engine)
        thread.start()
        said = backstay("remove", "shop", "--json")
        thread.join()
    assert (said.code, said.json) == (0, {"removed": "shop"})
    assert backstay("remove", "shop").err.endswith("(no_such_workload)\n")


def test_removing_gives_up_waiting_for_an_engine_that_hangs(
    backstay: Backstay, spec_file: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    backstay("apply", str(spec_file))
    monkeypatch.setattr(following, "REMOVED_WITHIN_S", 0.3)
    with hold_engine_lock(settings):
        said = backstay("remove", "shop")
    assert said.code == 1
    assert said.err == "backstay: shop was not removed within 0 s; the engine continues the removal.\n"


def test_removing_can_be_left_to_the_engine(backstay: Backstay, spec_file: Path) -> None:
    backstay("apply", str(spec_file))
    said = backstay("remove", "shop", "--detach")
    assert (said.code, said.out) == (0, "shop is being removed.\n")
    assert backstay("remove", "shop", "--detach", "--json").json == {"removing": "shop"}


def test_the_person_at_the_keyboard_is_the_actor(
    backstay: Backstay, spec_file: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "ann")
    backstay("apply", str(spec_file))
    backstay("deploy", "shop")
    with database.reading() as session:
        workload = workloads.find(session, "shop")
        assert workload is not None
        newest = history.latest(session, workload.id)
        assert newest is not None
        assert newest.actor == "ann"

"""The log of a build: written clean and bounded, read on from where one was, as JSON and as a page."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask.testing import FlaskClient

from db import ledger
from db.states import ErrorCode
from tasks.context import Context
from tasks.images import build_log
from tasks.images.build_log import LONGEST_LINE, BuildLog
from tests import ledger_steps as steps

SECRET = "s3cr3t-of-the-build"


def log_of(context: Context, workload_id: int, version: int) -> BuildLog:
    """A log that is being written."""
    return BuildLog(context, "shop", workload_id, version)


def whole(context: Context, workload_id: int, version: int) -> str:
    """The file."""
    return build_log.path_of(context.settings, workload_id, version).read_text()


def test_secrets_terminal_codes_and_progress_bars_do_not_get_into_it(context: Context) -> None:
    context.redactor.learn([SECRET])
    log = log_of(context, 1, 1)
    for piece in ("Step 1/2", " : FROM x\n", f"token {SECRET[:5]}", f"{SECRET[5:]} end\n", "\x1b[31mred\x1b[0m\x07\n"):
        log.write(piece)
    log.write("10%\r50%\r100%\r\nend")
    log.say("Built sha256:0")
    log.close()
    assert whole(context, 1, 1) == "Step 1/2 : FROM x\ntoken [redacted] end\nred\n100%\nend\nBuilt sha256:0\n"
    assert SECRET not in "".join(path.read_text() for path in context.settings.logs.iterdir())


def test_of_a_long_log_the_beginning_and_the_end_are_kept(context: Context) -> None:
    context.settings = context.settings.model_copy(update={"build_log_kb": 16})
    log = log_of(context, 1, 1)
    for number in range(2000):
        log.write(f"line {number}\n")
    log.close()
    lines = whole(context, 1, 1).splitlines()
    assert (lines[0], lines[-1]) == ("line 0", "line 1999")
    (gap,) = [line for line in lines if line.startswith("[")]
    left_out = int(gap.split()[0][1:])
    assert len(lines) - 1 + left_out == 2000
    assert build_log.path_of(context.settings, 1, 1).stat().st_size <= 16_100


def test_a_line_that_is_too_long_is_cut_and_no_part_of_a_secret_is_left(context: Context) -> None:
    context.redactor.learn([SECRET])
    log = log_of(context, 1, 1)
    log.write("x" * (LONGEST_LINE - 5) + SECRET + "y" * LONGEST_LINE)
    log.write("z" * 100 + "\nnext\n")
    log.close()
    text = whole(context, 1, 1)
    assert text.splitlines()[1] == "next"
    assert SECRET[:5] not in text
    assert len(text) < LONGEST_LINE


def test_it_is_read_on_from_where_one_was_while_it_grows(
    viewer: FlaskClient, context: Context, shop: int, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_log, "AT_ONCE", 20)
    with context.database.writing() as session:
        deploy = steps.begin(session, shop, now)
    version = deploy.version
    address = f"/api/workloads/shop/deploys/{version}/build-log"
    assert viewer.get(address).json == {"text": "", "offset": 0, "complete": False}
    log = log_of(context, shop, version)
    log.write("первая\nsecond\nthird\nhalf")
    first = viewer.get(address).json
    second = viewer.get(f"{address}?offset={first['offset']}").json
    assert (first["text"], second["text"]) == ("первая\nsecond\n", "third\n")
    assert not second["complete"]
    page = viewer.get(f"/apps/shop/build/{version}").text
    assert "первая\nsecond\nthird\n" in page
    assert 'data-offset="' in page
    log.close()
    with context.database.writing() as session:
        ledger.fail(session, deploy.id, ErrorCode.BUILD_FAILED, "f" * 16, now)
    last = viewer.get(f"{address}?offset={second['offset']}").json
    assert (last["text"], last["complete"]) == ("half\n", True)
    assert viewer.get(f"{address}?offset=x").status_code == 400
    assert viewer.get("/api/workloads/shop/deploys/99/build-log").status_code == 404
    assert "data-complete" in viewer.get(f"/apps/shop/build/{version}").text
    app = viewer.get("/apps/shop").text
    assert [of for of in (1, 2, 3, version) if f'"/apps/shop/build/{of}"' in app] == [version]


def test_logs_go_with_their_rows_and_with_their_workload(context: Context) -> None:
    for version in (1, 2, 3):
        log_of(context, 7, version).close()
    log_of(context, 8, 1).close()
    build_log.prune(context.settings, 7, {2, 3})
    assert sorted(path.name for path in (context.settings.builds / "7").iterdir()) == ["2.log", "3.log"]
    build_log.prune(context.settings, 7, ())
    assert [path.name for path in context.settings.builds.iterdir()] == ["8"]

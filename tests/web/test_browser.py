"""The pages in a real browser: they look right where it can be measured, and keep the content policy."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from werkzeug.serving import make_server

from db import event_log, history, ledger, workloads
from db.health import status
from db.health.codes import Judgement, StatusReason, WorkloadStatus
from db.messages.events import tell
from db.states import ErrorCode
from flows.webhooks import lifecycle
from tasks.context import Context, now
from tasks.images.build_log import BuildLog
from tasks.kinds import KINDS
from tests import ledger_steps as steps
from tests.real_parts import real_part
from tests.web.conftest import PASSWORD
from tests.web.own_network import OwnNetwork
from tests.web.test_observations import sample

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDE = (1440, 900)
SIZES = (WIDE, (360, 740), (390, 844), (768, 1024), (2560, 1300))
# What a page comes to by itself may take its time on a busy machine; nothing waits longer than it has to.
WITHIN_MS = 20_000
PAGES = (
    "/apps",
    "/system",
    "/reference",
    "/credentials",
    "/new",
    *(
        f"/apps/shop/{page}"
        for page in ("deploy", "rollback/1", "edit", "remove", "log", "build/1", "hooks/new", "hooks/1/remove")
    ),
)
AXE = Path(__file__).parent / "vendor" / "axe-core-4.10.3.js"
# Statuses that a test provokes: the browser writes each into its console.
EXPECTED: list[str] = []


@pytest.fixture(scope="module")
def network() -> Iterator[OwnNetwork]:
    """Where the browser is, and what it visits."""
    real_part("browser")
    network = OwnNetwork()
    yield network
    network.close()


@pytest.fixture(scope="module")
def browser(network: OwnNetwork) -> Iterator[Browser]:
    """Debian's Chromium."""
    expect.set_options(timeout=WITHIN_MS)
    with ExitStack() as opened:
        with network.entered():
            playwright = opened.enter_context(sync_playwright())
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def address(app: Flask, network: OwnNetwork, engine_runs: None) -> Iterator[str]:
    """Where the app listens. What it opens itself is on the machine's network."""
    with network.entered():
        server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()


@pytest.fixture
def busy_shop(context: Context, shop: int) -> int:
    """The app with half an hour of samples, a gap in them, and deploys of just now."""
    newest = int(time.time()) // 15 * 15
    for ts in range(newest - 1500, newest, 15):
        if not newest - 900 < ts < newest - 600:
            sample(context, shop, ts, cpu=20.0 + ts % 7)
    moment = datetime.now(UTC) - timedelta(minutes=4)
    with context.database.writing() as session:
        steps.deploy_badly(session, shop, moment)
        steps.deploy_well(session, shop, moment + timedelta(minutes=1), "c")
    lifecycle.add(context, "shop", "ann", "registry", tag="v*")
    return shop


@pytest.fixture
def visit(browser: Browser, address: str, people: None) -> Iterator[Callable[..., Page]]:
    """Opens a page as a person; fails at the end when a page wrote an error or broke the content policy."""
    errors: list[str] = []
    opened = []
    EXPECTED.clear()

    def open_page(path: str, who: str = "admin", size: tuple[int, int] = WIDE, **options: Any) -> Page:
        viewport = {"width": size[0], "height": size[1]}
        browser_context = browser.new_context(viewport=viewport, base_url=address, **options)
        opened.append(browser_context)
        page = browser_context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        log_in(page, who)
        page.goto(path)
        return page

    yield open_page
    for browser_context in opened:
        browser_context.close()
    fine = [f"status of {code}" for code in EXPECTED]
    assert [one for one in errors if not any(text in one for text in fine)] == []


def log_in(page: Page, who: str) -> None:
    """Log in through the form, as people do."""
    page.goto("/apps")
    page.locator("[name=username]").fill(who)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form.login button").click()
    page.wait_for_url("**/apps")


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window, once what follows a change of its size has followed."""
    width: int = page.evaluate(
        """async () => {
          const wider = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
          const until = performance.now() + 5000;
          while (wider() && performance.now() < until) await new Promise(requestAnimationFrame);
          return wider();
        }"""
    )
    return width


@contextmanager
def still(page: Page, selector: str) -> Iterator[None]:
    """An element stays exactly where it is meanwhile."""
    before = page.locator(selector).bounding_box()
    yield
    assert page.locator(selector).bounding_box() == before


def test_a_person_logs_in_and_finds_the_apps(visit: Callable[..., Page], busy_shop: int) -> None:
    page = visit("/apps")
    row = page.get_by_role("row", name="shop")
    expect(row).to_contain_text("v5")
    expect(row).to_contain_text("MiB")
    row.get_by_role("link", name="shop").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("shop")


@pytest.mark.parametrize(("locale", "scheme"), [("en", "light"), ("ru", "dark")])
def test_every_page_fits_every_window_and_the_chart_is_drawn(
    visit: Callable[..., Page], busy_shop: int, locale: str, scheme: str
) -> None:
    page = visit("/apps/shop", locale=locale, color_scheme=scheme)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        expect(page.locator("[data-canvas] canvas")).to_be_visible()
        expect(page.locator("[data-table] tr").first).to_be_attached()
        expect(page.locator("[data-hint]")).to_be_hidden()
        assert overflow(page) == 0, width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(12, 14, 18)") == (scheme == "dark")
    for path in PAGES:
        page.goto(path)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            assert overflow(page) == 0, (path, width)


@pytest.mark.parametrize("locale", ["en", "ru"])
def test_no_page_keeps_anybody_out(
    visit: Callable[..., Page], context: Context, busy_shop: int, locale: str, app: Flask
) -> None:
    with context.database.writing() as session:
        steps.begin(session, steps.add_workload(session, now(), "worker"), now())
    page = visit("/apps", locale=locale)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for path in (*PAGES, "/apps/shop", "/apps/worker"):
            page.goto(path)
            page.wait_for_load_state("load")
            assert violations(page) == [], (path, scheme)
    page.goto("/apps/shop")
    page.locator("a[data-dialog][href$='/rollback/1']").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("dialog").locator("[data-close]").click()
    page.locator("form.who button").last.click()
    page.wait_for_url("**/login")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == [], scheme


NOT_WELL = [
    Judgement(WorkloadStatus.CRASHING, StatusReason.OUT_OF_MEMORY, None, 137, ("database", "worker"), 12),
    Judgement(WorkloadStatus.DOWN, StatusReason.STOPPED_BY_HAND, None, 143),
    Judgement(WorkloadStatus.DEGRADED, StatusReason.CONTAINER_GONE, services=("web",)),
    Judgement(WorkloadStatus.UNHEALTHY, StatusReason.HEALTH_CHECK_FAILED),
    Judgement(WorkloadStatus.UNKNOWN, StatusReason.DOCKER_AWAY),
]


def look_at(context: Context, workload_id: int, found: Judgement) -> None:
    """The engine has looked at the containers of the live version."""
    with context.database.writing() as session:
        live = history.live(session, workload_id)
        assert live is not None
        status.put(session, workload_id, live, found, now())


@pytest.mark.parametrize(("locale", "scheme"), [("en", "light"), ("ru", "dark"), ("ru", "light"), ("en", "dark")])
def test_an_app_that_is_not_well_keeps_nobody_out(
    visit: Callable[..., Page], context: Context, busy_shop: int, locale: str, scheme: str
) -> None:
    with context.database.writing() as session:
        for number, found in enumerate(NOT_WELL):
            workload_id = steps.add_workload(session, now(), f"app-{number}")
            status.put(session, workload_id, steps.deploy_well(session, workload_id, now(), "a"), found, now())
    page = visit("/apps", locale=locale, color_scheme=scheme)
    for path in ("/apps", *(f"/apps/app-{number}" for number in range(len(NOT_WELL)))):
        page.goto(path)
        page.wait_for_load_state("load")
        assert violations(page) == [], path
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            assert overflow(page) == 0, (path, width)


def test_the_header_and_the_title_follow_the_status(
    visit: Callable[..., Page], context: Context, busy_shop: int
) -> None:
    page = visit("/apps/shop")
    expect(page).to_have_title("shop · Live · Backstay")
    look_at(context, busy_shop, NOT_WELL[0])
    expect(page.locator("#title")).to_contain_text("Crashing")
    expect(page.locator("#title .why")).to_contain_text("out of memory · exit code 137 · database, worker · 12 times")
    expect(page).to_have_title("shop · Crashing · Backstay")
    look_at(context, busy_shop, Judgement(WorkloadStatus.LIVE))
    expect(page).to_have_title("shop · Live · Backstay")
    expect(page.locator("#title .why")).to_have_count(0)


@pytest.mark.parametrize("locale", ["en", "ru"])
def test_what_is_empty_missing_or_wrong_keeps_nobody_out_either(visit: Callable[..., Page], locale: str) -> None:
    page = visit("/apps", locale=locale, size=(360, 740))
    EXPECTED.extend(["404", "422"])
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for path in ("/apps", "/system", "/nowhere"):
            page.goto(path)
            assert (violations(page), overflow(page)) == ([], 0), (path, scheme)
        for kind in KINDS:
            page.goto("/new")
            page.locator(f"[name=kind][value={kind}]").check()
            if kind in {"git", "static"}:
                page.locator(f"[name='{kind}.url']").fill("no address")
            page.locator("form.spec-form .button-main").click()
            expect(page.locator("[role=alert]")).to_be_visible()
            expect(page.locator("#error-name")).to_be_visible()
            assert (violations(page), overflow(page)) == ([], 0), (kind, scheme)


def violations(page: Page) -> list[str]:
    """What axe-core finds on the page as it is: rule, and the first place."""
    # Through the debugger's door: the page's own policy lets no such script in, which is as it should be.
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run({resultTypes: ['violations']}).then((result) => result.violations)")
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found]


@pytest.mark.parametrize(("locale", "scheme"), [("en", "light"), ("ru", "dark")])
def test_a_compose_file_that_is_refused_says_all_at_its_field_and_a_tick_allows_it(
    visit: Callable[..., Page], context: Context, locale: str, scheme: str
) -> None:
    EXPECTED.append("422")
    text = "services:\n  web: {image: 'x:1', privileged: true, pid: host, environment: {A: '${KEY:?}'}}\n"
    page = visit("/new?kind=compose", locale=locale, color_scheme=scheme)
    page.locator("[name=name]").fill("stack")
    page.locator("[name='compose.text']").fill(text)
    page.locator("[name=deploy_now]").uncheck()
    page.locator(".form-end button.button-main").click()
    expect(page.locator("#error-compose\\.text .field-error")).to_have_count(1)
    expect(page.locator("#error-env")).to_contain_text("KEY")
    expect(page.locator("[name=accept_allow]")).to_be_visible()
    for size in SIZES:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        assert overflow(page) == 0, size
        assert violations(page) == [], size
    page.locator("[name=accept_allow]").check()
    page.locator("[name=env]").fill("KEY=1")
    page.locator(".form-end button.button-main").click()
    page.wait_for_url("**/apps/stack")
    with context.database.reading() as session:
        workload = workloads.find(session, "stack")
    assert workload is not None
    assert workload.spec["source"]["allow"] == ["web.pid", "web.privileged"]


def test_the_axe_that_is_used_is_the_one_that_was_vendored() -> None:
    assert hashlib.sha256(AXE.read_bytes()).hexdigest().startswith("880970c081707360")
    assert "Mozilla Public License" in AXE.with_name("axe-core-4.10.3.LICENSE.txt").read_text()


def test_choosing_a_deploy_marks_its_row_and_its_time_and_survives_a_reload(
    visit: Callable[..., Page], busy_shop: int
) -> None:
    page = visit("/apps/shop")
    expect(page.locator("[data-note]")).to_contain_text("Choose a version")
    page.locator("[data-choose='5']").click()
    expect(page.locator("#v5")).to_have_attribute("data-chosen", "")
    expect(page.locator("[data-note]")).to_contain_text("v5:")
    page.reload()
    expect(page.locator("[data-note]")).to_contain_text("v5:")
    page.locator("[data-choose='5']").click()
    expect(page.locator("[data-note]")).to_contain_text("Choose a version")


@pytest.mark.parametrize(("motion", "behaviour"), [("no-preference", "smooth"), ("reduce", "instant")])
def test_a_click_in_the_chart_chooses_the_version_that_served_then(
    visit: Callable[..., Page], busy_shop: int, motion: str, behaviour: str
) -> None:
    page = visit("/apps/shop", reduced_motion=motion)
    expect(page.locator("[data-table] tr").first).to_be_attached()
    page.evaluate(
        """() => {
          window.scrolls = [];
          Element.prototype.scrollIntoView = function (how) { window.scrolls.push([this.id, how.behavior]); };
        }"""
    )
    canvas = page.locator("[data-canvas]")
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": box["width"] - 60, "y": box["height"] / 2})
    expect(page.locator("#history [data-chosen]")).to_have_attribute("id", "v5")
    expect(page.locator("[data-note]")).to_contain_text("v5:")
    assert page.evaluate("window.scrolls") == [["v5", behaviour]]


def test_the_history_is_filtered_without_leaving_the_page(visit: Callable[..., Page], busy_shop: int) -> None:
    page = visit("/apps/shop")
    page.locator("form[data-filter] [name=status]").select_option("failed")
    expect(page.locator("#history [data-key]")).to_have_count(2)
    page.wait_for_url("**/apps/shop?status=failed")


@pytest.mark.usefixtures("prefect_answers")
def test_a_stale_page_is_told_so_and_shows_fresh_rows(
    visit: Callable[..., Page], context: Context, busy_shop: int
) -> None:
    page = visit("/apps/shop")
    page.locator("a[data-dialog][href$='/rollback/1']").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    with context.database.writing() as session:
        steps.deploy_well(session, busy_shop, now(), "d")
    EXPECTED.append("409")
    page.get_by_role("button", name="Roll back to v1", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was done.")
    expect(page.locator("#v6")).to_contain_text("live")
    page.wait_for_url("**/apps/shop")  # a script puts it there: going back or loading again shall not ask once more


@pytest.mark.usefixtures("prefect_answers")
def test_an_app_is_created_and_deployed_and_its_page_follows_it_live(
    visit: Callable[..., Page], context: Context, shop: int
) -> None:
    page = visit("/new")
    page.get_by_label("Name", exact=False).first.fill("blog")
    page.locator("[name='image.image']").fill("blog:1")
    page.get_by_role("button", name="Create").click()
    row = page.locator("#history [data-key=v1]")
    expect(row).to_contain_text("Queued")
    with context.database.writing() as session:
        found = workloads.find(session, "blog")
        assert found is not None
        claimed = ledger.claim(session, row_id(context, found.id, 1), "engine-1", None, now())
        assert claimed is not None
        ledger.record_pin(session, claimed.id, steps.pin("z"))
        ledger.succeed(session, claimed.id, [], now())
    expect(row).to_contain_text("Succeeded")
    expect(page.locator("#title")).to_contain_text("Live")


def test_the_rollback_dialog_opens_says_what_happens_and_can_be_left(
    visit: Callable[..., Page], busy_shop: int
) -> None:
    page = visit("/apps/shop")
    page.locator("a[data-dialog][href$='/rollback/1']").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("Roll shop back to v1?")
    expect(dialog).to_contain_text("v5")
    expect(dialog).to_contain_text("the values of secrets")
    dialog.get_by_role("link", name="Cancel").click()
    expect(dialog).to_be_hidden()
    page.locator("a[data-dialog][href$='/rollback/1']").click()
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


@pytest.mark.usefixtures("busy_shop")
def test_escape_before_a_dialog_has_come_keeps_it_away(visit: Callable[..., Page]) -> None:
    page = visit("/apps/shop")
    page.route("**/rollback/1?dialog=1", lambda _: None)  # stays on its way
    link = page.locator("a[data-dialog][href$='/rollback/1']")
    with page.expect_request("**/rollback/1?dialog=1") as asked:
        link.click()
    with page.expect_event("requestfailed", lambda failed: failed == asked.value):
        page.keyboard.press("Escape")
    page.unroute("**/rollback/1?dialog=1")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/apps/shop$"))  # and not the page that stands in for a dialog
    link.click()
    expect(page.get_by_role("dialog")).to_be_visible()


@pytest.mark.usefixtures("busy_shop")
def test_a_dialog_that_is_taller_than_the_window_begins_with_its_title(visit: Callable[..., Page]) -> None:
    page = visit("/apps/shop", size=(360, 500))
    page.locator("a[data-dialog][href$='/rollback/1']").click()
    expect(page.locator("#dialog-title")).to_be_in_viewport(ratio=1)
    expect(page.locator("#dialog-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("a[data-dialog][href$='/rollback/1']")).to_be_focused()


@pytest.mark.usefixtures("prefect_answers")
def test_a_rollback_from_the_dialog_shows_up_in_the_history(visit: Callable[..., Page], busy_shop: int) -> None:
    page = visit("/apps/shop")
    page.locator("a[data-dialog][href$='/rollback/1']").click()
    page.get_by_role("button", name="Roll back to v1").click()
    expect(page.locator("#history [data-key=v6]")).to_contain_text("Queued")
    expect(page.locator("#title")).to_contain_text("Deploying")


def test_a_running_deploy_is_followed_without_a_jump(
    visit: Callable[..., Page], context: Context, busy_shop: int
) -> None:
    with context.database.writing() as session:
        steps.begin(session, busy_shop, now())
    page = visit("/apps/shop")
    row = page.locator("#history [data-key=v6]")
    expect(row).to_contain_text("pin the version")
    with still(page, "#history-title"):
        with context.database.writing() as session:
            ledger.fail(session, row_id(context, busy_shop, 6), ErrorCode.PORT_IN_USE, "f" * 16, now())
        expect(row).to_contain_text("A host port is already in use")


def row_id(context: Context, workload_id: int, version: int) -> int:
    """The id of the row of a version."""
    with context.database.reading() as session:
        found = history.find(session, workload_id, version)
        assert found is not None
        return found.id


def test_a_window_can_be_chosen_and_its_json_follows(visit: Callable[..., Page], busy_shop: int) -> None:
    page = visit("/apps/shop")
    with page.expect_response("**/stats/history?window=6h"):
        page.locator("[data-window='6h']").click()
    expect(page.locator("[data-window='6h']")).to_have_attribute("aria-current", "true")
    expect(page.locator("[data-window='30m']")).not_to_have_attribute("aria-current", "true")
    expect(page.locator("section", has=page.locator("[data-chart]")).locator("a.json").first).to_have_attribute(
        "href", "/api/workloads/shop/stats/history?window=6h"
    )
    page.locator("form[data-filter] [name=status]").select_option("failed")
    page.wait_for_url("**/apps/shop?status=failed&window=6h")
    with page.expect_response("**/stats/history?window=6h"):
        page.get_by_role("link", name="Русский").click()
    page.wait_for_url("**/apps/shop?status=failed&window=6h&lang=ru")


@pytest.mark.parametrize("listens", ["never", "late"])
def test_what_is_pressed_before_a_script_listens_is_not_lost(
    browser: Browser, app: Flask, address: str, people: None, busy_shop: int, listens: str
) -> None:
    script_may_come = threading.Event()

    @app.before_request
    def _hold_the_script() -> None:
        if request.path.endswith("/page.js"):
            script_may_come.wait(60)

    opened = browser.new_context(java_script_enabled=listens == "late", base_url=address)
    page = opened.new_page()
    script_may_come.set()
    log_in(page, "admin")
    script_may_come.clear()
    page.goto("/apps/shop", wait_until="commit")
    expect(page.locator(".foot")).to_be_visible()
    expect(page.locator(".copy").first).to_be_hidden()
    page.locator("[data-window='6h']").click()
    page.wait_for_url("**/apps/shop?window=6h", wait_until="commit")
    page.locator("[name=status]").last.select_option("failed")
    script_may_come.set()
    if listens == "never":
        page.get_by_role("button", name="Filter").click()
    expect(page.locator("#history [data-key]")).to_have_count(2)
    expect(page.locator("[data-window='6h']")).to_have_attribute("aria-current", "true")
    expect(page.locator(".copy").first).to_be_visible(visible=listens == "late")
    opened.close()


MEASURE_SHIFTS = """
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (!one.hadRecentInput) {
      window.shifts.push([one.value, one.sources.map((source) => source.node?.id || source.node?.className)]);
    }
  }).observe({ type: 'layout-shift', buffered: true });
"""


@pytest.mark.parametrize("locale", ["en", "ru"])
def test_nothing_jumps_while_a_page_loads_or_is_kept_fresh(
    visit: Callable[..., Page], context: Context, busy_shop: int, locale: str
) -> None:
    page = visit("/apps", locale=locale)
    page.add_init_script(MEASURE_SHIFTS)
    page.goto("/apps/shop")
    expect(page.locator("[data-table] tr").first).to_be_attached()
    with page.expect_response("**/apps/shop"), context.database.writing() as session:
        # The stream says so, and the page is fetched again: one line more in the log of events.
        event_log.note(session, busy_shop, tell("put_in_order"), now())
    news = "were restored" if locale == "en" else "восстановлены"
    expect(page.locator("#events .event-message").first).to_contain_text(news)
    shifts = page.evaluate("window.shifts")
    assert sum(value for value, _ in shifts) < 0.01, shifts


def test_a_hidden_tab_asks_for_nothing(visit: Callable[..., Page], busy_shop: int) -> None:
    page = visit("/apps/shop")
    expect(page.locator("[data-table] tr").first).to_be_attached()
    page.clock.install()
    page.goto("/apps/shop")
    expect(page.locator("[data-table] tr").first).to_be_attached()
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    tell_it = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(hide % "true" + tell_it)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(120_000)
    assert asked == []
    with page.expect_request("**/stats/history*"):
        page.evaluate(hide % "false" + tell_it)


def test_the_chart_breaks_at_gaps_and_has_a_line_for_a_limit_only_when_there_is_one(
    visit: Callable[..., Page], shop: int
) -> None:
    page = visit("/apps/shop")
    drawn = page.evaluate(
        """async () => {
          const { lines, withGaps } = await import('/static/js/series.js');
          const point = (ts, memory_limit) => ({ ts, cpu_percent: 0, memory_usage: 1048576, memory_limit });
          const limited = withGaps([0, 15, 30, 90, 105].map((ts) => point(ts, 2097152)));
          return { limited: lines(limited), free: lines(withGaps([point(0, null), point(15, null)])) };
        }"""
    )
    memory = [[0, 1], [15_000, 1], [30_000, 1], [45_000, None], [90_000, 1], [105_000, 1]]
    assert drawn["limited"]["memory"] == memory
    assert drawn["limited"]["cpu"] == [[ts, None if value is None else 0] for ts, value in memory]
    assert drawn["limited"]["limit"][0] == [0, 2]
    assert (drawn["free"]["limit"], len(drawn["free"]["cpu"])) == ([], 2)


def test_the_label_of_a_mark_at_an_edge_stands_inside_and_covers_no_other(
    visit: Callable[..., Page], shop: int
) -> None:
    page = visit("/apps/shop")
    # A pixel is a second here, a label of these two 36 or 75 pixels.
    labels = page.evaluate(
        """async () => {
          const { markLine } = await import('/static/js/options.js');
          const marks = [[5, 'v1 x'], [60, 'v2 x'], [75, 'v3 x'], [850, 'v4 x'], [890, 'v5 failed!']];
          const told = marks.map(([second, text]) => ({ at: second * 1000, status: 'succeeded', text }));
          const drawn = markLine([...told, { ...told[4], at: 895_000 }], {}, 900, 1020, 900_000).data;
          return drawn.map(({ label }) => [label.show, label.align, label.distance]);
        }"""
    )
    lower, upper = 4, 18
    assert labels[:3] == [[True, "left", lower], [True, "center", lower], [True, "center", upper]]
    assert labels[3:5] == [[True, "center", lower], [True, "right", upper]]
    assert labels[5][:2] == [False, "right"]


def test_the_ends_of_containers_are_points_of_the_chart_and_those_too_close_are_counted(
    visit: Callable[..., Page], shop: int
) -> None:
    page = visit("/apps/shop")
    drawn = page.evaluate(
        """async () => {
          const { bundled, endMarks } = await import('/static/js/marks.js');
          const { chartOptions } = await import('/static/js/options.js');
          const words = { crash: 'v%(version)s crashed', oom: 'v%(version)s memory', finished: 'v%(version)s ended' };
          const told = [['crash', 0], ['crash', 4], ['oom', 6], ['by_hand', 8], ['finished', 20], ['crash', 500]];
          const mark = ([kind, second]) => ({ kind, version: 2, ts: new Date(second * 1000).toISOString() });
          const ends = endMarks([...told.map(mark), { ...mark(['finished', 700]), restarted: true }], words);
          const data = { points: [], marks: [], ends, span: null, seconds: 900, now: 900_000 };
          const point = { ts: 0, cpu_percent: 1, memory_usage: 1, memory_limit: null };
          const option = chartOptions({ ...data, points: [point] }, words, {}, 1020);
          const { data: points, symbol } = option.series.find((one) => one.symbol);
          return [bundled(ends, 1000).map((one) => [one.at / 1000, one.text]), points.length, symbol];
        }"""
    )
    told = [[0, "v2 crashed × 2"], [6, "v2 memory"], [500, "v2 crashed"], [700, "v2 ended"]]
    assert drawn == [told, 4, "triangle"]


def test_without_samples_the_chart_says_so_and_so_does_one_that_does_not_come(
    visit: Callable[..., Page], shop: int
) -> None:
    page = visit("/apps/shop")
    expect(page.locator("[data-hint]")).to_contain_text("No samples in this window yet")
    EXPECTED.append("503")
    page.route("**/js/chart.js", lambda route: route.fulfill(status=503))
    page.reload()
    expect(page.locator("[data-hint]")).to_contain_text("The chart could not be loaded")


def test_the_theme_is_switched_at_once_and_stays(visit: Callable[..., Page], shop: int) -> None:
    page = visit("/apps/shop", color_scheme="light")
    page.locator("[data-theme-switch]").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_viewer_sees_no_button_to_change_anything(visit: Callable[..., Page], busy_shop: int) -> None:
    page = visit("/apps/shop", who="vera")
    expect(page.locator("#history [data-key=v5]")).to_be_visible()
    expect(page.locator("a[data-dialog], [data-dialog-box] form, #history form, #history .button")).to_have_count(0)


def test_the_keyboard_alone_leads_through_a_rollback(
    visit: Callable[..., Page], context: Context, busy_shop: int
) -> None:
    page = visit("/apps/shop")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('href')") == "/apps/shop/rollback/1":
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert page.evaluate("document.querySelector('dialog').contains(document.activeElement)")
    with context.database.writing() as session:  # the row is drawn anew below the dialog
        ledger.attach_flow_run(session, row_id(context, busy_shop, 1), "run-1")
        event_log.note(session, busy_shop, tell("put_in_order"), now())
    expect(page.locator("#v1 a[href$='/run-1']")).to_be_attached()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("a[href='/apps/shop/rollback/1']")).to_be_focused()


REASON_SHOWN = """(button) => {
  const style = getComputedStyle(button, '::after');
  return style.content !== 'none' && style.content.includes(button.dataset.why);
}"""


@pytest.mark.parametrize("how", ["keyboard", "touch"])
def test_a_button_that_cannot_be_used_says_why_to_who_has_no_mouse(
    visit: Callable[..., Page], context: Context, busy_shop: int, how: str
) -> None:
    with context.database.writing() as session:
        steps.begin(session, busy_shop, now())
    page = visit("/apps/shop", size=(360, 740), has_touch=True)
    new_deploy, roll_back = page.locator("#actions [data-why]"), page.locator("#v4 [data-why]")
    for button, why in ((new_deploy, "Another deploy"), (roll_back, "never succeeded")):
        assert why in str(button.get_attribute("data-why"))
        assert not button.evaluate(REASON_SHOWN)
        if how == "touch":
            button.tap(force=True)  # Playwright waits for ever for what says that it is disabled
        else:
            tab_to(page, button)
        assert button.evaluate(REASON_SHOWN)
        assert overflow(page) == 0
        assert reason_box(button)["left"] >= 0


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until it has the focus."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if wanted.evaluate("(one) => one === document.activeElement"):
            return
    pytest.fail("Tab does not lead there")


def reason_box(button: Locator) -> dict[str, float]:
    """Where the reason of a button stands: a box that is drawn after an element has no rectangle of its own."""
    box: dict[str, float] = button.evaluate(
        """(button) => {
          const style = getComputedStyle(button, '::after'), inner = button.getBoundingClientRect();
          const border = parseFloat(getComputedStyle(button).borderRightWidth);
          const right = inner.right - border - parseFloat(style.right);
          return { left: right - parseFloat(style.width), right };
        }"""
    )
    return box


@pytest.mark.usefixtures("busy_shop")
def test_focus_returns_also_when_nothing_was_painted_since_the_dialog_closed(visit: Callable[..., Page]) -> None:
    """Until the next frame the browser says that focus is still in the dialog that is gone."""
    page = visit("/apps/shop")
    link, dialog = page.locator("a[href='/apps/shop/rollback/1']"), page.get_by_role("dialog")
    link.click()
    expect(dialog).to_be_visible()
    link.evaluate("link => link.replaceWith(link.cloneNode(true))")
    focused = """dialog => {
        dialog.close();
        dialog.dispatchEvent(new Event('close'));
        return document.activeElement.getAttribute('href');
    }"""
    assert page.locator("dialog").evaluate(focused) == "/apps/shop/rollback/1"


def test_a_webhook_is_removed_only_after_a_question(visit: Callable[..., Page], busy_shop: int) -> None:
    page = visit("/apps/shop")
    link, dialog = page.locator("#hooks a[href$='/hooks/1/remove']"), page.get_by_role("dialog")
    link.click()
    expect(dialog).to_contain_text("Remove the webhook of Docker registry?")
    dialog.get_by_role("link", name="Keep it").click()
    expect(dialog).to_be_hidden()
    link.click()
    dialog.get_by_role("button", name="Remove the webhook").click()
    page.wait_for_url("**/apps/shop#hooks")
    expect(page.locator("#hooks [data-key]")).to_have_count(0)


@pytest.mark.usefixtures("prefect_answers")
def test_a_broken_version_is_deployed_fails_and_is_gone_back_from(
    visit: Callable[..., Page], context: Context, busy_shop: int
) -> None:
    page = visit("/apps/shop")
    page.get_by_role("link", name="New deploy").click()
    page.get_by_role("dialog").locator("[name=image]").fill("shop:broken")
    page.get_by_role("button", name="Start the deploy").click()
    row = page.locator("#history [data-key=v6]")
    expect(row).to_contain_text("shop:broken")
    with context.database.writing() as session:
        claimed = ledger.claim(session, row_id(context, busy_shop, 6), "engine-1", None, now())
        assert claimed is not None
        ledger.fail(session, claimed.id, ErrorCode.HEALTH_TIMEOUT, "f" * 16, now())
    expect(row).to_contain_text("was not healthy in time")
    expect(page.locator("#history [data-key=v5]")).to_contain_text("live")
    expect(row.locator("[aria-disabled=true]")).to_have_attribute("title", re.compile("never succeeded"))
    page.locator("a[data-dialog][href$='/rollback/1']").click()
    page.get_by_role("button", name="Roll back to v1").click()
    expect(page.locator("#history [data-key=v7]")).to_contain_text("Rollback to v1")


def test_while_docker_is_down_the_page_says_so_and_the_rest_is_there(
    visit: Callable[..., Page], busy_shop: int
) -> None:
    page = visit("/apps/shop", locale="ru")
    expect(page.locator("#containers")).to_contain_text("Docker не отвечает")
    expect(page.locator("[data-table] tr").first).to_be_attached()
    expect(page.locator("#history [data-key=v5]")).to_be_visible()
    page.locator("[data-log]").scroll_into_view_if_needed()
    expect(page.locator("[data-log-state]")).to_contain_text("Docker не отвечает")


def test_an_app_of_another_kind_is_created_by_form_without_a_script(
    browser: Browser, address: str, people: None, context: Context
) -> None:
    opened = browser.new_context(java_script_enabled=False, base_url=address)
    page = opened.new_page()
    log_in(page, "admin")
    page.goto("/new")
    page.locator("[name=name]").fill("stack")
    page.locator("[name=kind][value=compose]").check()
    expect(page.locator("[name='image.image']")).to_be_hidden()
    expect(page.locator("[name=ports]")).to_be_hidden()
    page.get_by_role("button", name="Create").click()
    expect(page.locator("[id='error-compose.text']")).to_contain_text("one of the two")
    page.locator("[name='compose.text']").fill("services: {web: {image: 'shop:1'}}")
    page.locator("[name=deploy_now]").uncheck()
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("stack")
    opened.close()


def test_all_of_it_works_without_a_script(browser: Browser, address: str, people: None, busy_shop: int) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=address)
    page = context.new_page()
    log_in(page, "admin")
    page.goto("/apps/shop")
    page.locator("a[href$='/rollback/1']").click()
    expect(page.get_by_role("button", name="Roll back to v1")).to_be_visible()
    context.close()


def test_the_log_of_a_build_is_followed_while_it_grows(visit: Callable[..., Page], context: Context, shop: int) -> None:
    with context.database.writing() as session:
        deploy = steps.begin(session, shop, now())
    log = BuildLog(context, "shop", shop, deploy.version)
    log.write("Step 1/2 : FROM base\n")
    page = visit(f"/apps/shop/build/{deploy.version}", "vera")
    expect(page.locator("[data-build-log]")).to_have_text("Step 1/2 : FROM base")
    log.write("Step 2/2 : <b>COPY</b>\n")
    expect(page.locator("[data-build-log]")).to_contain_text("Step 2/2 : <b>COPY</b>")
    log.close()
    with context.database.writing() as session:
        ledger.fail(session, deploy.id, ErrorCode.BUILD_FAILED, "f" * 16, now())
    expect(page.locator(".badge-failed")).to_be_visible()
    expect(page.locator("[data-build-log][data-complete]")).to_contain_text("Step 1/2")

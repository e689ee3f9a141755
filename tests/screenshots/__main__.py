"""Makes the pictures of docs/images: `make screenshots`. Leaves nothing running.

Writes a past (story.py), starts `backstay up` over it, waits until the engine has made the live containers again, takes
pictures while a leaking version is live, rolls it back through the page, and takes the others.
"""

from __future__ import annotations

import math
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import docker
import httpx
from docker.models.networks import Network
from playwright.sync_api import Browser, Page, sync_playwright

from db.settings import Settings
from flows.supervisor.programs import backstay
from tasks.context import Context, now
from tasks.labels import WORKLOAD
from tests.docker.images import LABEL, Images, image_archive
from tests.real_parts import docker_address, free_port, running, wait_until
from tests.screenshots import story
from tests.screenshots.apps import APPS, USER

IMAGES = Path(__file__).parents[2] / "docs" / "images"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
READY_WITHIN_S, LIVE_WITHIN_S, SEEN_WITHIN_S = 200, 60, 150
WIDE, NARROW = (1440, 900), (390, 844)
SHOP = "/apps/shop?window=6h"
END = "[data-log]"  # the log is fetched when it is seen
LEAKING, BEFORE, AFTER = 5, 4, 6  # versions of shop: the live one, the one to go back to, the rollback


@dataclass(frozen=True)
class Shot:
    """One picture. press: what to press first, in this order; down_to: the last thing in it, `END` for all of the page.

    Without `down_to` it shows what a window of that size shows.
    """

    name: str
    path: str
    press: tuple[str, ...] = ()
    language: str = "en"
    theme: str = "light"
    size: tuple[int, int] = WIDE
    down_to: str = ""


WHILE_IT_LEAKS = (
    Shot("apps-light", "/apps"),
    Shot(
        "leak-light", SHOP, (f"[data-choose='{LEAKING}']", f"#v{LEAKING} details.impact summary"), down_to=f"#v{BEFORE}"
    ),
    Shot("rollback-light", SHOP, (f"a[href$='/rollback/{BEFORE}']",)),
    Shot("app-narrow-ru", SHOP, language="ru", size=NARROW),
)
ROLLED_BACK = (
    Shot("app-light", SHOP, (f"[data-choose='{LEAKING}']",), down_to=END),
    Shot("app-dark-ru", SHOP, language="ru", theme="dark", down_to=END),
    Shot("form-dark", "/apps/shop/edit", theme="dark"),
)


def main() -> None:
    """Write the past, run Backstay over it, take the pictures, and remove all of it."""
    password, port, engine = secrets.token_urlsafe(16), free_port(), docker_address()
    for name in [name for name in os.environ if name.startswith(("BACKSTAY_", "PREFECT_"))]:
        del os.environ[name]  # the past must not be written into a developer's own ledger
    with tempfile.TemporaryDirectory(prefix="backstay-shots-") as home, _images(engine) as images:
        settings = Settings(home=Path(home), web_port=free_port(), prefect_port=free_port(), docker_host=engine)
        context = Context.open(settings, "story", quiet=True)
        token = story.write(context, images, port, password)
        context.close()
        began = now()
        with _up(settings) as address:
            api = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"})
            _wait_for_samples(api, began)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
                camera = Camera(browser, address, password)
                camera.take(WHILE_IT_LEAKS)
                camera.roll_back()
                _wait_for_samples(api, now())
                camera.take(ROLLED_BACK)
                browser.close()


@contextmanager
def _images(engine: str) -> Iterator[dict[str, str]]:
    """The images of all versions, name -> id. Afterwards they are gone, and every container that was made of them."""
    client = docker.DockerClient(base_url=engine)
    images = Images(client, f"story-{secrets.token_hex(4)}")
    before = {network.id for network in _networks(client)}  # of a Backstay that the developer runs
    try:
        found = {}
        for app in APPS:
            for version in app.versions:
                name = app.image(version)
                archive, found[name] = image_archive(
                    name, app.behaviour(version), f"{app.name} {version.tag}\n", {LABEL: images.session}
                )
                client.images.load(archive)
        yield found
    finally:
        images.remove_all()
        for network in _networks(client):
            if network.id not in before:
                network.remove()
        client.close()


def _networks(client: docker.DockerClient) -> list[Network]:
    """The networks of apps that are called as those of the story."""
    names = {app.name for app in APPS}
    found: list[Network] = client.networks.list(filters={"label": WORKLOAD})
    return [network for network in found if network.attrs["Labels"][WORKLOAD] in names]


@contextmanager
def _up(settings: Settings) -> Iterator[str]:
    """Run `backstay up` over HOME; enters when it is ready, with its address."""
    log = settings.home / "up.log"
    given = settings.model_dump(include={"home", "web_port", "prefect_port", "docker_host"})
    with running(
        backstay("up"),
        log=log,
        ready=lambda: "Backstay is ready." in log.read_text(),
        within_s=READY_WITHIN_S,
        environment=os.environ | {f"BACKSTAY_{name.upper()}": str(value) for name, value in given.items()},
        stop_with=signal.SIGINT,
    ):
        yield f"http://127.0.0.1:{settings.web_port}"


def _wait_for_samples(api: httpx.Client, since: datetime) -> None:
    """Wait until the live container of every app has been sampled twice since then: CPU needs two readings."""

    def is_there(name: str) -> bool:
        points: list[dict[str, Any]] = api.get(f"/api/workloads/{name}/stats/history?window=30m").json()
        return sum(one["ts"] > since.timestamp() and one["cpu_percent"] is not None for one in points) >= 2

    for app in APPS:
        wait_until(lambda name=app.name: is_there(name), SEEN_WITHIN_S, f"{app.name} is not sampled")


class Camera:
    """A browser in which the person of the story has logged in."""

    def __init__(self, browser: Browser, address: str, password: str) -> None:
        self._browser, self._address = browser, address
        page = browser.new_page(base_url=address)
        page.goto("/login")
        page.locator("[name=username]").fill(USER)
        page.locator("[name=password]").fill(password)
        page.locator("form.login button").click()
        page.wait_for_url("**/apps")
        self._login = page.context.storage_state()
        page.close()

    def take(self, shots: tuple[Shot, ...]) -> None:
        """Take pictures into docs/images."""
        IMAGES.mkdir(exist_ok=True)
        for shot in shots:
            page = self._open(shot)
            for press in shot.press:
                page.locator(press).first.click()
            if shot.down_to == END:
                page.locator(END).scroll_into_view_if_needed()
                page.locator(f"{END} pre", has_text="batch 3").wait_for()
                page.evaluate("scrollTo(0, 0)")  # or the bar would stand in the middle of the picture
            elif shot.down_to:
                page.set_viewport_size({"width": shot.size[0], "height": _bottom(page, shot.down_to)})
            page.wait_for_timeout(1500)  # the chart and the dialog are drawn by then
            page.screenshot(path=IMAGES / f"{shot.name}.png", full_page=shot.down_to == END)
            print(f"docs/images/{shot.name}.png", flush=True)
            page.close()

    def roll_back(self) -> None:
        """Go back to the version before, as a person does, and wait until it is live."""
        page = self._open(Shot("", SHOP))
        page.locator(f"a[href$='/rollback/{BEFORE}']").first.click()
        page.locator("dialog form.confirm button.button-main").click()
        page.locator(f"#v{AFTER}.is-live").wait_for(timeout=LIVE_WITHIN_S * 1000)
        page.close()

    def _open(self, shot: Shot) -> Page:
        width, height = shot.size
        page = self._browser.new_page(
            base_url=self._address,
            storage_state=self._login,
            locale=shot.language,
            color_scheme="dark" if shot.theme == "dark" else "light",
            viewport={"width": width, "height": height},
        )
        page.goto(shot.path)
        page.wait_for_timeout(1500)  # the chart is drawn by then
        return page


def _bottom(page: Page, of: str) -> int:
    box = page.locator(of).bounding_box()
    assert box is not None
    return math.ceil(box["y"] + box["height"])


if __name__ == "__main__":
    sys.exit(main())

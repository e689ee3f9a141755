"""Makes the pictures of docs/images from a demo that really runs: `make screenshots`. Leaves nothing running."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.real_parts import free_port

IMAGES = Path(__file__).parents[1] / "docs" / "images"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
READY_WITHIN_S = 200
WIDE, NARROW = (1440, 900), (390, 844)
# name, path, what to press first, language, theme, size, whether the whole page
SHOTS = (
    ("apps-light", "/apps", None, "en", "light", WIDE, False),
    ("app-light", "/apps/demo", "[data-choose='2']", "en", "light", WIDE, True),
    ("app-dark-ru", "/apps/demo", None, "ru", "dark", WIDE, True),
    ("rollback-light", "/apps/demo", "a[href$='/rollback/2']", "en", "light", WIDE, False),
    ("form-dark", "/apps/demo/edit", None, "en", "dark", WIDE, False),
    ("app-narrow-ru", "/apps/demo", None, "ru", "light", NARROW, False),
)


def main() -> int:
    """Run the demo, take the pictures, end the demo; answers the exit code."""
    password, port = secrets.token_urlsafe(16), free_port()
    with tempfile.TemporaryDirectory(prefix="backstay-shots-") as home:
        settings = {"HOME": home, "WEB_PORT": port, "PREFECT_PORT": free_port(), "ADMIN_PASSWORD": password}
        demo = subprocess.Popen(
            [sys.executable, "-m", "flows.demo"],
            env=os.environ | {f"BACKSTAY_{key}": str(value) for key, value in settings.items()},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            if not _is_ready(demo):
                print("backstay: the demo did not come up", file=sys.stderr)
                return 1
            _take(f"http://127.0.0.1:{port}", password)
        finally:
            demo.send_signal(signal.SIGINT)
            demo.communicate(timeout=60)
    return 0


def _is_ready(demo: subprocess.Popen[str]) -> bool:
    late = threading.Timer(READY_WITHIN_S, demo.terminate)
    late.start()
    try:
        assert demo.stdout is not None
        for line in demo.stdout:
            print(line, end="", flush=True)
            if "What it runs" in line:
                return True
        return False
    finally:
        late.cancel()


def _take(address: str, password: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        for name, path, press, language, theme, (width, height), whole in SHOTS:
            page = browser.new_page(
                base_url=address,
                locale=language,
                color_scheme="dark" if theme == "dark" else "light",
                viewport={"width": width, "height": height},
            )
            _log_in(page, password)
            page.goto(path)
            page.wait_for_timeout(1500)  # the chart and the log are drawn by then
            if press:
                page.locator(press).first.click()
                page.wait_for_timeout(800)
            if whole:
                page.evaluate("scrollTo(0, 0)")  # or the bar would stand in the middle of the picture
            page.screenshot(path=IMAGES / f"{name}.png", full_page=whole)
            page.close()
        browser.close()


def _log_in(page: Page, password: str) -> None:
    page.goto("/login")
    page.locator("[name=username]").fill("admin")
    page.locator("[name=password]").fill(password)
    page.locator("form.login button").click()
    page.wait_for_url("**/apps")


if __name__ == "__main__":
    sys.exit(main())

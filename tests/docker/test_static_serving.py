"""How a static site is served, by real nginx and real Caddy: what is missing, what is kept, and what never gets out."""

from __future__ import annotations

import http.client
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import docker
import pytest

from tasks.content.web_servers import PLACES
from tests.docker import web_servers
from tests.docker.images import Images
from tests.docker.scenario import Scenario

FILES = {
    "index.html": "the page",
    "404.html": "nothing here",
    "robots.txt": "0123456789",
    "assets/app.1f3c.js": "script",
    "assets/live/a.js": "script",
    "docs/index.html": "documents",
    "two words/index.html": "spaces",
    "empty/picture.txt": "a picture",
    ".env": "PASSWORD=hunter2",
    ".git/config": "[core]",
    "docs/.hidden": "hidden",
    ".well-known/security.txt": "Contact: me",
    ".well-known/.env": "hidden as well",
}
CACHE = [
    {"path": "/assets/live/*", "max_age_s": 0},
    {"path": "/assets/*", "max_age_s": 31536000, "immutable": True},
    {"path": "/*.txt", "max_age_s": 60},
]
FOR_EVER = "public, max-age=31536000, immutable"


class Answer:
    """What the published port answered: status, text, headers."""

    def __init__(self, shop: Scenario, path: str, method: str = "GET", **headers: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=5)
        try:
            # As it stands: no client tidies the path.
            connection.putrequest(method, path, skip_accept_encoding=True)
            for key, value in headers.items():
                connection.putheader(key.replace("_", "-"), value)
            connection.endheaders()
            answer = connection.getresponse()
            self.status, self.text = answer.status, answer.read().decode(errors="replace")
            self.headers = answer.headers
        finally:
            connection.close()

    @property
    def kept(self) -> str | None:
        """How long a browser may keep it."""
        return self.headers["Cache-Control"]


@pytest.fixture(params=["nginx", "caddy"])
def site(request: pytest.FixtureRequest, shop: Scenario, images: Images, tmp_path: Path) -> Scenario:
    """The workload, on a real server."""
    base = f"{shop.name}-server:1"
    web_servers.build(images, base, request.param)
    changes = {"static_image": base, "static_root": web_servers.ROOT, "static_roots": str(tmp_path)}
    shop.context.settings = shop.context.settings.model_copy(update=changes)
    for name, text in FILES.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return shop


def source(tmp_path: Path, **keys: Any) -> dict[str, Any]:
    return {"kind": "static", "path": str(tmp_path / "site")} | keys


def succeeded(row: dict[str, Any], site: Scenario) -> None:
    assert row["status"] == "succeeded", (row["error_code"], site.messages())


def test_an_app_that_routes_in_the_browser_gets_its_page_for_each_path(site: Scenario, tmp_path: Path) -> None:
    site.create_from(source(tmp_path, fallback="index.html", cache=CACHE), health={"http": "/", "timeout_s": 10})
    row = site.deploy()
    succeeded(row, site)
    assert row["pin"]["serving"] == {"fallback": "index.html", "cache": CACHE}

    for path in ("/", "/index.html", "/users/7", "/users/john.doe", "/users/", "/empty/", "/docs/more?x=1"):
        answer = Answer(site, path)
        assert (answer.status, answer.text, answer.kept) == (200, "the page", "no-cache"), path
        assert answer.headers["Content-Type"].startswith("text/html")
    script = Answer(site, "/assets/app.1f3c.js?v=2")
    assert (script.status, script.text, script.kept) == (200, "script", FOR_EVER)
    # A browser must not take the page for a script, and not keep it for a year.
    gone = Answer(site, "/assets/app.0000.js")
    assert (gone.status, gone.kept) == (404, "no-cache")
    # The first rule that matches is the one that counts.
    assert Answer(site, "/assets/live/x").text == "the page"
    assert Answer(site, "/assets/live/a.js").kept == "no-cache"
    assert (Answer(site, "/robots.txt").kept, Answer(site, "/docs/").text) == ("public, max-age=60", "documents")
    assert Answer(site, "/none.txt").text == "the page"
    for path in ("/.env", "/.git/config", "/docs/.hidden", "/.well-known/.env", "/%2eenv"):
        answer = Answer(site, path)
        assert (answer.status, "hunter2" in answer.text) == (404, False), path


def test_an_own_page_is_shown_for_what_is_missing(site: Scenario, tmp_path: Path) -> None:
    site.create_from(source(tmp_path, not_found="404.html", cache=CACHE), health={"http": "/", "timeout_s": 10})
    succeeded(site.deploy(), site)
    for path in ("/none", "/docs/none", "/empty/", "/assets/none.js", "/.env", "/.well-known/none"):
        answer = Answer(site, path)
        assert (answer.status, answer.text, answer.kept) == (404, "nothing here", "no-cache"), path
    assert Answer(site, "/none", "HEAD").status == 404
    assert (Answer(site, "/404.html").status, Answer(site, "/").text) == (200, "the page")
    assert Answer(site, "/.well-known/security.txt").text == "Contact: me"


def test_the_rest_is_as_it_should_be(site: Scenario, tmp_path: Path) -> None:
    site.create_from(source(tmp_path, cache=CACHE), health={"http": "/", "timeout_s": 10})
    succeeded(site.deploy(), site)

    head = Answer(site, "/robots.txt", "HEAD")
    assert (head.status, head.text, head.headers["Content-Length"]) == (200, "", "10")
    part = Answer(site, "/robots.txt", Range="bytes=2-4")
    assert (part.status, part.text, part.headers["Content-Range"]) == (206, "234", "bytes 2-4/10")
    assert part.kept == "public, max-age=60"
    assert Answer(site, "/robots.txt", Range="bytes=50-").status == 416
    for path, kept in (("/", "no-cache"), ("/robots.txt", "public, max-age=60"), ("/assets/app.1f3c.js", FOR_EVER)):
        first = Answer(site, path)
        again = Answer(site, path, If_None_Match=first.headers["ETag"])
        assert (first.status, again.status, again.text, again.kept) == (200, 304, "", kept)
        assert Answer(site, path, If_None_Match='"other"').status == 200
        assert Answer(site, path, If_Modified_Since=first.headers["Last-Modified"]).status == 304

    for path, target in (("/docs", "/docs/"), ("/two%20words", "/two words/")):
        redirect = Answer(site, path)
        assert (redirect.status in {301, 308}, unquote(redirect.headers["Location"])) == (True, target)
    assert Answer(site, "/two%20words/").text == "spaces"
    assert Answer(site, "/robots.txt/").status == 404
    for path in ("/../etc/passwd", "/..%2f..%2fetc/passwd", "/docs/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"):
        answer = Answer(site, path)
        assert (answer.status in {400, 404}, "root:" in answer.text) == (True, False), path
    assert Answer(site, "/docs/../robots.txt").text in {"0123456789", ""}
    assert Answer(site, "/robots.txt", "POST").status == 405
    assert Answer(site, "/empty/").status == 404


def test_a_server_of_another_user_can_read_its_configuration(
    site: Scenario, tmp_path: Path, docker_client: docker.DockerClient
) -> None:
    site.create_from(source(tmp_path, fallback="index.html"), health={"http": "/", "timeout_s": 10})
    before = os.umask(0o077)
    try:
        succeeded(site.deploy(), site)
    finally:
        os.umask(before)
    (container,) = docker_client.containers.list(filters={"label": f"backstay.workload={site.name}"})
    place = PLACES[str(container.image.attrs["Config"]["Cmd"][0])]
    _, found = container.get_archive(place)
    assert found["mode"] & 0o777 == 0o644


def test_each_version_is_served_as_it_was_deployed(site: Scenario, tmp_path: Path) -> None:
    site.create_from(source(tmp_path), health={"http": "/", "timeout_s": 10})
    plain = site.deploy()
    succeeded(plain, site)
    assert "serving" not in plain["pin"]
    assert Answer(site, "/users/7").status == 404

    site.change(source=source(tmp_path, fallback="index.html"))
    routed = site.deploy()
    succeeded(routed, site)
    assert (routed["pin"]["content"], routed["pin"]["image_from"]) == (plain["pin"]["content"], "build")
    assert Answer(site, "/users/7").text == "the page"
    assert site.deploy()["pin"]["no_change"] == routed["version"]

    site.change(source=source(tmp_path, fallback="none.html"))
    assert site.deploy()["error_code"] == "invalid_source"
    assert "source.fallback names none.html, which is not among the files of the site." in site.messages()
    assert Answer(site, "/users/7").text == "the page"

    back = site.rollback(plain["version"])
    succeeded(back, site)
    assert (back["pin"]["image_from"], Answer(site, "/users/7").status) == ("kept", 404)
    site.docker.images.remove(routed["pin"]["image_id"], force=True)
    again = site.rollback(routed["version"])
    succeeded(again, site)
    assert (again["pin"]["image_from"], Answer(site, "/users/7").text) == ("build", "the page")


def test_a_server_that_cannot_be_told_is_no_success(shop: Scenario, images: Images, tmp_path: Path) -> None:
    base = f"{shop.name}-server:1"
    images.build_base(base)
    changes = {"static_image": base, "static_root": "/www", "static_roots": str(tmp_path)}
    shop.context.settings = shop.context.settings.model_copy(update=changes)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("one")
    shop.create_from(source(tmp_path, fallback="index.html"))
    row = shop.deploy()
    assert (row["stage"], row["error_code"]) == ("prepare", "invalid_source")
    assert any(base in message and "nginx or Caddy" in message for message in shop.messages())

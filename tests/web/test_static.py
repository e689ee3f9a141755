"""Vendored front-end parts: what they are is written down, and they are what is written."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.presenters.template_helpers import STATIC

VENDOR = STATIC / "vendor"
PARTS = json.loads((VENDOR / "vendor.json").read_text())


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part["name"])
def test_a_vendored_file_is_the_one_that_was_vendored(part: dict) -> None:
    digest = hashlib.sha256((VENDOR / part["file"]).read_bytes()).hexdigest()
    assert digest == part["sha256"]
    assert re.fullmatch(rf"{part['name']}-{re.escape(part['version'])}-{digest[:12]}\.js", part["file"])
    assert part["license"]
    assert part["source"]
    assert all((VENDOR / name).read_text() for name in part["license_files"])


def test_no_vendored_script_is_unknown() -> None:
    assert {path.name for path in VENDOR.glob("*.js")} == {part["file"] for part in PARTS}


def test_vendored_files_are_kept_for_a_year(anonymous: FlaskClient) -> None:
    assert "immutable" in anonymous.get(f"/static/vendor/{PARTS[0]['file']}").headers["Cache-Control"]


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


TOKENS = dict(re.findall(r"--([\w-]+): light-dark\((#\w{6}, #\w{6})\)", (STATIC / "css" / "backstay.css").read_text()))


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *((text, ground) for text in ("text", "muted", "accent") for ground in ("ground", "surface", "raised")),
        *((text, "surface") for text in ("good", "bad", "warn", "busy", "cpu", "memory")),
        *((name, f"{name}-soft") for name in ("good", "bad", "warn", "busy")),
        ("on-accent", "accent"),
        ("on-accent", "accent-hover"),
    ],
)
def test_text_can_be_read_on_its_ground(text: str, ground: str, theme: int) -> None:
    pair = sorted(luminance(TOKENS[name].split(", ")[theme]) for name in (text, ground))
    assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5


def test_nothing_is_loaded_from_elsewhere() -> None:
    own = [*STATIC.glob("js/*.js"), *STATIC.glob("css/*.css"), *(STATIC.parent / "templates").rglob("*.html")]
    for path in own:
        found = re.findall(r"""(?:src|href|import|url)\s*[=(]?\s*["'(](?:https?:)?//""", path.read_text())
        assert not found, path.name


def test_the_first_visit_of_an_app_weighs_little(logged_in: Callable[[str], FlaskClient], shop: int) -> None:
    browser = logged_in("admin")
    asked = {"Accept-Encoding": "gzip"}
    page = browser.get("/apps/shop", headers=asked)
    addresses = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', gzip.decompress(page.data).decode()))
    addresses |= {f"/static/js/{path.name}" for path in STATIC.glob("js/*.js")}
    answers = [page, *(browser.get(address, headers=asked) for address in sorted(addresses))]
    assert len(answers) > 8
    assert sum(len(answer.data) for answer in answers) <= 300_000


def test_what_is_compressed_is_the_same_and_only_for_who_can_read_it(anonymous: FlaskClient) -> None:
    plain = anonymous.get("/static/css/backstay.css")
    packed = anonymous.get("/static/css/backstay.css", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert "Accept-Encoding" in plain.headers["Vary"]
    again = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
    assert anonymous.get("/static/css/backstay.css", headers=again).status_code == 304
    assert "Content-Encoding" not in anonymous.get("/healthz", headers={"Accept-Encoding": "gzip"}).headers

"""What the app has, the docs have."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask


def test_every_endpoint_of_the_api_is_documented(app: Flask) -> None:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(rule)).replace("{name}", "{id}")
        if path.startswith("/api/"):
            rows = [line for line in page.splitlines() if re.search(rf"`[^`]*{re.escape(path)}[`?]", line)]
            for method in rule.methods - {"HEAD", "OPTIONS"}:
                assert any(method in line for line in rows), (method, path)

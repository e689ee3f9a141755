"""Writes docs/openapi.json from the table of calls: `python -m webapp.openapi`."""

from __future__ import annotations

from pathlib import Path

from webapp.openapi.document import url_map, whole, written

if __name__ == "__main__":
    (Path(__file__).parents[2] / "docs" / "openapi.json").write_bytes(written(whole(url_map())))

"""Command that writes docs/openapi.json from the table of calls: `python -m webapp.write_openapi`."""

from __future__ import annotations

from pathlib import Path

from webapp.app import routes
from webapp.openapi.document import whole, written

if __name__ == "__main__":
    (Path(__file__).parents[1] / "docs" / "openapi.json").write_bytes(written(whole(routes().url_map)))

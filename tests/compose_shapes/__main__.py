"""Trying every shape, and writing the tables and the one in docs/sources.md anew: `python -m tests.compose_shapes`.

What comes out is what happens, not what is right: read the difference before you commit it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from db.migrate import upgrade
from db.settings import Settings
from tasks.context import Context
from tests.compose_shapes.table import WAYS, shapes, write_docs, write_outcomes
from tests.compose_shapes.trial import Trial


def main(wanted: list[str]) -> None:
    """Try the shapes whose names are given, or all; write the tables when it was all."""
    found = {}
    with tempfile.TemporaryDirectory() as place:
        context = Context.open(Settings(home=Path(place) / "home"), "shapes", quiet=False)
        upgrade(context.database)
        trial = Trial(context, Path(place))
        for shape in shapes():
            if wanted and shape.name not in wanted:
                continue
            found[shape.family, shape.name] = {way: trial.outcome(shape, way) for way in WAYS}
            for way, outcome in found[shape.family, shape.name].items():
                print(f"{shape.family}/{shape.name} {way}: {outcome.written}", flush=True)
        context.close()
    if not wanted:
        write_outcomes(found)
        write_docs()


main(sys.argv[1:])

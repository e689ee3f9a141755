"""Compose files in the shape of well-known projects go in as the tables of tests/compose_shapes and the docs say.

Docker Compose reads each, and the policy looks at it; nothing is started. tests.docker.test_compose_shapes runs some.
One that stands alone is tried from a repository as well only when everything is (`make test-all`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.settings import Settings, ensure_home
from tasks.context import Context
from tests.compose_shapes.table import HERE, INSTEAD, WAYS, Shape, for_docs, in_docs, reasons, shapes
from tests.compose_shapes.trial import Trial
from tests.conftest import FAULTS

SHAPES = shapes()


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Trial]:
    """One installation for all."""
    place = tmp_path_factory.mktemp("shapes")
    settings = Settings(home=place / "home")
    ensure_home(settings)
    shutil.copy(migrated_sqlite, settings.home / "backstay.db")
    context = Context.open(settings, "test", quiet=True)
    yield Trial(context, place)
    context.close()


@pytest.mark.parametrize(
    ("shape", "way"),
    [
        pytest.param(shape, way, id=f"{shape.name}-{way}")
        for shape in SHAPES
        for way in WAYS
        if way == "text" or not shape.stands_alone or FAULTS == "all"
    ],
)
def test_a_shape_goes_in_as_its_table_says(trial: Trial, shape: Shape, way: str) -> None:
    assert trial.outcome(shape, way) == shape.expected[way]


def test_every_file_is_in_the_table_of_its_family() -> None:
    files = {(one.parent.name, one.stem) for one in HERE.glob("*/*.yaml") if one.name != "table.yaml"}
    assert {(one.family, one.name) for one in SHAPES} == files
    assert len(SHAPES) == len({one.name for one in SHAPES}) >= 60


def test_the_docs_have_the_tables_and_say_what_to_do_in_place_of_what_is_refused() -> None:
    assert in_docs() == for_docs(SHAPES)
    assert reasons(SHAPES) <= INSTEAD.keys()

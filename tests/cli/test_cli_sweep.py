"""`backstay sweep` from the command line: a report, and removal only with --apply."""

from __future__ import annotations

import pytest

from db.connection import Database
from db.installation import identity
from db.settings import Settings
from flows.upkeep import sweep
from tasks.containers.leftovers import Leftover, Why
from tasks.context import now
from tasks.labels import container_labels
from tests.cli.conftest import Backstay
from tests.docker.images import Images
from tests.real_parts import docker_address


@pytest.fixture
def left(
    environment: pytest.MonkeyPatch, database: Database, settings: Settings, images: Images, workload_name: str
) -> str:
    """Name of a container that no workload of this installation owns."""
    environment.setenv("BACKSTAY_DOCKER_HOST", docker_address())
    image_id = images.build(f"localhost/{workload_name}:1", workload_name)
    with database.writing() as session:
        labels = container_labels(identity(session, now()), workload_name, 1)
    images.client.containers.create(image_id, name=f"{workload_name}-v1", labels=labels)
    return f"{workload_name}-v1"


def test_sweep_reports_and_touches_nothing_until_it_is_told_to(backstay: Backstay, left: str, images: Images) -> None:
    said = backstay("sweep")
    assert said.code == 0
    assert said.out.split() == ["KIND", "WHY", "NAME", "container", "no_workload", left]
    assert "`backstay sweep --apply` removes what is listed" in said.err
    container = images.client.containers.get(left)
    expected = {"kind": "container", "name": left, "why": "no_workload", "id": container.id}
    assert backstay("sweep", "--json").json == {"applied": False, "leftovers": [expected | {"removed": None}]}
    assert backstay("sweep", "--apply", "--json").json == {"applied": True, "leftovers": [expected | {"removed": True}]}
    assert images.client.containers.list(all=True, filters={"name": left}, ignore_removed=True) == []
    assert backstay("sweep", "--apply").err == "No leftovers.\n"


def test_sweep_says_what_it_could_not_remove(backstay: Backstay, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = sweep.Swept(Leftover("container", "shop-v1", Why.NOT_LIVE, "c1"), done=False)
    monkeypatch.setattr(sweep, "sweep", lambda context, apply, files: [kept])
    said = backstay("sweep", "--apply")
    assert said.code == 1
    assert said.err == "0 removed, 1 could not be removed; see HOME/logs/cli.jsonl.\n"


def test_sweep_needs_docker_and_says_so(backstay: Backstay) -> None:
    said = backstay("sweep")
    assert said.code == 1
    assert "engine_unreachable" in said.err


def test_files_of_apps_are_removed_only_when_they_are_named(
    environment: pytest.MonkeyPatch, database: Database, settings: Settings, backstay: Backstay
) -> None:
    environment.setenv("BACKSTAY_DOCKER_HOST", docker_address())
    left, rest = settings.files / "gone" / "store", settings.files / ".removed" / "7"
    left.mkdir(parents=True)
    rest.mkdir(parents=True)
    assert backstay("sweep").out.split()[3:] == ["files", "no_workload", "gone", "files", "no_workload", ".removed/7"]
    said = backstay("sweep", "--apply")
    assert (said.code, said.err) == (
        0,
        "Files of apps were kept; `backstay sweep --apply --files` removes them as well.\n",
    )
    assert left.exists() and rest.exists()
    said = backstay("sweep", "--apply", "--files")
    assert (said.code, said.err) == (0, "2 removed.\n")
    assert not list(settings.files.iterdir())

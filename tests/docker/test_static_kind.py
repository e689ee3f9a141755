"""A static site on a real Engine: from a directory, an upload and a repository; there, back, and the same twice."""

from __future__ import annotations

import tarfile
from pathlib import Path

import docker
import pytest

from db.states import ErrorCode
from flows.upkeep.housekeeping import tidy
from flows.workloads import uploads
from tasks.failures import Failure
from tasks.images import availability
from tasks.rollout import single
from tasks.sources.invalid_spec import InvalidSpec
from tests.docker.git_servers import new_repository
from tests.docker.images import Images
from tests.docker.scenario import Scenario


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory that may be served."""
    path = tmp_path / "sites" / "shop"
    path.mkdir(parents=True)
    (path / "index.html").write_text("one")
    (path / "healthz").write_text("ok")
    return path


@pytest.fixture
def on_busybox(shop: Scenario, images: Images, tmp_path: Path) -> Scenario:
    """The workload, with busybox as the server of static sites."""
    base = f"{shop.name}-server:1"
    images.build_base(base, "broken_health")  # its own files have no /healthz
    changes = {"static_image": base, "static_root": "/www", "static_roots": str(tmp_path / "sites")}
    shop.context.settings = shop.context.settings.model_copy(update=changes)
    return shop


def test_the_way_of_a_directory_there_back_and_the_same_twice(
    on_busybox: Scenario, site: Path, docker_client: docker.DockerClient
) -> None:
    shop, context = on_busybox, on_busybox.context
    shop.create_from({"kind": "static", "path": str(site)}, health={"http": "/healthz", "timeout_s": 5})
    one = shop.deploy()
    assert (one["status"], one["verified"], shop.served()) == ("succeeded", True, "one")
    assert one["pin"]["content"].startswith("sha256:")
    assert one["pin_short"] == one["pin"]["content"][7:19]
    containers = shop.containers()

    same = shop.deploy()
    assert (same["status"], same["live"], same["pin"]["no_change"]) == ("succeeded", False, one["version"])
    assert same["pin"]["image_id"] == one["pin"]["image_id"]
    assert shop.containers() == containers
    assert shop.row(one["version"])["live"]
    assert any("changes nothing" in line for line in shop.messages())

    shop.change(env={"A": "1"})  # the same files in another configuration are something new
    other = shop.deploy()
    assert (other["live"], other["pin"]["image_from"], other["pin"].get("no_change")) == (True, "kept", None)

    (site / "index.html").write_text("two")
    two = shop.deploy()
    assert (two["live"], two["pin"]["image_from"], shop.served()) == (True, "build", "two")
    (site / "healthz").unlink()
    broken = shop.deploy()
    assert (broken["error_code"], shop.served()) == ("health_timeout", "two")
    (site / "out").symlink_to("/etc/passwd")
    assert shop.deploy()["error_code"] == "invalid_source"
    assert shop.served() == "two"

    # The directory is empty, and then the image is gone as well.
    for path in site.iterdir():
        path.unlink()
    back = shop.rollback(one["version"])
    assert (back["status"], back["pin"]["image_from"], shop.served()) == ("succeeded", "kept", "one")
    docker_client.images.remove(two["pin"]["image_id"], force=True)
    availability.check(context)
    assert shop.row(two["version"])["rollback_blocked_by"] is None
    rebuilt = shop.rollback(two["version"])
    assert (rebuilt["verified"], rebuilt["pin"]["image_from"], shop.served()) == (True, "build", "two")

    docker_client.images.remove(one["pin"]["image_id"], force=True)
    tidy(context)
    next(path for path in context.settings.content.glob(f"{one['pin']['content'][7:]}.tar")).unlink()
    availability.check(context)
    assert shop.row(one["version"])["rollback_blocked_by"] == "pin_unavailable"
    assert shop.rollback(one["version"])["error_code"] == "pin_unavailable"
    assert shop.served() == "two"


def test_a_row_ends_also_when_docker_is_away_as_it_is_compared_with_what_runs(
    on_busybox: Scenario, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = on_busybox
    shop.create_from({"kind": "static", "path": str(site)}, health={"http": "/healthz", "timeout_s": 5})
    shop.deploy()

    def away(*_: object) -> bool:
        raise Failure(ErrorCode.ENGINE_UNREACHABLE, "away")

    monkeypatch.setattr(single, "runs_as_pinned", away)
    row = shop.deploy()
    assert (row["status"], row["error_code"], row["stage"]) == ("failed", "engine_unreachable", "prepare")
    assert shop.served() == "one"


def test_an_upload_and_a_repository_are_served_as_well(on_busybox: Scenario, site: Path, tmp_path: Path) -> None:
    shop, context = on_busybox, on_busybox.context
    with pytest.raises(InvalidSpec):
        shop.create_from({"kind": "static", "path": "/etc"})
    shop.create_from({"kind": "static"})
    assert shop.deploy()["error_code"] == "invalid_source"
    with tarfile.open(tmp_path / "site.tar.gz", "w:gz") as archive:
        archive.add(site, ".")
    taken = uploads.take_in(context, shop.name, tmp_path / "site.tar.gz", "tester")
    one = shop.deploy()
    assert (one["status"], one["pin"]["content"], shop.served()) == ("succeeded", taken.hash, "one")
    assert one["requested"].startswith("an upload ")
    assert uploads.take_in(context, shop.name, site, "tester").hash == taken.hash

    repository = new_repository(tmp_path / "git", {"public/index.html": "from git", "public/.hidden": "", "x": "y"})
    shop.change(source={"kind": "static", "url": repository.url, "root": "public"})
    two = shop.deploy()
    assert (two["status"], shop.served()) == ("succeeded", "from git")
    assert two["pin"]["revision"] == repository.git("rev-parse", "HEAD")
    back = shop.rollback()
    assert (back["pin"]["content"], shop.served()) == (taken.hash, "one")
    (tmp_path / "sites" / "elsewhere").symlink_to("/etc")
    shop.change(source={"kind": "static", "path": str(tmp_path / "sites" / "elsewhere")})
    assert shop.deploy()["error_code"] == "invalid_source"
    assert not [path for path in context.settings.content.iterdir() if path.suffix != ".tar"]


def test_files_go_only_to_a_workload_that_serves_files(shop: Scenario, site: Path) -> None:
    shop.create("shop:1")
    with pytest.raises(InvalidSpec) as caught:
        uploads.take_in(shop.context, shop.name, site, "tester")
    assert caught.value.key == "source.kind"

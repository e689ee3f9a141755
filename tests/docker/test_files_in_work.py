"""Files that an older version mounted below HOME/work: kept at each start, and taken along by the next deploy."""

from __future__ import annotations

import io
import os
import shutil
import signal
import sys
import tarfile
from pathlib import Path

from db import workloads
from db.settings import Settings
from flows.doctor import check_files
from flows.supervisor.programs import client_env
from tasks.compose import files
from tasks.context import now
from tasks.docker.client import DockerEngine
from tests.docker.compose_app import App, of_repository, start_engine_again, workload_id
from tests.docker.images import Images
from tests.real_parts import free_port, running


def old_style(app: App, name: str = "store") -> Path:
    """A version as it was deployed before: its mount lies below HOME/work. Answers the directory."""
    old = app.shop.context.settings.work / "tmp1234abcd" / name
    stored = {"type": "bind", "source": str(old), "target": "/data", "bind": {"create_host_path": True}}
    app.create(f"./{name}:/data")
    app.deploy()
    with app.shop.context.database.writing() as session:
        from sqlalchemy import text as sql

        row = app.shop.rows()[0]
        document = workloads.document(session, row["pin"]["sha256"])
        document["services"]["web"]["volumes"] = [stored]
        sha = workloads.keep_document(session, document, now())
        session.execute(
            sql("UPDATE deploy_history SET pin = json_set(pin, '$.sha256', :sha) WHERE version = 1"), {"sha": sha}
        )
        workloads.set_needs_reconcile(session, workload_id(app), True)
    shutil.rmtree(app.files)
    container = app.container()
    labels, image = container.labels, container.attrs["Config"]["Image"]
    container.remove(force=True)
    app.shop.docker.containers.run(
        image, labels=labels, detach=True, init=True, name=container.name, volumes={str(old): {"bind": "/data"}},
        restart_policy={"Name": "always"}, network=f"{compose_project(app)}_default",
    )  # fmt: skip
    app.run("echo old > /data/a")
    assert (old / "a").read_text() == "old\n"
    return old


def compose_project(app: App) -> str:
    """The name of its project."""
    from tasks.rollout.compose import project_of

    return project_of(app.shop.context, app.shop.name)


def test_a_start_leaves_what_a_container_has_mounted_and_says_so(app: App) -> None:
    old = old_style(app)
    leftover = old.parent / "left-over"
    leftover.mkdir()
    (old.parent.parent / "tmpother").mkdir()
    for state in ("running", "stopped"):
        start_engine_again(app.shop.context)
        assert (old / "a").read_text() == "old\n", state
        app.container().stop(timeout=1)
    assert not leftover.exists()
    assert [one.name for one in old.parent.parent.iterdir()] == [old.parent.name]
    assert any("HOME/work" in one and "Deploy" in one for one in app.shop.messages())
    check = check_files(app.shop.context.settings)
    assert (check.ok, app.shop.name in check.detail) == (False, True)


def test_an_engine_that_is_started_and_killed_leaves_every_file(app: App) -> None:
    """The engine's own program, with a Prefect that never answers."""
    old = old_style(app)
    lasting = app.files / "other"
    lasting.mkdir(parents=True)
    (lasting / "b").write_text("b")
    address = f"http://127.0.0.1:{free_port()}/api"
    settings = app.shop.context.settings.model_copy(update={"prefect_api_url": address})
    for number in range(2):
        leftover = settings.work / f"left{number}"
        leftover.mkdir()
        with running(
            [sys.executable, "-P", "-m", "flows.cli", "engine"],
            log=settings.logs / "engine-output",
            ready=lambda leftover=leftover: not leftover.exists(),
            environment=client_env(settings, os.environ),
            stop_with=signal.SIGKILL,
        ):
            pass
        assert app.run("cat /data/a") == "old\n"
        assert (old / "a").read_text() == "old\n"
        assert (lasting / "b").read_text() == "b"


def old_copy(app: App, place: Path, files: dict[str, str]) -> None:
    """A version as it was deployed before: what the repository has in `store` was copied into the container."""
    stored = {f"store/{name}": content for name, content in files.items()}
    repository = of_repository(app, place, {"compose.yaml": app.text("./store:/data:ro"), **stored})
    app.deploy()
    repository.commit({"compose.yaml": app.text("./store:/data")})


def test_files_that_lie_in_the_container_are_not_left_behind_without_a_word(app: App, tmp_path: Path) -> None:
    old_copy(app, tmp_path, {"a": "a", "deep/b": "b", "empty": ""})
    app.run("echo mine > /data/deep/c")
    said = app.refused()
    assert f"docker cp {app.container().name}:/data/. HOME/files/{app.shop.name}/store" in said
    assert "/data" in said
    (app.files / "store").mkdir(parents=True)
    stream, _ = app.container().get_archive("/data/.")  # as `docker cp` does
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        tar.extractall(app.files / "store", filter="data")
    app.deploy()
    assert app.run("cat /data/deep/c /data/a") == "mine\na"


def test_a_copied_file_that_the_app_changed_is_one_too_and_others_are_none(app: App, tmp_path: Path) -> None:
    old_copy(app, tmp_path, {"a": "costs 5$", "deep/b": "b", "empty": ""})
    before = app.container().id
    app.run("echo changed > /data/deep/b")
    assert "docker cp" in app.refused()
    assert app.container().id == before
    app.run("printf b > /data/deep/b; echo elsewhere > /tmp-file")
    app.deploy()
    assert app.run("cat /data/deep/b") == "b"


def test_while_docker_is_away_a_start_clears_nothing(app: App, settings: Settings) -> None:
    place = app.shop.context.settings.work / "tmp1" / "store"
    place.mkdir(parents=True)
    there, app.shop.context.docker = app.shop.context.docker, DockerEngine("unix:///nonexistent/docker.sock")
    start_engine_again(app.shop.context)
    assert place.exists()
    app.shop.context.docker = there
    start_engine_again(app.shop.context)
    assert not place.exists()


def test_the_next_deploy_takes_the_old_files_along(app: App) -> None:
    old = old_style(app)
    app.run("echo late > /data/b")
    app.deploy("blue")
    assert app.run("cat /data/a /data/b") == "old\nlate\n"
    assert (app.files / "store" / "a").read_text() == "old\n"
    assert any(f"HOME/files/{app.shop.name}" in one for one in app.shop.messages())
    start_engine_again(app.shop.context)
    assert not old.parent.exists()
    app.shop.change(source={"kind": "compose", "text": app.text("./store:/data:ro")})
    app.deploy()
    # The old version looked for them elsewhere, and finds them all the same.
    assert app.shop.rollback(1)["status"] == "succeeded"
    assert app.run("cat /data/a /data/b") == "old\nlate\n"
    assert check_files(app.shop.context.settings).ok


def test_what_was_mounted_read_only_is_taken_along_and_not_asked_for(app: App) -> None:
    old_style(app)
    app.shop.change(source={"kind": "compose", "text": app.text("./store:/data:ro")})
    app.deploy()
    assert app.run("cat /data/a") == "old\n"


def test_a_deploy_that_fails_after_it_took_the_files_along_loses_nothing(app: App, images: Images) -> None:
    old = old_style(app)
    images.publish(f"{app.image}-exits", "x", "exits")
    text = app.text("./store:/data")
    app.shop.change(source={"kind": "compose", "text": text.replace(app.image, f"{app.image}-exits")})
    assert app.shop.deploy()["status"] == "failed"
    assert app.run("cat /data/a") == "old\n"
    app.run("echo late > /data/b")
    app.container().restart(timeout=1)
    start_engine_again(app.shop.context)
    app.container().restart(timeout=1)
    assert app.run("cat /data/a /data/b") == "old\nlate\n"
    app.shop.change(source={"kind": "compose", "text": app.text("./store:/data")})
    app.deploy()
    assert app.run("cat /data/a /data/b") == "old\nlate\n"
    assert (app.files / "store" / "b").read_text() == "late\n"
    assert not old.is_dir() or old.is_symlink()


def test_a_container_that_is_started_again_where_its_files_have_moved_finds_them(app: App) -> None:
    old_style(app)
    (app.files / "store").mkdir(parents=True)
    (app.files / "store" / "a").write_text("of another time")
    assert files.take_along(app.shop.context, app.shop.name) == ["./store.from-work-1"]
    assert files.take_along(app.shop.context, app.shop.name) == []
    assert app.run("cat /data/a") == "old\n"
    start_engine_again(app.shop.context)
    app.container().restart(timeout=1)
    assert app.run("cat /data/a") == "old\n"
    assert (app.files / "store" / "a").read_text() == "of another time"


def test_a_person_may_begin_without_them(app: App, tmp_path: Path) -> None:
    old_copy(app, tmp_path, {"a": "a"})
    app.run("echo mine > /data/b")
    assert "docker cp" in app.refused()
    (app.files / "store").mkdir(parents=True)
    app.deploy()
    assert app.run("busybox ls /data; cat /data/a") == "a\na"

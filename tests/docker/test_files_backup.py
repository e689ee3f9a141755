"""The files of an app in a backup, from a container to a container."""

from __future__ import annotations

from pathlib import Path

from flows.backups import back_up, restore
from tasks.context import Context, now
from tests.docker.compose_app import App
from tests.docker.scenario import Scenario


def test_a_backup_has_the_files_and_a_restore_brings_them_back(app: App, tmp_path: Path) -> None:
    app.create("./store:/data")
    app.deploy()
    app.run("echo one > /data/a; busybox ln -s /etc /data/etc; busybox chown 12:34 /data/a; busybox mkfifo /data/pipe")
    settings = app.shop.context.settings
    app.container().exec_run(["/bin/sh", "-c", "while :; do echo x >> /data/log; done"], detach=True)
    manifest = back_up(settings, tmp_path / "backup.tar", now())
    assert "files.tar" in manifest.members
    other = settings.model_copy(update={"home": tmp_path / "other"})
    done = restore(other, tmp_path / "backup.tar", now())
    back = other.files / app.shop.name / "store"
    assert done.files == [app.shop.name]
    assert (back / "a").read_text() == "one\n"
    assert ((back / "a").stat().st_uid, (back / "a").stat().st_gid) == (12, 34)
    assert str((back / "etc").readlink()) == "/etc"
    # The stored release of the restored HOME mounts them there, wherever HOME is.
    again = Context.open(other, "restored", quiet=True)
    moved = App(Scenario(again, app.shop.docker, app.shop.name, app.shop.port), app.image)
    app.run("echo written-later > /data/late")
    moved.deploy("blue")
    assert moved.run("cat /data/a") == "one\n"
    (mount,) = moved.container().attrs["Mounts"]
    assert mount["Source"] == str(back)
    again.close()

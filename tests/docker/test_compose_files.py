"""The files of an app, mounted by relative paths: they last, whatever is deployed or taken back."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from db import workloads
from flows.requests import open_deploy
from flows.upkeep import removal as engine_removal
from flows.upkeep.reconcile import reconcile
from flows.upkeep.sweep import sweep
from flows.workloads import removal
from tasks.context import Context
from tests.docker.compose_app import App, of_repository, start_engine_again, workload_id
from tests.docker.git_servers import new_repository
from tests.docker.images import Images
from tests.docker.registries import RegistryServer
from tests.docker.scenario import ME, Scenario
from tests.real_parts import wait_until

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("from_git", [False, True], ids=["text", "git"])
def test_what_an_app_writes_is_there_after_a_deploy_a_rollback_a_start_and_a_kill(
    app: App, tmp_path: Path, from_git: bool
) -> None:
    if from_git:
        of_repository(app, tmp_path, {"compose.yaml": app.text("./store:/data"), "store/.gitkeep": ""})
    else:
        app.create("./store:/data")
    app.deploy()
    app.run("echo one > /data/a")
    (mount,) = app.container().attrs["Mounts"]
    assert (mount["Source"], mount["RW"]) == (str(app.files / "store"), True)
    app.deploy("blue")
    assert app.run("cat /data/a") == "one\n"
    app.run("echo two > /data/b")
    assert app.shop.rollback(1)["status"] == "succeeded"
    assert app.run("cat /data/a /data/b") == "one\ntwo\n"
    start_engine_again(app.shop.context)
    reconcile(app.shop.context, "engine-2")
    assert app.run("cat /data/a /data/b") == "one\ntwo\n"
    app.container().restart(timeout=1)
    assert app.run("cat /data/a /data/b") == "one\ntwo\n"
    app.container().remove(force=True)
    with app.shop.context.database.writing() as session:
        workloads.set_needs_reconcile(session, workload_id(app), True)
    reconcile(app.shop.context, "engine-2")
    assert app.run("cat /data/a /data/b") == "one\ntwo\n"


def test_an_engine_that_is_killed_in_the_middle_of_a_deploy_loses_nothing(app: App) -> None:
    app.create("./store:/data", "./more:/more")
    app.deploy()
    app.run("echo one > /data/a; echo two > /more/b")
    before = app.container().id
    app.shop.change(env={"COLOUR": "blue"})
    opened, _, _ = open_deploy(app.shop.context, app.shop.name, ME)
    code = "import sys; from tests.docker.test_compose import carry_out_in; carry_out_in(*sys.argv[1:])"
    home, address = str(app.shop.context.settings.home), app.shop.context.settings.engine_address
    engine = subprocess.Popen([sys.executable, "-c", code, home, address, str(opened.id)], cwd=ROOT)
    try:
        of_it = {"label": f"backstay.workload={app.shop.name}"}
        listed = app.shop.docker.containers.list
        wait_until(
            lambda: {one.id for one in listed(all=True, filters=of_it, ignore_removed=True)} != {before},
            60,
            "nothing began",
        )
    finally:
        engine.send_signal(signal.SIGKILL)
        engine.wait()
    start_engine_again(app.shop.context)
    reconcile(app.shop.context, "engine-2")
    assert app.run("cat /data/a /more/b") == "one\ntwo\n"


def test_a_mount_from_a_file_in_a_folder_is_relative_to_it_and_stays_in_the_repository(
    app: App, tmp_path: Path
) -> None:
    file = "deploy/sub/compose.yaml"
    of_repository(app, tmp_path, {file: app.text("../../store:/data"), "store/seed": "s"}, file)
    app.deploy()
    assert app.run("cat /data/seed") == "s"
    app.run("echo one > /data/a")
    app.deploy("blue")
    assert app.run("cat /data/a") == "one\n"
    assert (app.files / "store" / "a").read_text() == "one\n"


@pytest.mark.parametrize("allow", [[], ["web.volumes"], ["/"], ["web.volumes", "/"]])
@pytest.mark.parametrize("source", ["../store", "../../../../../../../../../../../../../../../srv/store", "~/store"])
def test_a_path_that_leads_out_is_refused_whatever_is_allowed(
    app: App, tmp_path: Path, allow: list[str], source: str
) -> None:
    app.create(f"{source}:/data", allow=allow)
    said = app.refused()
    assert "web.volumes" in said
    assert "source.allow cannot permit" in said
    assert "list it in source.allow" not in said


def test_a_path_that_leads_out_of_the_repository_is_refused_whatever_is_allowed(app: App, tmp_path: Path) -> None:
    repository = new_repository(tmp_path / "repository", {"sub/compose.yaml": app.text("../../store:/data")})
    app.create_from(
        {"kind": "compose", "url": repository.url, "file": ["sub/compose.yaml"], "allow": ["web.volumes", "/"]}
    )
    assert "source.allow cannot permit" in app.refused()
    assert not app.files.exists()


def test_nothing_below_home_is_mounted_whatever_is_allowed(app: App, tmp_path: Path) -> None:
    home = app.shop.context.settings.home
    link = tmp_path / "link"
    link.symlink_to(home)
    (home / "files" / "another").mkdir(parents=True)
    app.create("./store:/data")
    places = [home, home / "files" / "another", home / "files" / app.shop.name / "store", home / "secret.key", link]
    allow = ["web.volumes", "web.secrets", "volumes.vol.driver_opts", "secrets.s.file", "configs.c.file"]
    for place in [*places, link / "backstay.db"]:
        app.shop.change(
            source={"kind": "compose", "text": app.text(f"{place}:/x"), "allow": [*allow, str(place), str(link)]}
        )
        assert "source.allow cannot permit" in app.refused(), place
    bind = "volumes: {vol: {driver_opts: {type: none, o: bind, device: PLACE}}}"
    others = {
        "volumes.vol.driver_opts": bind.replace("PLACE", str(home)),
        "volumes.vol.driver_opts ": bind.replace("PLACE", "./store"),
        "secrets.s.file": f"    secrets: [s]\nsecrets: {{s: {{file: {link}/secret.key}}}}",
        "secrets.s.file ": "    secrets: [s]\nsecrets: {s: {file: ./secret.key}}",
        "configs.c.file": "    configs: [c]\nconfigs: {c: {file: ../../../secret.key}}",
        "configs.c.file ": "    configs: [c]\nconfigs: {c: {file: ./secret.key}}",
    }
    for key, more in others.items():
        app.shop.change(source={"kind": "compose", "text": app.text("vol:/v", more=more), "allow": allow})
        if "driver" not in key:
            app.shop.change(source={"kind": "compose", "text": app.text(more=more), "allow": allow})
        said = app.refused()
        assert key.strip() in said, key
        assert "list it in source.allow" not in said, key
    # A directory above HOME has everything in it: naming the directory is not enough.
    app.shop.change(source={"kind": "compose", "text": app.text(f"{tmp_path}:/x"), "allow": [str(tmp_path)]})
    assert app.refused().startswith("The compose file may not use web.volumes.")


def test_a_secret_is_no_part_of_a_path(app: App) -> None:
    app.create("./${WHERE}:/data", allow=["web.volumes", "/"])
    app.shop.change(secrets={"WHERE": "../another"})
    assert "source.allow cannot permit" in app.refused()


def test_what_a_repository_holds_is_copied_once_and_never_over_what_the_app_wrote(app: App, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "compose.yaml": app.text("./conf:/conf", "./fixed:/fixed:ro", "./one.txt:/one.txt", "./all:/all"),
        "conf/site": "first",
        "conf/picture": b"\x89\xff\0",
        "conf/run.sh": "#!/bin/sh",
        "fixed/a": "first",
        "one.txt": "first",
        "all/x": "same",
    }
    repository = of_repository(app, tmp_path, files)
    app.deploy()
    assert app.run("cat /conf/site /fixed/a /one.txt") == "firstfirstfirst"
    app.run("echo mine > /conf/site")
    repository.commit({"conf/site": "second", "fixed/a": "second", "one.txt": "second"})
    app.deploy()
    assert app.run("cat /conf/site /fixed/a /one.txt") == "mine\nsecondsecond"
    told = [one for one in app.shop.messages() if "was copied" in one]
    assert len(told) == 1
    assert "./conf " in told[0] and ":ro" in told[0] and "./all" not in told[0]
    app.deploy("blue")
    assert len([one for one in app.shop.messages() if "was copied" in one]) == 1, "said once per change"


def test_as_long_as_no_container_has_used_it_the_newest_of_the_repository_is_copied(
    app: App, tmp_path: Path, images: Images
) -> None:
    image, app.image = app.image, f"{app.image}-not-there"
    repository = of_repository(app, tmp_path, {"compose.yaml": app.text("./init:/init"), "init/a.sql": "wrong"})
    assert app.shop.deploy()["status"] == "failed"
    app.image = image
    repository.commit({"compose.yaml": app.text("./init:/init"), "init/a.sql": "right"})
    app.deploy()
    assert app.run("cat /init/a.sql") == "right"
    assert not [one for one in app.shop.messages() if "was copied" in one]


def test_a_copy_does_not_leave_its_directory(app: App, tmp_path: Path) -> None:
    repository = new_repository(
        tmp_path / "repository", {"compose.yaml": app.text("./store:/data", "./way:/way"), "store/a": "a"}
    )
    (repository.path / "store" / "out").symlink_to("/etc")
    (repository.path / "store" / "near").symlink_to("a")
    (repository.path / "way").symlink_to("/etc")
    repository.commit({})
    app.create_from({"kind": "compose", "url": repository.url})
    app.deploy()
    assert sorted(one.name for one in (app.files / "store").iterdir()) == ["a", "near"]
    assert (app.files / "store" / "near").is_symlink()
    assert app.run("cat /data/near; ls /way 2>/dev/null || busybox ls /way") == "a"
    # What the app plants there leads nowhere either.
    app.run("cd /data && busybox rm -rf a && busybox ln -s /etc a")
    app.shop.change(source={"kind": "compose", "text": app.text("./store/a:/etc-of-the-host")})
    row = app.shop.deploy()
    assert (row["status"], row["error_code"]) == ("failed", "create_failed")
    assert any("./store/a" in one for one in app.shop.messages())
    assert app.run("cat /data/near 2>/dev/null || echo gone") == "gone\n"


def test_a_directory_inside_of_one_that_another_mount_can_write_is_refused(app: App) -> None:
    app.create("./store:/data", "./store/inner:/inner")
    said = app.refused()
    assert "./store/inner" in said and "web.volumes" in said
    app.shop.change(source={"kind": "compose", "text": app.text("./store:/data:ro", "./store/inner:/inner")})
    (app.files / "store" / "inner").mkdir(parents=True)
    app.deploy()
    app.shop.change(
        source={
            "kind": "compose",
            "text": app.text("./store:/data", "./store/inner:/inner"),
            "allow": ["web.volumes"],
        }
    )
    app.deploy()


def test_containers_that_could_plant_a_link_are_stopped_before_a_path_in_their_directory_is_mounted(app: App) -> None:
    app.create("./store:/data")
    app.deploy()
    # Swaps a directory and a link to the host's as fast as it can.
    app.run("busybox mkdir -p /data/x /data/y; busybox ln -s /etc /data/link")
    swap = "while :; do busybox mv /data/x /data/real; busybox mv /data/link /data/x; busybox mv /data/x /data/link; "
    app.container().exec_run(["/bin/sh", "-c", swap + "busybox mv /data/real /data/x; done"], detach=True)
    app.shop.change(source={"kind": "compose", "text": app.text("./store/x:/x")})
    for _ in range(3):
        app.shop.deploy()
        mounts = app.container().attrs["Mounts"]
        assert {one["Source"] for one in mounts} <= {str(app.files / "store"), str(app.files / "store" / "x")}
        assert app.container().exec_run(["/bin/sh", "-c", "test -e /x/passwd"]).exit_code != 0


def test_files_that_only_a_person_can_bring_are_asked_for(app: App) -> None:
    app.create("./nginx.conf:/etc/nginx.conf", "./certs:/certs:ro", "./data:/data")
    said = app.refused()
    assert f"HOME/files/{app.shop.name}" in said
    assert "./nginx.conf" in said and "./certs" in said and "./data" not in said
    (app.files / "certs").mkdir(parents=True)
    (app.files / "nginx.conf").write_text("listen")
    (app.files / "certs" / "a.pem").write_text("cert")
    app.deploy()
    assert app.run("cat /etc/nginx.conf /certs/a.pem") == "listencert"


def test_what_one_service_writes_another_reads(app: App, tmp_path: Path) -> None:
    more = f"  front: {{image: {app.image}, init: true, volumes: ['./media:/media:ro']}}\n"
    text = app.text("./media:/media", more=more)
    of_repository(app, tmp_path, {"compose.yaml": text, "media/logo": "logo"})
    app.deploy()
    app.run("echo one > /media/a")
    assert app.run("cat /media/a /media/logo", "front") == "one\nlogo"


def test_files_are_removed_with_the_workload_and_a_new_one_of_that_name_begins_with_none(app: App) -> None:
    app.create("./store:/data")
    app.deploy()
    app.run("echo one > /data/a; busybox mkdir /data/deep; busybox chmod 000 /data/deep")
    app.shop.remove()
    assert not app.files.exists()
    assert list((app.shop.context.settings.home / "files").rglob("*")) == []
    app.create("./store:/data")
    app.deploy()
    assert app.run("busybox ls /data") == ""


def test_a_removal_that_is_killed_in_the_middle_finishes_at_the_next_start(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.create("./store:/data")
    app.deploy()
    app.run("echo one > /data/a")
    asked = removal.mark(app.shop.context, app.shop.name, "tester")

    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    for place in ("shutil.rmtree", "db.workloads.remove"):  # before the files are gone; before the ledger forgets
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(place, die)
            engine_removal.carry_out(app.shop.context, asked.workload_id, app.shop.name)
        assert not removal.is_gone(app.shop.context, asked)
    assert engine_removal.carry_out(app.shop.context, asked.workload_id, app.shop.name) == "removed"
    assert list((app.shop.context.settings.home / "files").rglob("*")) == []


def test_sweep_reports_files_without_a_workload_and_removes_them_only_when_files_are_asked_for(app: App) -> None:
    context = app.shop.context
    app.create("./store:/data")
    app.deploy()
    left = context.settings.home / "files" / "of-nobody"
    (left / "store").mkdir(parents=True)
    found = [(one.leftover.kind, one.leftover.name, str(one.leftover.why), one.done) for one in sweep(context)]
    assert found == [("files", "of-nobody", "no_workload", None)]
    assert [one.done for one in sweep(context, apply=True)] == [None]
    assert left.exists()
    assert [one.done for one in sweep(context, apply=True, files=True)] == [True]
    assert not left.exists()
    assert sweep(context) == []
    assert app.files.exists()


def test_an_own_directory_is_no_other_apps(
    app: App, context: Context, images: Images, docker_client: Any, registry: RegistryServer
) -> None:
    app.create("./store:/data")
    app.deploy()
    app.run("echo one > /data/a")
    other = App(Scenario(context, docker_client, f"{app.shop.name}-2", app.shop.port), app.image)
    for source in (f"../{app.shop.name}/store", str(app.files / "store"), f"./../{app.shop.name}/store"):
        text = other.text(f"{source}:/data")
        spec = {"kind": "compose", "text": text, "allow": ["web.volumes", str(app.files), "/"]}
        if source.startswith(f"../{app.shop.name}"):
            other.create_from(spec)
        else:
            other.shop.change(source=spec)
        assert "source.allow cannot permit" in other.refused()
    other.shop.change(source={"kind": "compose", "text": other.text("./store:/data")})
    other.deploy()
    assert other.run("busybox ls /data") == ""
    other.shop.remove()
    assert app.run("cat /data/a") == "one\n"


def test_the_code_of_an_app_is_not_frozen_by_a_mount_of_the_repository(app: App, tmp_path: Path) -> None:
    built = app.text(".:/app").replace(f"image: {app.image}", "build: .")
    repository = of_repository(app, tmp_path, {"compose.yaml": built, "Dockerfile": f"FROM {app.image}\n"})
    assert "no later commit would take effect" in app.refused()
    source = {"kind": "compose", "url": repository.url}
    part = app.text("./src:/app").replace(f"image: {app.image}", "build: ./src")
    repository.commit({"compose.yaml": part, "src/Dockerfile": f"FROM {app.image}\n"})
    assert "./src" in app.refused()
    repository.commit({"compose.yaml": app.text(".:/app")})
    assert "web.volumes" in app.refused()
    app.shop.change(source=source | {"allow": ["web.volumes"]})
    app.deploy()
    assert app.run("cat /app/Dockerfile").startswith("FROM")
    repository.commit({"compose.yaml": app.text(".:/app:ro")})
    app.shop.change(source=source)
    app.deploy()
    repository.commit({"new": "n"})
    app.deploy()
    assert app.run("cat /app/new") == "n"

"""`env_file: .env` has the variables of the spec, secrets included, and what a repository has in it; includes read what
lies in the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docker.compose_app import App
from tests.docker.git_servers import new_repository

SECRET = 'it\'s $s "3" cr3t'
ODD = " $HOME ${NO} \\n 'x' \"y\" # z "


def deploy(app: App, source: dict[str, object]) -> dict[str, str]:
    """Deploy with a variable and a secret; answers what each service has for its environment, by `service.NAME`."""
    env, secrets = {"PLAIN": ODD, "LD_PRELOAD": ""}, {"SECRET": SECRET}
    app.shop.create_from({"kind": "compose"} | source, env=env, secrets=secrets, ports=[], health=app.health)
    row = app.shop.deploy()
    assert row["status"] == "succeeded", app.shop.messages()
    of_it = {"label": f"backstay.workload={app.shop.name}"}
    found = {}
    for one in app.shop.docker.containers.list(all=True, filters=of_it, ignore_removed=True):
        for variable in one.attrs["Config"]["Env"]:
            name, _, value = variable.partition("=")
            found[f"{one.labels['backstay.service']}.{name}"] = value
    return found


def is_nowhere_stored(app: App) -> bool:
    """Whether no file of HOME has the secret, or a file of variables."""
    home = app.shop.context.settings.home
    files = [path for path in home.rglob("*") if path.is_file()]
    assert not [path for path in files if path.name in {".env", "stack.env"}]
    return not [path for path in files if SECRET.encode() in path.read_bytes()]


TEXT = """
services:
  web: {image: "%(image)s", init: true, env_file: .env}
  list:
    image: "%(image)s"
    init: true
    env_file: [.env, {path: other.env, required: false}]
    environment: {PLAIN: own}
  long: {image: "%(image)s", init: true, env_file: [{path: ./.env, required: false}]}
  tool: {image: "%(image)s", init: true, env_file: [stack.env]}
  none: {image: "%(image)s", init: true}
"""


def test_each_service_of_a_text_that_names_it_gets_the_variables_of_the_spec(app: App) -> None:
    found = deploy(app, {"text": TEXT % {"image": app.image}})
    for service in ("web", "long", "tool"):
        assert (found[f"{service}.PLAIN"], found[f"{service}.SECRET"]) == (ODD, SECRET)
        assert found[f"{service}.LD_PRELOAD"] == ""
    assert (found["list.PLAIN"], found["list.SECRET"]) == ("own", SECRET)
    assert "none.PLAIN" not in found
    assert is_nowhere_stored(app)
    # A secret of today reaches it, and nothing else does.
    app.shop.change(secrets={"SECRET": "of today"}, env=None)
    assert app.shop.deploy()["status"] == "succeeded"
    assert "PLAIN" not in str(app.container("web").attrs["Config"]["Env"])
    assert app.shop.rollback(1)["status"] == "succeeded"
    assert f"PLAIN={ODD}" in app.container("web").attrs["Config"]["Env"]
    assert "SECRET=of today" in app.container("web").attrs["Config"]["Env"]


def test_a_repository_has_its_own_and_the_spec_wins(app: App, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "deploy/compose.yaml": TEXT.replace("tool:", "tool: &tool") % {"image": app.image}
        + f"  below: {{image: '{app.image}', init: true, env_file: conf/.env}}\n",
        "deploy/.env": "OF_REPOSITORY=yes\nPLAIN=of the repository\nLAST=without a line end",
        "deploy/README": "x",
    }
    repository = new_repository(tmp_path / "repository", files)
    found = deploy(app, {"url": repository.url, "file": ["deploy/compose.yaml"]})
    assert (found["web.OF_REPOSITORY"], found["web.PLAIN"], found["web.SECRET"]) == ("yes", ODD, SECRET)
    assert (found["web.LAST"], found["below.PLAIN"]) == ("without a line end", ODD)
    assert "below.OF_REPOSITORY" not in found
    assert is_nowhere_stored(app)


@pytest.mark.parametrize("file", ["web.env", "conf/web.env"])
def test_another_name_is_no_file_of_ours_and_its_absence_is_told(app: App, file: str, tmp_path: Path) -> None:
    text = f"services: {{web: {{image: '{app.image}', env_file: [.env, {file}]}}}}"
    app.create_from({"kind": "compose", "text": text})
    assert app.shop.deploy()["error_code"] == "invalid_source"
    assert f"names files that do not exist: {file} (web.env_file). " in "\n".join(app.shop.messages())
    repository = new_repository(tmp_path / "repository", {"compose.yaml": text, file: f"FROM_FILE={file}"})
    app.shop.change(source={"kind": "compose", "url": repository.url})
    assert app.shop.deploy()["status"] == "succeeded", app.shop.messages()
    assert f"FROM_FILE={file}" in app.container().attrs["Config"]["Env"]


def test_what_is_included_reads_what_lies_in_the_repository(app: App, tmp_path: Path) -> None:
    image = f"image: '{app.image}', init: true"
    files: dict[str, str | bytes] = {
        "compose.yaml": "include: [part/db.yaml, {path: part/moved.yaml, project_directory: other}]\n"
        f"services: {{web: {{{image}}}}}",
        "part/db.yaml": f"services: {{db: {{{image}, env_file: [../conf/a.env, .env], "
        "volumes: ['../conf:/conf:ro'], extends: {file: ../common/c.yaml, service: c}}}",
        "part/moved.yaml": f"services: {{moved: {{{image}, env_file: ../conf/a.env}}}}",
        "common/c.yaml": "services: {c: {image: x, env_file: ../conf/c.env}}",
        "other/README": "x",
        "conf/a.env": "A=1",
        "conf/c.env": "C=1",
    }
    repository = new_repository(tmp_path / "repository", files)
    found = deploy(app, {"url": repository.url})
    assert (found["db.A"], found["db.C"], found["moved.A"], found["db.SECRET"]) == ("1", "1", "1", SECRET)
    assert app.run("cat /conf/a.env; ls -A /conf", "db") == "A=1a.env\nc.env\n"


def test_what_lies_outside_of_the_repository_stays_outside(app: App, tmp_path: Path) -> None:
    (tmp_path / "outside.env").write_text("A=of-the-host")
    repository = new_repository(
        tmp_path / "repository",
        {
            "compose.yaml": "include: [part/db.yaml]",
            "part/db.yaml": f"services: {{db: {{image: '{app.image}', env_file: ../../outside.env}}}}",
        },
    )
    app.create_from({"kind": "compose", "url": repository.url})
    assert "cannot be deployed with db.env_file as it is" in app.refused()

"""A workload from a git repository, on a real Engine and with a real git server: there, back, and without either."""

from __future__ import annotations

import shutil
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound

from db.access.git_credentials import put
from db.messages.refusals import RefusalCode
from flows.refusals import Refusal
from flows.upkeep.housekeeping import tidy
from tasks.context import Context, now
from tasks.images import availability, build_log
from tests.docker.git_servers import Repository, new_repository, serving_git
from tests.docker.images import Images
from tests.docker.scenario import Scenario
from tests.docker.ssh_servers import serving_ssh, show_key
from tests.web.test_git_credentials import private_key

TOKEN = "tok3n-for-the-journey"


def dockerfile(base: str, *steps: str) -> str:
    """A Dockerfile that serves the file `page`."""
    return "\n".join((f"FROM {base}", "COPY page /www/index.html", *steps, ""))


def forget(client: docker.DockerClient, row: dict) -> None:
    """Remove the image of a row, whatever it is called."""
    client.images.remove(row["pin"]["image_id"], force=True)


def test_the_way_of_a_repository_from_its_first_deploy_to_its_removal(  # noqa: PLR0915 - a journey
    shop: Scenario,
    images: Images,
    docker_client: docker.DockerClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context: Context = shop.context
    base = f"{shop.name}-base:1"
    images.build_base(base)
    good = dockerfile(base, "RUN echo a step")
    repository = new_repository(tmp_path / "git" / "shop", {"app/Dockerfile": good, "app/page": "one", ".env": "x"})
    first = repository.git("rev-parse", "HEAD")
    with serving_git(tmp_path / "git", "x-access-token", TOKEN) as server:
        monkeypatch.setenv("GIT_SSL_CAINFO", str(server.certificate))
        shop.create_from({"kind": "git", "url": server.url(repository), "context": "app"})
        assert shop.deploy()["error_code"] == "auth_required"
        with context.database.writing() as session:
            put(session, server.host, "x-access-token", context.vault.lock(TOKEN), None, now())

        one = shop.deploy()
        assert (one["status"], one["verified"], shop.served()) == ("succeeded", True, "one")
        assert (one["pin"]["commit"], one["pin"]["image_from"]) == (first, "build")
        assert one["pin_short"] == first[:12]
        labels = docker_client.images.get(one["pin"]["image_id"]).labels
        assert labels["org.opencontainers.image.revision"] == first
        assert labels["org.opencontainers.image.source"] == server.url(repository)
        assert labels["org.opencontainers.image.version"] == "main"
        log = build_log.read(context.settings, 1, one["version"], 0).text
        assert "a step" in log
        assert f"Built {one['pin']['image_id']}" in log

        second = repository.commit({"app/page": "two"})
        two = shop.deploy()
        assert (two["pin"]["commit"], shop.served()) == (second, "two")

        repository.commit({"app/Dockerfile": dockerfile(base, "RUN echo no; exit 3"), "app/page": "three"})
        broken = shop.deploy()
        assert (broken["status"], broken["error_code"], shop.served()) == ("failed", "build_failed", "two")
        repository.commit({"app/Dockerfile": "", "app/page": "four"})
        assert shop.deploy()["error_code"] == "build_failed"
        shutil.move(repository.path / "app" / "Dockerfile", repository.path / "Dockerfile")
        repository.commit({})
        assert shop.deploy()["error_code"] == "invalid_source"
        assert shop.deploy(ref="nowhere")["error_code"] == "reference_not_found"

        again = shop.deploy(ref=second)
        assert (again["pin"]["image_id"], again["pin"]["image_from"]) == (two["pin"]["image_id"], "kept")
        assert any("which was built from the same source" in line for line in shop.messages())
        assert shop.served() == "two"

    # The server is off from here on, and its history was rewritten.
    _rewrite(repository)
    back = shop.rollback(one["version"])
    assert (back["status"], back["verified"], shop.served()) == ("succeeded", True, "one")
    assert (back["pin"]["image_id"], back["pin"]["image_from"]) == (one["pin"]["image_id"], "kept")

    forget(docker_client, two)
    availability.check(context)
    assert shop.row(two["version"])["rollback_blocked_by"] is None
    rebuilt = shop.rollback(two["version"])
    assert (rebuilt["status"], rebuilt["verified"], shop.served()) == ("succeeded", True, "two")
    assert (rebuilt["pin"]["commit"], rebuilt["pin"]["image_from"]) == (second, "build")
    assert rebuilt["pin"]["image_id"] != two["pin"]["image_id"]
    assert any("was rebuilt from" in line for line in shop.messages())
    # Built again it has another image id, and is the same release; the other one was left by a rollback.
    with pytest.raises(Refusal) as refused:
        shop.rollback()
    assert refused.value.code == RefusalCode.NOTHING_TO_ROLL_BACK_TO
    assert shop.rollback(one["version"])["pin"]["commit"] == first

    forget(docker_client, rebuilt)
    tidy(context)
    assert len(list(context.settings.git.glob("*.git"))) == 1
    shutil.rmtree(context.settings.git)
    availability.check(context)  # the server is away: nobody knows
    assert shop.row(two["version"])["rollback_blocked_by"] is None
    lost = shop.rollback(two["version"])
    assert (lost["status"], lost["error_code"], shop.served()) == ("failed", "source_unavailable", "one")

    ours = [row["pin"]["image_id"] for row in shop.every_row() if row["status"] == "succeeded"]
    shop.remove()
    for image_id in ours:
        with pytest.raises(ImageNotFound):
            docker_client.images.get(image_id)
    assert list(context.settings.git.glob("*.git")) == []
    assert list(context.settings.builds.iterdir()) == []
    assert list(context.settings.work.iterdir()) == []


def test_a_commit_that_nobody_has_any_more_is_pin_unavailable_and_said_beforehand(
    shop: Scenario, images: Images, docker_client: docker.DockerClient, tmp_path: Path
) -> None:
    base = f"{shop.name}-base:1"
    images.build_base(base)
    repository = new_repository(tmp_path / "shop", {"Dockerfile": dockerfile(base), "page": "one"})
    repository.commit({"page": "gone"})
    shop.create_from({"kind": "git", "url": repository.url})
    one = shop.deploy()
    repository.force_back({"page": "two"})
    two = shop.deploy()
    assert shop.served() == "two"
    repository.forget_the_past()
    forget(docker_client, one)
    shutil.rmtree(shop.context.settings.git)
    availability.check(shop.context)
    assert shop.row(one["version"])["rollback_blocked_by"] == "pin_unavailable"
    lost = shop.rollback(one["version"])
    assert (lost["status"], lost["error_code"]) == ("failed", "pin_unavailable")
    assert shop.served() == "two"
    assert shop.row(two["version"])["live"]


def test_the_way_of_a_repository_on_an_ssh_server(
    shop: Scenario, images: Images, docker_client: docker.DockerClient, tmp_path: Path
) -> None:
    context, key, host_key = shop.context, private_key(), private_key()
    base = f"{shop.name}-base:1"
    images.build_base(base)
    repository = new_repository(tmp_path / "shop", {"Dockerfile": dockerfile(base), "page": "one"})
    with serving_ssh(tmp_path / "ssh", key, host_key=host_key) as server:
        shop.create_from({"kind": "git", "url": server.url(repository)})
        assert shop.deploy()["error_code"] == "auth_required"
        wrong = private_key()
        show_key(context, server.host, wrong)
        assert shop.deploy()["error_code"] == "auth_required"
        show_key(context, server.host, key)
        one = shop.deploy()
        assert (one["status"], one["verified"], shop.served()) == ("succeeded", True, "one")
        repository.commit({"page": "two"})
        two = shop.deploy()
        assert (two["status"], shop.served()) == ("succeeded", "two")
    with serving_ssh(tmp_path / "other", key, port=server.port):
        other = shop.deploy()
        assert (other["error_code"], other["stage"], shop.served()) == ("host_key_changed", "pin", "two")
        assert shop.messages()[0] == (
            "Version 5 failed while pinning the version: the SSH server presented another key. Version 4 keeps serving."
        )
        # What is kept needs no server, whoever it is.
        assert (shop.rollback()["status"], shop.served()) == ("succeeded", "one")

    # The server is gone from here on.
    forget(docker_client, two)
    back = shop.rollback(two["version"])
    assert (back["status"], back["verified"], shop.served()) == ("succeeded", True, "two")
    assert (back["pin"]["commit"], back["pin"]["image_from"]) == (two["pin"]["commit"], "build")
    assert shop.deploy()["error_code"] == "source_unavailable"
    assert shop.served() == "two"
    for secret in (key, wrong):
        line = secret.splitlines()[2].encode()
        assert not [path for path in context.settings.home.rglob("*") if path.is_file() and line in path.read_bytes()]


def test_a_deploy_key_of_one_repository_is_used_for_that_one_and_a_refusal_names_it(
    shop: Scenario, images: Images, tmp_path: Path
) -> None:
    key, other = private_key(), private_key()
    base = f"{shop.name}-base:1"
    images.build_base(base)
    repository = new_repository(tmp_path / "acme" / "shop", {"Dockerfile": dockerfile(base), "page": "one"})
    with serving_ssh(tmp_path / "ssh", key) as server:
        shop.create_from({"kind": "git", "url": server.url(repository)})
        refused = shop.deploy()
        assert refused["error_code"] == "auth_required"
        none = f"{server.host} did not serve the repository, and no credentials that fit its address are stored."
        assert none in shop.messages()

        name = f"{server.host}{repository.path}"
        show_key(shop.context, server.host, other)  # the key of the host opens other repositories
        show_key(shop.context, name.lower(), key)
        assert shop.deploy()["status"] == "succeeded", shop.messages()
        assert shop.served() == "one"

        repository.commit({"page": "two"})
        show_key(shop.context, name.lower(), other)
        show_key(shop.context, server.host, key)
        assert shop.deploy()["error_code"] == "auth_required"
        told = f"{server.host} did not serve the repository with the credentials that are stored for {name.lower()}."
        assert told in shop.messages()
        assert not any("PRIVATE KEY" in message for message in shop.messages())


def _rewrite(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--orphan", "fresh")
    repository.commit({"app/page": "rewritten"})
    repository.git("branch", "--quiet", "-D", "main")
    repository.forget_the_past()


def test_without_a_ref_the_default_branch_of_the_server_is_deployed(
    shop: Scenario, images: Images, tmp_path: Path
) -> None:
    base = f"{shop.name}-base:1"
    images.build_base(base)
    repository = new_repository(tmp_path / "git", {"Dockerfile": dockerfile(base), "page": "of main"})
    repository.git("checkout", "--quiet", "-b", "trunk")
    newest = repository.commit({"page": "of trunk"})
    shop.create_from({"kind": "git", "url": repository.url})
    row = shop.deploy()
    assert (row["status"], row["pin"]["commit"], row["pin"]["ref"]) == ("succeeded", newest, "trunk")
    assert (row["requested"], shop.served()) == (f"{repository.url} HEAD", "of trunk")
    repository.git("checkout", "--quiet", "main")  # the server has another one now
    assert (shop.deploy()["pin"]["ref"], shop.served()) == ("main", "of main")
    assert shop.deploy(ref="trunk")["pin"]["ref"] == "trunk"
    assert shop.served() == "of trunk"
    repository.git("checkout", "--quiet", "--detach", newest)
    shop.change(source={"kind": "git", "url": repository.url})
    assert (shop.deploy()["pin"]["ref"], shop.served()) == ("HEAD", "of trunk")

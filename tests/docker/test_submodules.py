"""Submodules of a repository, from a real server: left empty and said so, or fetched, pinned and kept like the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from db.access.git_credentials import put
from flows.upkeep.housekeeping import tidy
from tasks.context import now
from tasks.images import availability
from tests.docker.git_servers import GitServer, Repository, new_repository, serving_git
from tests.docker.images import Images
from tests.docker.scenario import Scenario

DOCKERFILE = "FROM {base}\nCOPY . /www\n"


def link(repository: Repository, path: str, url: str, commit: str) -> str:
    """Add a submodule; answers the commit that has it."""
    modules = repository.path / ".gitmodules"
    before = modules.read_text() if modules.exists() else ""
    modules.write_text(f'{before}[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n')
    repository.git("add", ".gitmodules")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    repository.git("commit", "--quiet", "-m", f"add {path}")
    return repository.git("rev-parse", "HEAD")


def head(repository: Repository) -> str:
    """Its newest commit."""
    return repository.git("rev-parse", "HEAD")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What the server serves."""
    return tmp_path / "git"


@pytest.fixture
def app(shop: Scenario, images: Images, root: Path) -> Repository:
    """A repository whose pages lie in submodules: `lib`, and `deep` in that."""
    base = f"{shop.name}-base:1"
    images.build_base(base)
    deep = new_repository(root / "deep", {"index.html": "from the depth"})
    lib = new_repository(root / "lib", {"index.html": "of the library"})
    link(lib, "in/deep", "../../deep/.git", head(deep))
    app = new_repository(root / "app", {"Dockerfile": DOCKERFILE.format(base=base), "index.html": "one", "healthz": ""})
    link(app, "vendor/lib", "../../lib/.git", head(lib))
    link(app, "docs", "../../lib/.git", head(lib))
    return app


@pytest.fixture
def server(app: Repository, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitServer]:
    """The server, open to everybody."""
    with serving_git(root) as server:
        monkeypatch.setenv("GIT_SSL_CAINFO", str(server.certificate))
        yield server


def test_submodules_are_left_empty_and_named_or_fetched_pinned_and_kept(
    shop: Scenario,
    app: Repository,
    root: Path,
    docker_client: docker.DockerClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving_git(root) as server:
        monkeypatch.setenv("GIT_SSL_CAINFO", str(server.certificate))
        source = {"kind": "git", "url": server.url(app)}
        shop.create_from(source)
        bare = shop.deploy()
        assert (bare["status"], shop.served()) == ("succeeded", "one")
        assert "modules" not in bare["pin"]
        told = "Version 1: 2 submodules of the repository were left empty: docs, vendor/lib. "
        assert any(message.startswith(told) for message in shop.messages()), shop.messages()

        shop.change(source=source | {"submodules": True})
        full = shop.deploy()
        assert (full["status"], full["pin"]["image_from"]) == ("succeeded", "build"), shop.messages()
        assert shop.served("/vendor/lib/index.html") == "of the library"
        assert shop.served("/docs/in/deep/index.html") == "from the depth"
        assert sorted(one["path"] for one in full["pin"]["modules"]) == [
            *("docs", "docs/in/deep", "vendor/lib", "vendor/lib/in/deep"),
        ]
        assert not any("Version 2" in message and "left empty" in message for message in shop.messages())

        app.commit({"index.html": "three"})
        assert shop.deploy()["status"] == "succeeded"
    # The server is gone, and so is the image.
    docker_client.images.remove(full["pin"]["image_id"], force=True)
    tidy(shop.context)
    availability.check(shop.context)
    assert shop.row(2)["rollback_blocked_by"] is None
    back = shop.rollback(2)
    assert (back["status"], back["pin"]["image_from"]) == ("succeeded", "build"), shop.messages()
    assert (shop.served(), shop.served("/vendor/lib/in/deep/index.html")) == ("one", "from the depth")


@pytest.mark.parametrize(
    "url",
    [
        *("file://{root}/lib/.git", "{root}/lib/.git", "ext::sh -c 'touch {root}/trap'", "git://127.0.0.1/lib"),
        *("https://me:hunter2@127.0.0.1/lib", "http://127.0.0.1/lib", "--upload-pack=touch {root}/trap"),
    ],
)
def test_an_address_that_no_submodule_may_have_is_refused(
    shop: Scenario, server: GitServer, root: Path, url: str
) -> None:
    other = new_repository(root / "other", {"Dockerfile": "FROM scratch\n"})
    link(other, "x", url.format(root=root), "1" * 40)
    shop.create_from({"kind": "git", "url": server.url(other), "submodules": True})
    row = shop.deploy()
    assert (row["stage"], row["error_code"]) == ("pin", "invalid_source")
    assert any(message.startswith("The submodule x was not fetched: ") for message in shop.messages())
    assert "hunter2" not in str(shop.messages())
    assert not (root / "trap").exists()


def test_a_submodule_that_cannot_be_had_is_named(
    shop: Scenario, server: GitServer, root: Path, app: Repository
) -> None:
    other = new_repository(root / "other", {"Dockerfile": "FROM scratch\n"})
    link(other, "lost", "../../lib/.git", "1" * 40)
    shop.create_from({"kind": "git", "url": server.url(other), "submodules": True})
    assert shop.deploy()["error_code"] == "reference_not_found"
    assert any("The submodule lost could not be fetched: " in message for message in shop.messages())


def test_stored_credentials_go_to_no_other_host_than_that_of_the_spec(
    shop: Scenario, server: GitServer, app: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = new_repository(tmp_path / "private" / "lib", {"secret": "x"})
    with serving_git(tmp_path / "private", "x-access-token", "tok3n-of-the-other") as elsewhere:
        both = tmp_path / "both.pem"
        both.write_text(server.certificate.read_text() + elsewhere.certificate.read_text())
        monkeypatch.setenv("GIT_SSL_CAINFO", str(both))
        with shop.context.database.writing() as session:
            put(session, elsewhere.host, "x-access-token", shop.context.vault.lock("tok3n-of-the-other"), None, now())
        link(app, "private", elsewhere.url(private), head(private))
        shop.create_from({"kind": "git", "url": server.url(app), "submodules": True})
        assert shop.deploy()["error_code"] == "auth_required"
        assert elsewhere.asked
        assert not any(logged_in for _, logged_in in elsewhere.asked)


def test_the_credentials_of_the_repository_open_its_submodules_too(
    shop: Scenario, app: Repository, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving_git(root, "x-access-token", "tok3n-of-the-host") as server:
        monkeypatch.setenv("GIT_SSL_CAINFO", str(server.certificate))
        with shop.context.database.writing() as session:
            put(session, server.host, "x-access-token", shop.context.vault.lock("tok3n-of-the-host"), None, now())
        shop.create_from({"kind": "git", "url": server.url(app), "submodules": True})
        assert shop.deploy()["status"] == "succeeded"


def test_a_submodule_may_use_what_is_stored_for_its_own_owner_and_for_no_other(
    shop: Scenario, images: Images, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = f"{shop.name}-base:1"
    images.build_base(base)
    lib = new_repository(root / "acme" / "lib", {"index.html": "of the library"})
    vault = new_repository(root / "bank" / "vault", {"index.html": "secret"})
    files = {"Dockerfile": DOCKERFILE.format(base=base), "healthz": ""}
    app = new_repository(root / "acme" / "app", files)
    link(app, "lib", "../../lib/.git", head(lib))
    with serving_git(root, "x-access-token", "tok3n") as server:
        monkeypatch.setenv("GIT_SSL_CAINFO", str(server.certificate))
        with shop.context.database.writing() as session:
            for name in ("acme/app", "acme/lib", "bank/vault"):
                put(session, f"{server.host}/{name}", "x-access-token", shop.context.vault.lock("tok3n"), None, now())
        shop.create_from({"kind": "git", "url": server.url(app), "submodules": True})
        assert shop.deploy()["status"] == "succeeded", shop.messages()
        assert shop.served("/lib/index.html") == "of the library"

        server.asked.clear()
        link(app, "vault", server.url(vault), head(vault))
        assert shop.deploy()["error_code"] == "auth_required"
        assert not any(logged_in for path, logged_in in server.asked if path.startswith("/bank/"))
        said = f"{server.host} did not serve the repository, and no credentials that fit its address are stored."
        assert said in shop.messages()


def test_all_parts_together_have_the_limit_of_one_repository(
    shop: Scenario, server: GitServer, root: Path, app: Repository
) -> None:
    shop.context.settings = shop.context.settings.model_copy(update={"source_max_mb": 1})
    large = new_repository(root / "large", {"zeros": b"\0" * 600_000})
    link(app, "one", "../../large/.git", head(large))
    shop.create_from({"kind": "git", "url": server.url(app), "submodules": True})
    assert shop.deploy()["status"] == "succeeded"
    link(app, "two", "../../large/.git", head(large))
    assert shop.deploy()["error_code"] == "invalid_source"


def test_a_submodule_is_not_written_through_a_link(
    shop: Scenario, server: GitServer, root: Path, app: Repository, tmp_path: Path
) -> None:
    """A tree that has a name twice, as no git writes it: once as a link that leads out, once as a directory."""
    outside = tmp_path / "outside"
    outside.mkdir()
    lib = new_repository(root / "plain", {"index.html": "x"})
    evil = new_repository(root / "evil", {"Dockerfile": "FROM scratch\n"})
    link(evil, "a/b", "../../plain/.git", head(lib))
    inner = evil.git("rev-parse", "HEAD:a")
    target = evil.git("hash-object", "-w", "--stdin", stdin=str(outside))
    rest = "\n".join(line for line in evil.git("ls-tree", "HEAD").splitlines() if not line.endswith("\ta"))
    tree = evil.git("mktree", "--missing", stdin=f"{rest}\n120000 blob {target}\ta\n040000 tree {inner}\ta\n")
    commit = evil.git("commit-tree", tree, "-m", "evil")
    evil.git("update-ref", "refs/heads/main", commit)
    shop.create_from({"kind": "git", "url": server.url(evil), "submodules": True})
    row = shop.deploy()
    assert row["status"] == "failed"
    assert list(outside.iterdir()) == []


def test_a_static_site_has_them_too(
    shop: Scenario, images: Images, server: GitServer, root: Path, app: Repository
) -> None:
    base = f"{shop.name}-base:1"
    shop.context.settings = shop.context.settings.model_copy(update={"static_image": base, "static_root": "/www"})
    shop.create_from({"kind": "static", "url": server.url(app)})
    assert shop.deploy()["status"] == "succeeded"
    assert any("2 submodules of the repository were left empty" in message for message in shop.messages())
    shop.change(source={"kind": "static", "url": server.url(app), "submodules": True})
    assert shop.deploy()["status"] == "succeeded"
    assert shop.served("/docs/in/deep/index.html") == "from the depth"


def test_a_service_that_is_built_has_them_too(
    shop: Scenario, server: GitServer, app: Repository, docker_client: docker.DockerClient
) -> None:
    app.commit({"compose.yaml": f"services: {{web: {{build: ., ports: ['127.0.0.1:{shop.port}:8080']}}}}"})
    link(app, "again", "../../lib/.git", head(Repository(app.path.parent / "lib")))
    source = {"kind": "compose", "url": server.url(app)}
    shop.create_from(source, ports=[], health={"running_s": 0.5})
    assert shop.deploy()["status"] == "succeeded", shop.messages()
    assert any("submodules of the repository were left empty" in message for message in shop.messages())
    shop.change(source=source | {"submodules": True})
    row = shop.deploy()
    assert row["status"] == "succeeded", shop.messages()
    assert shop.served_at_last("/again/in/deep/index.html") == "from the depth"
    assert shop.deploy()["status"] == "succeeded"
    shop.change(source=source)
    assert shop.deploy()["status"] == "succeeded"
    docker_client.images.remove(row["pin"]["services"]["web"]["image_id"], force=True)
    back = shop.rollback(2)
    assert (back["status"], back["pin"]["image_from"]) == ("succeeded", "build"), shop.messages()
    assert shop.served_at_last("/again/in/deep/index.html") == "from the depth"

"""Git LFS pointers: what a deploy builds, serves or mounts is looked through, and the event log names the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.git.lfs import is_pointer, pointers
from tasks.kinds.lfs_pointers import used_by
from tests.docker.compose_app import App
from tests.docker.git_servers import new_repository
from tests.docker.images import Images
from tests.docker.scenario import Scenario

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
DOCKERFILE = "FROM {base}\nCOPY . /www\n"


def said(shop: Scenario) -> list[str]:
    """What the event log says of pointers, newest first."""
    return [message for message in shop.messages() if "Git LFS" in message]


def about(version: int, path: str, count: int) -> str:
    return (
        f"Version {version}: {path} is a Git LFS pointer, its content is not in the repository. Number of pointers: "
        f"{count}. Backstay does not fetch from Git LFS."
    )


@pytest.mark.parametrize(
    ("text", "is_one"),
    [(POINTER, True), (POINTER + "x" * 1000, False), ("version 2", False), ("", False), (POINTER[:43], False)],
)
def test_a_pointer_is_known_by_its_first_line_and_its_size(tmp_path: Path, text: str, is_one: bool) -> None:
    (tmp_path / "a").write_text(text)
    (tmp_path / "link").symlink_to("a")
    assert is_pointer(tmp_path / "a") is is_one
    assert pointers(tmp_path, [tmp_path, tmp_path / "a", tmp_path / "link"]) == (["a"] if is_one else [])
    assert not is_pointer(tmp_path / "gone")


def test_what_a_compose_file_uses_is_what_it_mounts_and_what_its_images_are_built_from(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    for name in ("Dockerfile", ".dockerignore", "code", "raw"):
        (tmp_path / "app" / name).write_text("raw\n")
    mounts = [{"type": "bind", "source": str(tmp_path / "$$data")}, {"type": "bind", "source": "/etc/localtime"}]
    model = {
        "services": {
            "web": {
                "volumes": [*mounts, {"type": "volume", "source": "data"}],
                "build": {"context": str(tmp_path / "app")},
            },
            "db": {"image": "db:1", "build": None},
        },
        "configs": {"one": {"file": str(tmp_path / "one.conf")}, "two": {"content": "x"}},
        "secrets": {"pw": {"environment": "PW"}},
    }
    found = {path.relative_to(tmp_path).as_posix() for path in used_by(model, tmp_path) if not path.is_dir()}
    assert found == {"$data", "app/Dockerfile", "app/.dockerignore", "app/code", "one.conf"}


def test_pointers_in_what_is_built_are_said_and_what_is_ignored_is_not(
    shop: Scenario, images: Images, tmp_path: Path
) -> None:
    base = f"{shop.name}-base:1"
    images.build_base(base)
    files = {"Dockerfile": DOCKERFILE.format(base=base), "index.html": "one", "healthz": "", ".dockerignore": "raw\n"}
    repository = new_repository(tmp_path / "git", files | {"raw/film.mp4": POINTER})
    shop.create_from({"kind": "git", "url": repository.url})
    assert shop.deploy()["status"] == "succeeded"
    assert said(shop) == []
    repository.commit({"img/b.png": POINTER, "img/a.png": POINTER})
    assert shop.deploy()["status"] == "succeeded"
    assert said(shop) == [about(2, "img/a.png", 2)]


def test_pointers_in_what_is_served_are_said(shop: Scenario, images: Images, tmp_path: Path) -> None:
    base = f"{shop.name}-server:1"
    images.build_base(base)
    changes = {"static_image": base, "static_root": "/www"}
    shop.context.settings = shop.context.settings.model_copy(update=changes)
    files = {"public/index.html": "one", "public/font.woff2": POINTER, "design/film.mp4": POINTER}
    repository = new_repository(tmp_path / "git", files)
    shop.create_from({"kind": "static", "url": repository.url, "root": "public"})
    assert shop.deploy()["status"] == "succeeded"
    assert said(shop) == [about(1, "public/font.woff2", 1)]


def test_pointers_in_what_a_compose_file_mounts_are_said(app: App, tmp_path: Path) -> None:
    text = f"services: {{web: {{image: '{app.image}', volumes: ['./conf:/conf:ro', './one.bin:/one.bin']}}}}\n"
    files = {"compose.yaml": text, "conf/a": POINTER, "conf/b": "b", "one.bin": POINTER, "other.bin": POINTER}
    repository = new_repository(tmp_path / "git", files)
    app.shop.create_from({"kind": "compose", "url": repository.url}, ports=[])
    row = app.shop.deploy()
    assert row["status"] == "succeeded", app.shop.messages()
    assert said(app.shop) == [about(1, "conf/a", 2)]

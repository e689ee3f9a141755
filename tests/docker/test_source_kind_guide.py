"""docs/writing-a-source-kind.md: what its example says is what is deployed; two files and one line are all it takes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import docker
import pytest

from tasks.kinds import KINDS
from tasks.sources import kind_names
from tests.docker.images import BEHAVIOURS, LABEL, Images, image_archive
from tests.real_parts import docker_address, free_port

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "writing-a-source-kind.md"
REGISTRY = "tasks/sources/__init__.py"

# What a person does with the new kind, in a process that has the copy of the product and nothing of this one.
STORY = """
import pathlib, shutil, sys, urllib.request
from db.migrate import upgrade
from db.settings import Settings
from db.states import Trigger
from flows.dispatch import carry_out
from flows.requests import Asked, open_deploy, open_rollback
from flows.upkeep import removal as engine_removal
from flows.workloads import lifecycle, removal
from tasks import kinds
from tasks.context import Context

root, home, engine, name, port, archives = sys.argv[1:]
assert kinds.__file__.startswith(root), kinds.__file__
context = Context.open(Settings(home=pathlib.Path(home), docker_host=engine), "test", quiet=True)
upgrade(context.database)
place = pathlib.Path(home, "archives")
place.mkdir()
me = Asked(Trigger.CLI, "tester")

def expect(got, wanted):
    assert got == wanted, f"{got}, not {wanted}"

def served():
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        return answer.read().decode()

def deploy(version):
    shutil.copy(pathlib.Path(archives, version), place / "shop.tar")
    return carry_out(context, open_deploy(context, name, me)[0].id, "engine")

def rollback(version=None):
    return carry_out(context, open_rollback(context, name, me, version)[0].id, "engine")

spec = {"name": name, "source": {"kind": "archive", "file": "shop.tar"}, "stop_timeout_s": 2}
spec |= {"ports": [{"container": 8080, "host": int(port)}], "health": {"http": "/healthz", "timeout_s": 2}}
lifecycle.create(context, spec, "tester")
try:
    expect(deploy("1"), "succeeded")
    expect(deploy("2"), "succeeded")
    expect(served(), "version 2")
    expect(deploy("broken"), "health_timeout")
    expect(served(), "version 2")
    shutil.rmtree(place)
    expect(rollback(), "succeeded")  # the host has the image, so the file need not be there
    expect(served(), "version 1")
    gone = "sha256:" + sys.stdin.read()
    tags = [tag for one in context.docker.images.list_all() if one.id == gone for tag in one.tags]
    for called in tags or [gone]:
        context.docker.images.remove(called)
    expect(rollback(2), "pin_unavailable")
    expect(served(), "version 1")
    place.mkdir()
    (place / "shop.tar").write_bytes(b"no archive")
    expect(carry_out(context, open_deploy(context, name, me)[0].id, "engine"), "invalid_source")
finally:
    removed = removal.mark(context, name, "tester")
    expect(engine_removal.carry_out(context, removed.workload_id, name), "removed")
print("told")
"""


def blocks() -> list[str]:
    """The code of the page."""
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def extended(tmp_path: Path) -> Path:
    """A copy of the product with what the page adds: two files, and the line of the registry with its import."""
    for room in ("db", "tasks", "flows"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    source, kind, registration = blocks()
    (tmp_path / "tasks/sources/archive.py").write_text(source)
    (tmp_path / "tasks/kinds/archive.py").write_text(kind)
    added, line = registration.strip().split("\n\n")
    registry = (tmp_path / REGISTRY).read_text()
    changed, times = re.subn(r"^Source = .*$", line, registry, flags=re.MULTILINE)
    assert times == 1
    assert line.replace(" | ArchiveSource", "") in registry, "the page shows another line than the registry has"
    (tmp_path / REGISTRY).write_text(changed.replace("\nfrom tasks.sources.", f"\n{added}\nfrom tasks.sources.", 1))
    return tmp_path


def test_the_worked_example_deploys_fails_and_goes_back_on_a_real_engine(
    extended: Path, tmp_path_factory: pytest.TempPathFactory, images: Images, docker_client: docker.DockerClient,
    workload_name: str,
) -> None:  # fmt: skip
    archives = tmp_path_factory.mktemp("archives")
    behaviours = {"1": "ok", "2": "ok", "broken": "broken_health"}
    ids = {}
    for version, behaviour in behaviours.items():
        tag, page = f"localhost/{workload_name}:{version}", f"version {version}"
        content, ids[version] = image_archive(tag, BEHAVIOURS[behaviour], page, {LABEL: images.session})
        (archives / version).write_bytes(content)
    arguments = [str(extended), str(extended / "home"), docker_address(), workload_name, str(free_port())]
    told = subprocess.run(
        [sys.executable, "-c", STORY, *arguments, str(archives)],
        input=ids["2"].removeprefix("sha256:"),
        env={"PYTHONPATH": str(extended), "PATH": "/usr/bin:/bin"},
        cwd=extended,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.stdout == "told\n", told.stderr
    assert (
        docker_client.containers.list(
            all=True, filters={"label": f"backstay.workload={workload_name}"}, ignore_removed=True
        )
        == []
    )


def test_the_code_of_the_page_keeps_the_rules_of_the_house(extended: Path) -> None:
    files = [extended / "tasks/sources/archive.py", extended / "tasks/kinds/archive.py"]
    shutil.copy(ROOT / "pyproject.toml", extended)
    for verb in (["check"], ["format", "--check"]):
        checked = subprocess.run(
            [sys.executable, "-m", "ruff", *verb, *files], cwd=extended, capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stdout


def test_a_kind_is_one_file_here_one_file_there_and_one_line() -> None:
    for room in ("sources", "kinds"):
        files = {path.stem for path in (ROOT / "tasks" / room).glob("*.py")}
        assert set(KINDS) <= files, room
    assert tuple(KINDS) == kind_names()
    for name, kind in KINDS.items():
        assert type(kind).__module__ == f"tasks.kinds.{name}"

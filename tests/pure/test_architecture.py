"""The house rules that a machine can check, over the text of the product; each check is shown a breach as well.

What may import what is said by the contracts in pyproject.toml, see test_import_contracts.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from db.models import Base, Deploy
from tasks.docker.client import Connection, DockerEngine
from tests.pure.product_source import CONTRACTS, NOT_ROOMS, ROOMS, ROOT, Source, called, product_sources

LONGEST = 300

MOST_ENTRIES = 25


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    """Every Python file of the product."""
    found = product_sources()
    assert len(found) > 20
    return found


def offences(sources: list[Source], check: Callable[[Source], Iterator[str]]) -> list[str]:
    """What a check finds, as `module: what`."""
    return [f"{source.module}: {offence}" for source in sources for offence in check(source)]


# The checks


def relative_imports(source: Source) -> Iterator[str]:
    """An import that does not say where it goes escapes the other checks."""
    yield from (f"line {node.lineno}" for node in source.nodes if isinstance(node, ast.ImportFrom) and node.level)


def imports_by_name(source: Source) -> Iterator[str]:
    """An import whose name is a text is one that the linter does not see."""
    for node in source.nodes:
        match node:
            case ast.Call(func=function, args=[ast.Constant(value=name), *_]) if called(function) in {
                "import_module",
                "__import__",
            }:
                yield f"line {node.lineno}: {name}"


def docker_by_the_back_door(source: Source) -> Iterator[str]:
    """Outside of tasks.docker nobody puts questions to the Engine's own API: its typed methods are there for that."""
    if source.module.startswith("tasks.docker"):
        return
    for node in source.nodes:
        match node:
            case ast.ImportFrom(module=str(module), names=names):
                within = {f"{module}.{one.name}" for one in names}
                yield from within & {"tasks.docker.caller.Caller", "tasks.docker.client.Connection"}
            case ast.Attribute(attr="_connection" | "_caller"):
                yield f"line {node.lineno}: .{node.attr}"
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="docker") | ast.Name(id="docker"), attr=name)):
                if not hasattr(DockerEngine, name):
                    yield f"line {node.lineno}: docker.{name}()"


def raw_objects(part: type) -> list[str]:
    """Public methods through which an object of the SDK would leave: handed to a callable, or an untyped answer."""
    found = []
    for name, method in inspect.getmembers(part, inspect.isfunction):
        hints = get_type_hints(method)
        handed = any(get_args(one)[0] for one in hints.values() if get_origin(one) is Callable)
        if not name.startswith("_") and (handed or hints.get("return") in {None, Any}):
            found.append(name)
    return found


BECOMES_GUNICORN = ("flows.cli.processes", "execv")  # `backstay web` turns into it: nothing is run beside us


def other_ways_to_run_programs(source: Source) -> Iterator[str]:
    """os.system and friends would go around the module that runs programs with a timeout and without a shell."""
    names = r"system|popen|fork|forkpty|exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?"
    for node in source.nodes:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr=name)) if re.fullmatch(names, name):
                if (source.module, name) != BECOMES_GUNICORN:
                    yield f"os.{name}"
            case ast.Call(func=ast.Attribute(attr=name)) if name.startswith("create_subprocess_"):
                yield name
            case ast.keyword(arg="shell", value=ast.Constant(value=True)):
                yield "shell=True"


# Who answers requests: the contract of that name in pyproject.toml says what they may import.
(REQUESTING,) = [contract for contract in CONTRACTS if contract["name"].startswith("The web process and the CLI")]
# Uses of Docker that change no container: whether it answers, and the images of the demo.
HARMLESS = {("webapp.checks.readiness", "about"), ("flows.demo.__main__", "images.remove")}


def _asked_of_docker(node: ast.AST) -> str:
    """`about` of `context.docker.about`, `images.remove` of `context.docker.images.remove`."""
    match node:
        case ast.Attribute(value=ast.Attribute(value=ast.Attribute(attr="docker"), attr=part), attr=name):
            return f"{part}.{name}"
        case ast.Attribute(value=ast.Attribute(attr="docker"), attr=name):
            return name
    return ""


def container_changes(source: Source) -> Iterator[str]:
    """What the context and a source kind hand to everybody, Docker and a rollout, is the engine's to use."""
    if not any(f"{source.module}.".startswith(f"{one}.") for one in REQUESTING["source_modules"]):
        return
    harmless = [f"{asked}." for module, asked in HARMLESS if module == source.module]
    for node in source.nodes:
        match node:
            case ast.Attribute() if asked := _asked_of_docker(node):
                if not any(one.startswith(f"{asked}.") for one in harmless):
                    yield f"line {node.lineno}: .docker.{asked}"
            case ast.Attribute(attr="docker") if not harmless:
                yield f"line {node.lineno}: .docker"
            case ast.Attribute(value=ast.Attribute(attr="rollout"), attr=name):
                yield f"line {node.lineno}: .rollout.{name}"


WRITERS = {"insert", "update", "delete", "merge", "query", "bulk_insert_mappings", "bulk_update_mappings"}
# Columns that no other table has: assigning one to an object is a write when the object is a row.
OF_A_ROW = {column.name for column in Deploy.__table__.columns} - {
    column.name for table in Base.metadata.tables.values() if table is not Deploy.__table__ for column in table.columns
}
# Names that stand for something else wherever they are used: `job` is what a deploy carries from step to step.
NO_ROWS = {"self", "response", "job"}


def writes_to_the_ledger(source: Source) -> Iterator[str]:
    """Only db.ledger writes deploy_history: no other insert, update, delete, row object, assignment or SQL."""
    if source.module == "db.ledger" or source.module.startswith(("db.models", "db.migrations")):
        return
    names = {"Deploy"}
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names if alias.name == "Deploy"}
    docstrings = {
        id(node.body[0].value)
        for node in source.nodes
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }

    def is_deploy(expression: ast.expr) -> bool:
        match expression:
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in names:
                return True
            case ast.Attribute(value=inner, attr="__table__" | "__mapper__"):
                return is_deploy(inner)
            case _:
                return False

    for node in source.nodes:
        match node:
            case ast.Call(func=function) if is_deploy(function):
                yield f"line {node.lineno}: makes a Deploy"
            case ast.Call(func=function, args=[first, *_]) if called(function) in WRITERS and is_deploy(first):
                yield f"line {node.lineno}: {called(function)}(Deploy)"
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="delete" | "merge")) if "session" in name:
                yield f"line {node.lineno}: deletes or merges an object of unknown kind"
            case ast.Call(func=ast.Name(id="setattr")):
                yield f"line {node.lineno}: setattr"
            case ast.Attribute(value=owner, attr=name, ctx=ast.Store()) if name in OF_A_ROW:
                if not (isinstance(owner, ast.Name) and owner.id in NO_ROWS):
                    yield f"line {node.lineno}: assigns .{name}"
            case ast.Constant(value=str(words)) if "deploy_history" in words and id(node) not in docstrings:
                yield f"line {node.lineno}: names the table"


LOOPS = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def several_moments(source: Source) -> Iterator[str]:
    """A transaction has one moment: who opens it asks the clock once and hands the answer on, with the session."""
    functions = [node for node in source.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for function in functions if "now(" in source.text else []:
        asked = _asks_the_clock(function)
        transactions = [node for node in ast.walk(function) if isinstance(node, ast.With) and _is_writing(node)]
        again = [loop for block in transactions for loop in ast.walk(block) if isinstance(loop, LOOPS)]
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        if asked and any(argument.arg == "session" for argument in arguments):
            yield f"line {asked[0]}: {function.name} is inside a transaction, whose moment is not its own"
        elif transactions and len(asked) > 1:
            yield f"line {asked[1]}: {function.name} asks a second time"
        elif any(_asks_the_clock(loop) for loop in again):
            yield f"line {asked[0]}: {function.name} asks again and again"


def _asks_the_clock(inside: ast.AST) -> list[int]:
    return sorted(node.lineno for node in ast.walk(inside) if isinstance(node, ast.Call) and called(node.func) == "now")


def _is_writing(block: ast.With) -> bool:
    return any(
        isinstance(item.context_expr, ast.Call) and called(item.context_expr.func) == "writing" for item in block.items
    )


def missing_docstring(source: Source) -> Iterator[str]:
    """A module opens with what it does."""
    if not ast.get_docstring(source.tree):
        yield "has no docstring"


def too_long(source: Source) -> Iterator[str]:
    """A file stays short enough to be read."""
    lines = source.text.count("\n")
    if lines > LONGEST:
        yield f"{lines} lines"


def grab_bags(source: Source) -> Iterator[str]:
    """No module and no class whose name says nothing."""
    if source.module.rpartition(".")[2] in {"utils", "util", "helpers", "helper", "common", "misc"}:
        yield "is a grab bag"
    for node in source.nodes:
        if isinstance(node, ast.ClassDef) and node.name.endswith(("Manager", "Service", "Helper")):
            yield f"class {node.name}"


# The product keeps them


@pytest.mark.parametrize(
    "check",
    [
        relative_imports,
        docker_by_the_back_door,
        imports_by_name,
        other_ways_to_run_programs,
        container_changes,
        writes_to_the_ledger,
        several_moments,
        missing_docstring,
        too_long,
        grab_bags,
    ],
    ids=lambda check: check.__name__,
)
def test_the_product_keeps_the_rule(sources: list[Source], check: Callable[[Source], Iterator[str]]) -> None:
    assert offences(sources, check) == []


def test_no_folder_shows_more_than_a_stranger_can_take_in() -> None:
    assert crowded(path for room in ROOMS for path in (ROOT / room, *(ROOT / room).rglob("*")) if path.is_dir()) == []


def crowded(folders: Iterable[Path]) -> list[str]:
    """The folders with too many entries."""
    seen = [folder for folder in folders if not NOT_ROOMS & {*folder.parts}]
    return [folder.name for folder in seen if len({one.name for one in folder.iterdir()} - NOT_ROOMS) > MOST_ENTRIES]


def test_the_raw_docker_api_does_not_leave_its_room() -> None:
    engine = DockerEngine("unix:///nonexistent/docker.sock")
    parts = {DockerEngine} | {
        type(part) for name, part in vars(engine).items() if name not in {"address", "_connection"}
    }
    assert len(parts) > 4
    assert {part.__name__: raw_objects(part) for part in parts} == {part.__name__: [] for part in parts}
    assert raw_objects(Connection) == ["ask", "ask_briefly", "ask_unless"]


def test_the_house_has_its_rooms_and_no_other() -> None:
    built = {"build", "dist"}
    present = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))}
    rooms = {name for name in present if name not in built and not name.endswith(".egg-info")}
    assert rooms - {"test-artifacts"} == {*ROOMS, "tests", "docs"}


def test_the_tests_use_no_mock() -> None:
    texts = {path.name: path.read_text() for path in sorted((ROOT / "tests").rglob("*.py"))}
    assert [name for name, text in texts.items() if MOCK.search(text)] == []


MOCK = re.compile(r"^\s*(from|import) +(unittest\.mock|unittest +import +mock|mock\b|pytest_mock)", re.MULTILINE)


# And each check sees a breach

WRITING = "def f(c):\n    with c.writing() as session:\n        "


@pytest.mark.parametrize(
    ("check", "module", "text"),
    [
        (relative_imports, "tasks.x", "from . import docker_engine"),
        (docker_by_the_back_door, "tasks.x", "context.docker.ask('list', lambda api: api.containers())"),
        (docker_by_the_back_door, "tasks.x", "docker._connection.ask('list', lambda api: api.containers())"),
        (docker_by_the_back_door, "tasks.x", "from tasks.docker.client import Connection"),
        (imports_by_name, "flows.x", "import importlib\nimportlib.import_module('docker')"),
        (imports_by_name, "flows.x", "__import__('flask')"),
        (other_ways_to_run_programs, "tasks.x", "import os\nos.system('ls')"),
        (other_ways_to_run_programs, "tasks.x", "import os\nos.execvp('ls', ['ls'])"),
        (other_ways_to_run_programs, "tasks.x", "import asyncio\nasyncio.create_subprocess_exec('ls')"),
        (other_ways_to_run_programs, "tasks.system.processes", "run('ls', shell=True)"),
        (container_changes, "webapp.api.x", "context().docker.containers.stop(one)"),
        (container_changes, "webapp.api.x", "context().docker.stop(one)"),
        (container_changes, "webapp.api.x", "stop_all(context().docker)"),
        (container_changes, "webapp.checks.readiness", "context.docker.containers.stop(one)"),
        (container_changes, "flows.demo.__main__", "context.docker.images.build(one)"),
        (container_changes, "flows.cli.x", "kind_of(workload).rollout.restore(context, workload, None)"),
        (writes_to_the_ledger, "flows.x", "from sqlalchemy import update\nupdate(Deploy).values(status='failed')"),
        (writes_to_the_ledger, "flows.x", "from db import models\nsession.add(models.Deploy(version=1))"),
        (writes_to_the_ledger, "flows.x", "from db.models import Deploy as D\nD(version=1)"),
        (writes_to_the_ledger, "flows.x", "insert(Deploy.__table__)"),
        (writes_to_the_ledger, "db.x", "sa.delete(Deploy)"),
        (writes_to_the_ledger, "db.x", "session.query(Deploy).update({})"),
        (writes_to_the_ledger, "db.x", "session.delete(thing)"),
        (writes_to_the_ledger, "db.x", "found.error_code = 'internal'"),
        (writes_to_the_ledger, "db.x", "deploy.status = 'failed'"),
        (writes_to_the_ledger, "db.x", "deploy.live, other = True, 1"),
        (writes_to_the_ledger, "db.x", "setattr(deploy, 'status', 'failed')"),
        (writes_to_the_ledger, "db.x", "session.execute(text('UPDATE deploy_history SET live = true'))"),
        (several_moments, "flows.x", WRITING + "a(now())\n        b(now())"),
        (
            several_moments,
            "flows.x",
            WRITING + "a(now())\n    b(context.now())",
        ),
        (
            several_moments,
            "flows.x",
            WRITING + "[a(session, datetime.now(UTC)) for a in b]",
        ),
        (
            several_moments,
            "flows.x",
            WRITING + "for a in b:\n            a(session, now())",
        ),
        (several_moments, "flows.x", "def f(session: Session):\n    a(session, now())"),
        (missing_docstring, "db.x", "import os"),
        (too_long, "db.x", "\n" * (LONGEST + 1)),
        (grab_bags, "db.utils", ""),
        (grab_bags, "db.x", "class DeployManager: ..."),
    ],
)
def test_the_check_sees_a_breach(check: Callable[[Source], Iterator[str]], module: str, text: str) -> None:
    assert list(check(Source(module, text)))


@pytest.mark.parametrize(
    ("check", "module", "text"),
    [
        (docker_by_the_back_door, "tasks.x", "context.docker.version()\ncontext.docker.containers.stop(one, 10)"),
        (container_changes, "webapp.checks.readiness", "answer = context.docker.about"),
        (container_changes, "flows.demo.__main__", "context.docker.images.remove(one)"),
        (container_changes, "webapp.pages.x", "same = kind.rollout is other.rollout"),
        (container_changes, "flows.upkeep.x", "context.docker.containers.stop(one)"),
        (imports_by_name, "tasks.kinds", "import_module(f'{__name__}.{name}')"),
        (container_changes, "flows.upkeep.x", "context.docker.stop(one)"),
        (writes_to_the_ledger, "db.ledger", "session.add(Deploy(version=1))"),
        (writes_to_the_ledger, "db.x", '"""Reads deploy_history."""\nselect(Deploy).where(Deploy.live)'),
        (writes_to_the_ledger, "db.x", "update(Workload).values(last_version=1)"),
        (writes_to_the_ledger, "db.x", "delete(Sample)"),
        (writes_to_the_ledger, "db.x", "row.username = 'ann'"),
        (
            several_moments,
            "flows.x",
            WRITING + "moment = now()\n        a(moment)",
        ),
        (several_moments, "flows.x", "def f(c):\n    with c.reading() as session:\n        a(now())\n    b(now())"),
        (several_moments, "flows.x", "def f(session, moment):\n    a(session, moment)"),
        (too_long, "db.x", "\n" * LONGEST),
    ],
)
def test_the_check_lets_pass_what_is_right(check: Callable[[Source], Iterator[str]], module: str, text: str) -> None:
    assert list(check(Source(module, text))) == []


def test_a_folder_that_shows_too_much_is_seen(tmp_path: Path) -> None:
    for number in range(MOST_ENTRIES):
        (tmp_path / f"{number}.py").touch()
    (tmp_path / "__init__.py").touch()
    assert crowded([tmp_path]) == []
    (tmp_path / "one_more").mkdir()
    assert crowded([tmp_path]) == [tmp_path.name]


@pytest.mark.parametrize("line", ["from unittest import mock", "import unittest.mock", "    from mock import Mock"])
def test_a_mock_is_seen(line: str) -> None:
    assert MOCK.search(f"import os\n{line}\n")

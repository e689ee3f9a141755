"""The Python files of the product as text and as syntax, for the tests that hold the rules of the house."""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("db", "tasks", "flows", "webapp")
NOT_ROOMS = {"static", "templates", "translations", "versions", "__pycache__", "__init__.py"}
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


@dataclass(frozen=True)
class Source:
    """One file of the product."""

    module: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All of its syntax nodes."""
        return list(ast.walk(self.tree))

    @property
    def is_declared_pure(self) -> bool:
        """Whether its docstring says "Pure." or "Pure: …"."""
        return re.search(r"\bPure[.:]", ast.get_docstring(self.tree) or "") is not None


def called(function: ast.expr) -> str:
    """The last part of the name of what is called."""
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def product_sources() -> list[Source]:
    """Every Python file of the product."""
    return [
        Source(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path.read_text())
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
    ]

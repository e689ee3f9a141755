"""What services of a compose file are built from: inside the checkout, with a Dockerfile, without secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks.compose.builds import relative


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout beside something that is none of its business."""
    tree = tmp_path / "tree"
    for path in (tmp_path / "outside/Dockerfile", tree / "Dockerfile", tree / "app/Dockerfile", tree / "app/of/Dev"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("FROM x")
    (tree / "bare").mkdir()
    (tree / "out").symlink_to("../outside")
    (tree / "loop").symlink_to("loop")
    (tree / "app/link").symlink_to("../Dockerfile")
    return tree


@pytest.mark.parametrize(
    ("context", "build", "found"),
    [
        (".", {}, {"context": ".", "args": {}}),
        ("app", {"dockerfile": "Dockerfile"}, {"context": "app", "dockerfile": "Dockerfile", "args": {}}),
        ("app", {"dockerfile": "./of/Dev"}, {"context": "app", "dockerfile": "of/Dev", "args": {}}),
        ("app", {"dockerfile": "of/../of/Dev", "tags": ["x"]}, {"context": "app", "dockerfile": "of/Dev", "args": {}}),
        ("app", {"args": {"A": "5$$", "B": "$${X}", "C": 1, "D": None}, "target": "t"},
         {"context": "app", "target": "t", "args": {"A": "5$", "B": "${X}", "C": "1"}}),
        ("bare", {}, None),
        ("nowhere", {}, None),
        ("out", {}, None),
        ("loop", {}, None),
        ("../outside", {}, None),
        ("app", {"dockerfile": "../Dockerfile"}, None),
        ("app", {"dockerfile": "link"}, None),
        ("app", {"dockerfile": "../../outside/Dockerfile"}, None),
        ("app", {"dockerfile": "of"}, None),
        ("app", {"args": {"A": "x${TOKEN}"}}, None),
        ("app", {"args": {"A": "$$${TOKEN}"}}, None),
        *(("app", {key: "x"}, None) for key in (
            "dockerfile_inline", "secrets", "ssh", "network", "privileged", "additional_contexts", "entitlements")),
    ],
)  # fmt: skip
def test_what_is_built_lies_in_the_checkout_and_anything_else_is_refused(
    tree: Path, context: str, build: dict[str, Any], found: dict[str, Any] | None
) -> None:
    built = relative({"web": build | {"context": str(tree / context)}}, tree)
    assert built == (({"web": found}, []) if found else ({}, ["web"]))
    assert relative({"web": {"context": "https://git.example/x.git"}, "db": {}}, tree) == ({}, ["web", "db"])

"""What a rollback makes of a spec with changes that nobody has deployed."""

from __future__ import annotations

from typing import Any

import pytest

from flows.undeployed import taken_back, undeployed_keys
from tasks.specs import parse_spec, public, release_of


def spec(image: str = "shop:1", **keys: Any) -> dict[str, Any]:
    """A stored spec."""
    return public(parse_spec({"name": "shop", "source": {"kind": "image", "image": image}, **keys}))


def release(image: str = "shop:1", **keys: Any) -> dict[str, Any]:
    """A stored release."""
    return release_of(spec(image, **keys), [])


PORT = [{"container": 80}]


@pytest.mark.parametrize(
    ("mine", "live", "target", "after"),
    [
        pytest.param(spec("shop:2"), release("shop:2"), release("shop:1"), spec("shop:1"), id="nothing is pending"),
        pytest.param(
            spec("shop:2", env={"A": "2", "MINE": "1"}),
            release("shop:2", env={"A": "2"}),
            release("shop:1", env={"A": "1"}),
            spec("shop:1", env={"A": "1", "MINE": "1"}),
            id="a new variable stays pending, the others go back",
        ),
        pytest.param(
            spec("shop:2", env={"A": "3"}),
            release("shop:2", env={"A": "2"}),
            release("shop:1", env={"A": "1"}),
            spec("shop:1", env={"A": "3"}),
            id="a changed variable stays as the person wants it",
        ),
        pytest.param(
            spec("shop:2"),
            release("shop:2", env={"A": "2"}),
            release("shop:1", env={"A": "1", "B": "1"}),
            spec("shop:1", env={"B": "1"}),
            id="a removed variable stays removed",
        ),
        pytest.param(
            spec("shop:3"), release("shop:2"), release("shop:1"), spec("shop:3"), id="a new image stays pending"
        ),
        pytest.param(
            spec(ports=PORT, auto_rollback=True),
            release(),
            release(init=True),
            spec(ports=PORT, init=True, auto_rollback=True),
            id="a key that is a whole, and keys that are no release's",
        ),
        pytest.param(
            spec(),
            release(ports=PORT),
            release(ports=PORT, health={"http": "/"}),
            spec(),
            id="where the two contradict each other the person's stays",
        ),
    ],
)
def test_a_rollback_takes_back_the_release_and_keeps_what_is_pending(
    mine: dict[str, Any], live: dict[str, Any], target: dict[str, Any], after: dict[str, Any]
) -> None:
    assert taken_back(mine, [], live, target) == after


def test_a_variable_that_is_a_secret_by_now_does_not_come_back_as_a_variable() -> None:
    mine = spec("shop:2")
    assert taken_back(mine, ["TOKEN"], release("shop:2"), release("shop:1", env={"TOKEN": "1"})) == mine


def test_what_is_pending_is_named_by_key() -> None:
    mine = spec("shop:2", env={"A": "1", "NEW": "x"}, ports=PORT)
    assert undeployed_keys(mine, ["S"], release("shop:2", env={"A": "1"})) == ["env.NEW", "ports", "secrets.S"]
    assert undeployed_keys(mine, [], None) == []
    assert undeployed_keys(spec(), [], release() | {"ports": [], "command": None, "labels": {}}) == []

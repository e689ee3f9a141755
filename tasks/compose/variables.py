"""How the variables of a spec reach Docker Compose: through env files that hold names and no values. Pure.

A variable in the program's environment may steer the program itself (LD_PRELOAD, GODEBUG, HOME, DOCKER_HOST), and one
that the program needs there would be visible to a compose file. So the values stand in the environment under names that
mean nothing, and an env file gives them their own: what Docker Compose inserts there, it does not read once more, so
each value arrives as it is, whatever quotes, dollars and lines are in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tasks.sources.compose import is_reserved

_PREFIX = "_BACKSTAY_VALUE_"


def handed_over(variables: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return an env file and the environment that it takes its values from. Names of Docker Compose are left out."""
    given = [(name, value) for name, value in variables.items() if not is_reserved(name)]
    lines = [f'{name}="${{{_PREFIX}{at}}}"\n' for at, (name, _) in enumerate(given)]
    return "".join(lines), {f"{_PREFIX}{at}": value for at, (_, value) in enumerate(given)}


def passed_on(names: Iterable[str]) -> str:
    """Return an env file for services that gives them these variables with the values that the compose file sees."""
    return "".join(f'{name}="${{{name}}}"\n' for name in names if not is_reserved(name))

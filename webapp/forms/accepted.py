"""The tick below a refused form with which a person permits what may be permitted. Pure."""

from __future__ import annotations

ACCEPT = "accept_allow"


def field_of(kind: str) -> str:
    """Return the field that lists what is permitted."""
    return "compose.allow" if kind == "compose" else "allow"


def ticked_at(kind: str) -> str:
    """Return the field below which the tick is shown: beside the reasons, of a compose file beside the file."""
    return "compose.text" if kind == "compose" else "allow"


def inputs_of(inputs: dict[str, str]) -> dict[str, str]:
    """Return the inputs with what was ticked put into the field; what the field has already stays."""
    ticked = inputs.get(ACCEPT, "").splitlines()
    field = field_of(inputs.get("kind", ""))
    every = dict.fromkeys(one.strip() for one in [*inputs.get(field, "").splitlines(), *ticked])
    rest = {name: value for name, value in inputs.items() if name != ACCEPT}
    return rest | {field: "\n".join(one for one in every if one)} if ticked else rest

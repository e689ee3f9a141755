"""Verbs about the installation itself: settings, doctor."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.terminal import Json, data, opened_context, say, table, text

if TYPE_CHECKING:
    from db.settings import Settings

# Up to the last @, since a password may contain one; and where PostgreSQL takes it as a parameter.
_PASSWORDS = ((re.compile(r"(://[^:/@]*):.*@"), r"\1:***@"), (re.compile(r"(?i)(password=)[^&\s]*"), r"\1***"))


def settings(as_json: Json = False) -> None:
    """Print every setting with its value, default and meaning."""
    from db.settings import load_settings

    rows = setting_rows(load_settings())
    if as_json:
        data({"settings": rows})
        return
    head = ("SETTING", "VALUE", "DEFAULT", "WHAT")
    table(head, [[row["env"], _shown(row["value"]), _shown(row["default"]), row["help"]] for row in rows])


def setting_rows(current: Settings) -> list[dict[str, Any]]:
    """Return name, variable, value, default and help of each setting; passwords masked."""
    from pydantic import SecretStr

    def masked(value: Any) -> Any:
        if isinstance(value, SecretStr):
            return "***" if value.get_secret_value() else ""
        return value if isinstance(value, int) else mask(str(value))

    return [
        {
            "name": name,
            "env": f"BACKSTAY_{name.upper()}",
            "value": masked(getattr(current, name)),
            "default": masked(field.default),
            "help": field.description,
        }
        for name, field in type(current).model_fields.items()
    ]


def mask(value: str) -> str:
    """Mask the password in an address."""
    for pattern, replacement in _PASSWORDS:
        value = pattern.sub(replacement, value)
    return value


def _shown(value: Any) -> str:
    return str(value) if value != "" else "-"


def sweep(
    apply: Annotated[
        bool, typer.Option("--apply", help="Remove what is listed; without this nothing is changed.")
    ] = False,
    files: Annotated[bool, typer.Option("--files", help="With --apply: remove files of apps as well.")] = False,
    as_json: Json = False,
) -> None:
    """List leftovers on this host: containers, networks, images, abandoned deploys, files of apps. Exit code 1 if
    --apply could not remove all of them."""
    from flows.upkeep import sweep as upkeep_sweep

    with opened_context() as context:
        found = upkeep_sweep.sweep(context, apply, files)
    if as_json:
        data({"applied": apply, "leftovers": [one.as_dict() for one in found]})
    elif found:
        table(("KIND", "WHY", "NAME"), [[one.leftover.kind, one.leftover.why, one.leftover.name] for one in found])
    stay = sum(one.done is False for one in found)
    kept = apply and any(one.done is None for one in found)
    if not kept or any(one.done is not None for one in found):
        say(_swept(sum(one.done is not None for one in found) if apply else len(found), stay, apply))
    if kept:
        say("Files of apps were kept; `backstay sweep --apply --files` removes them as well.")
    if stay:
        raise typer.Exit(1)


def _swept(total: int, stay: int, apply: bool) -> str:
    if total == 0:
        return "No leftovers."
    if not apply:
        return "Nothing was changed; `backstay sweep --apply` removes what is listed."
    return (
        f"{total} removed."
        if stay == 0
        else f"{total - stay} removed, {stay} could not be removed; see HOME/logs/cli.jsonl."
    )


def doctor(as_json: Json = False) -> None:
    """Check what Backstay needs and say how to fix what is wrong. Exit code 1 if anything is."""
    from db.settings import load_settings
    from flows.doctor import examine

    checks = examine(load_settings())
    well = all(check.ok for check in checks)
    if as_json:
        data({"ok": well, "checks": [{"name": each.name, "ok": each.ok, "detail": each.detail} for each in checks]})
    else:
        for check in checks:
            text(f"{'✓' if check.ok else '✗'} {check.name:<9} {check.detail}")
    if not well:
        say("backstay: at least one check failed; the lines marked ✗ say what to do.")
        raise typer.Exit(1)

"""The verb `apply`: workloads from a file, or what applying it would do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.tables import REFUSED, applied_lines, checked_cells
from flows.cli.terminal import Json, actor, data, opened_context, text

if TYPE_CHECKING:
    from tasks.context import Context


def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="One or more specs; - is standard input.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and every reason against it; write nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Create or change workloads from a file. Deploys nothing."""
    from dataclasses import asdict

    from flows.workloads.apply import apply_all, read_specs

    with opened_context() as context:
        beside = Path.cwd() if str(file) == "-" else file.absolute().parent
        if dry_run:
            return _rehearse(context, file, beside, as_json)
        done = []
        for applied in apply_all(context, read_specs(_read(file), context.settings.host_name, beside), actor()):
            done.append(asdict(applied))
            if not as_json:
                for line in applied_lines(asdict(applied), False):
                    text(line)
    if as_json:
        data({"workloads": done, "dry_run": False})
    return None


def _rehearse(context: Context, file: Path, beside: Path, as_json: bool) -> None:
    """Print what applying a file would do, and every reason against it. Exit code 1 if anything would be refused."""
    from dataclasses import asdict

    from flows.workloads.apply import rehearse
    from flows.workloads.check import Checked
    from tasks.sources.invalid_spec import InvalidSpec

    try:
        found = [
            {"name": one.place, **(asdict(one.applied) if one.applied else REFUSED), **checked_cells(one.checked)}
            for one in rehearse(context, _read(file), beside)
        ]
    except InvalidSpec as refused:
        found = [{"name": "file", **REFUSED, **checked_cells(Checked(list(refused.reasons)))}]
    is_fine = all(one["ok"] for one in found)
    if as_json:
        data({"workloads": found, "dry_run": True, "ok": is_fine})
    for line in [line for one in found for line in applied_lines(one, True)] if not as_json else []:
        text(line)
    if not is_fine:
        raise typer.Exit(1)


def _read(file: Path) -> str:
    from db.messages.key_problems import KeyProblem
    from tasks.sources.invalid_spec import InvalidSpec

    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        pass
    raise InvalidSpec("spec", KeyProblem.NOT_UTF8)

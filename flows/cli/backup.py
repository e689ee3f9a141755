"""Verbs that back up an installation and restore it: backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.terminal import Json, data, say, text

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup, one file.")]


def backup(
    file: File,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    files: Annotated[bool, typer.Option("--files/--no-files", help="With the files that apps store.")] = True,
    as_json: Json = False,
) -> None:
    """Back up the ledger, its keys and the files of apps into one file while everything keeps running."""
    from db.settings import load_settings
    from flows.backups import back_up
    from tasks.context import now

    manifest = back_up(load_settings(), file, now(), force=force, with_files=files)
    if as_json:
        data({"file": str(file.absolute()), "bytes": file.stat().st_size, **manifest.model_dump(mode="json")})
    else:
        text(f"{file}: {file.stat().st_size} bytes, {', '.join(manifest.members)}, revision {manifest.revision}")
    if "secret.key" in manifest.members:
        say("Anyone who has this file can open the stored secrets: keep it as safe as HOME itself.")


def restore(
    file: File,
    force: Annotated[bool, typer.Option("--force", help="Move existing state aside first.")] = False,
    as_json: Json = False,
) -> None:
    """Restore a backup into HOME. Backstay must not be running on it."""
    from db.settings import load_settings
    from flows import backups
    from tasks.context import now

    done = backups.restore(load_settings(), file, now(), force=force)
    if as_json:
        kept = str(done.kept) if done.kept else None
        made = done.manifest.model_dump(mode="json")["created_at"]
        counts = {"workloads": done.workloads, "unfinished": done.unfinished}
        apps = {"files": done.files, "files_left": done.files_left}
        data({"revision": done.revision, "created_at": made, "kept": kept, **counts, **apps})
        return
    text(f"Restored {done.workloads} workloads as of {done.manifest.created_at:%Y-%m-%d %H:%M:%S} UTC.")
    if done.unfinished:
        say(f"{done.unfinished} deploys were unfinished then; the next start marks them as interrupted.")
    if done.files:
        say(f"The files of {', '.join(done.files)} were restored.")
    if done.files_left:
        say(f"HOME has files of {', '.join(done.files_left)}; they were not replaced.")
    if done.kept:
        say(f"The previous state was moved to {done.kept}.")

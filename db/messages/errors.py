"""One plain English sentence for every error code of a deploy: what happened and what to do next. Pure.

Refused requests have a table of their own: db.messages.refusals.

The sentences are also the keys of the translations in webapp. They carry no value, so none of them can leak one.
"""

from __future__ import annotations

from db.states import ErrorCode

ERRORS: dict[ErrorCode, str] = {
    ErrorCode.SOURCE_UNAVAILABLE: "The source could not be reached; check address and network, then deploy again.",
    ErrorCode.AUTH_REQUIRED: "The source refused the credentials; store working ones for it, then deploy again.",
    ErrorCode.REFERENCE_NOT_FOUND: "The source has no such image, tag or ref; check its spelling, then deploy again.",
    ErrorCode.HOST_KEY_CHANGED: "The ssh server shows another key than the one that is known for it; find out why, "
    "replace the key in HOME/git/known_hosts if it is right, then deploy again.",
    ErrorCode.COMPOSE_MISSING: "Docker Compose 2.24 or newer was not found; install its plugin, then deploy again.",
    ErrorCode.BUILD_FAILED: "The build failed; its log says at which step and why.",
    ErrorCode.INVALID_SOURCE: "The source cannot be deployed as it is; check the spec's source, then deploy again.",
    ErrorCode.CREATE_FAILED: "Docker refused to create the container; check command, volumes and limits in the spec.",
    ErrorCode.PORT_IN_USE: "A host port is taken by another program; free it or choose another port in the spec.",
    ErrorCode.START_FAILED: "Docker could not start the container; check the command and the image.",
    ErrorCode.HOST_NOT_READY: "The Docker host lacks a program or a kernel feature that containers need; "
    "see what `backstay doctor` or the engine's log names, add it, then deploy again.",
    ErrorCode.EXITED_EARLY: "The container stopped before it became healthy; read its last log lines.",
    ErrorCode.HEALTH_TIMEOUT: "The new version did not become healthy in time; check its log, or allow more time.",
    ErrorCode.OUT_OF_MEMORY: "The container ran out of memory; raise resources.memory_mb or make it need less.",
    ErrorCode.PIN_UNAVAILABLE: "What that version was is gone from the host, and its source does not have it any more; "
    "choose another version.",
    ErrorCode.PIN_MISMATCH: "What runs is not the pinned image; deploy again, and see who else changes containers.",
    ErrorCode.ENGINE_UNREACHABLE: "Docker did not answer; start Docker on the host, then deploy again.",
    ErrorCode.ORCHESTRATOR_UNREACHABLE: "Prefect did not answer, so nothing was started; "
    "see that `backstay up` is running, then deploy again.",
    ErrorCode.INTERRUPTED: "The engine stopped during this deploy and the workload was put in order; deploy again.",
    ErrorCode.CANCELLED: "The deploy was cancelled; the previous version was left serving.",
    ErrorCode.INTERNAL: "Something in Backstay itself went wrong; the detail is in the engine's log.",
}

# What `backstay backup` and `backstay restore` refuse. Said by the CLI alone, and so not translated.
BACKUPS: dict[str, str] = {
    "ledger_elsewhere": "The ledger is not the SQLite file in HOME (BACKSTAY_DATABASE_URL names another); save it with "
    "pg_dump or its database's own tool, together with HOME/secret.key.",
    "nothing_to_back_up": "There is no ledger in HOME; check BACKSTAY_HOME.",
    "backup_exists": "There is a file of that name already; choose another name, or overwrite it with --force.",
    "ledger_damaged": "SQLite finds the ledger in HOME damaged, so nothing was saved; restore the last good backup.",
    "backup_foreign": "That file is not a backup of Backstay; nothing was changed.",
    "backup_damaged": "That backup is damaged or incomplete; nothing was changed, take another one.",
    "backup_newer": "That backup was made by a newer Backstay; nothing was changed, update this one first.",
    "home_in_use": "Backstay runs on this HOME; stop `backstay up` (the engine, the web interface), then restore.",
    "home_not_empty": "There is an installation in this HOME; set BACKSTAY_HOME to an empty directory, or move the old "
    "state aside with --force.",
}

# What came of a call of a webhook: the answer to its sender, and what the page of the app says of the last one.
HOOKS: dict[str, str] = {
    "deploying": "A deploy was opened.",
    "waiting": "It is remembered and deployed as soon as what is under way has ended; a newer push takes its place.",
    "held": "Nothing was done: this version was gone back from and is held back until a person deploys it by hand.",
    "ping": "All is well: the address and the secret are right.",
    "other_event": "Nothing was done: only pushes deploy.",
    "other_branch": "Nothing was done: this hook waits for another branch.",
    "other_tag": "Nothing was done: this hook waits for another tag.",
    "other_repository": "Nothing was done: this is not the repository that the app comes from.",
    "deleted": "Nothing was done: the branch or tag was deleted.",
    "no_ref": "Nothing was done: this hook waits for a branch or tag, and the call names none.",
    "wrong_kind": "Nothing was done: what was pushed does not go with the app's source as it is now.",
    "unreadable": "Nothing was done: the body is not what such a sender sends.",
}

"""One plain English sentence for every error code of a deploy: what happened and what to do next. Pure.

Refused requests have a table of their own: db.messages.refusals.

The sentences are also the keys of the translations in webapp. They carry no value, so none of them can leak one.
"""

from __future__ import annotations

from db.states import ErrorCode

ERRORS: dict[ErrorCode, str] = {
    ErrorCode.SOURCE_UNAVAILABLE: "The source could not be reached; check its address and the network, then deploy "
    "again.",
    ErrorCode.AUTH_REQUIRED: "The source refused the credentials; store valid ones for it, then deploy again.",
    ErrorCode.REFERENCE_NOT_FOUND: "The source has no such image, tag or ref; check its spelling, then deploy again.",
    ErrorCode.REGISTRY_RATE_LIMITED: "The registry limits how often images may be requested, and the limit is "
    "reached; wait until it allows more, or store credentials for the registry, then deploy again.",
    ErrorCode.HOST_KEY_CHANGED: "The SSH server presented another key than the one known for it; find out why, "
    "replace the key in HOME/git/known_hosts if the new one is right, then deploy again.",
    ErrorCode.COMPOSE_MISSING: "Docker Compose 2.24 or newer was not found; install its plugin, then deploy again.",
    ErrorCode.BUILD_FAILED: "The build failed; the build log shows the step and the reason.",
    ErrorCode.BUILDER_TOO_OLD: "The Dockerfile uses something that this host's Docker cannot build; the event log "
    "names it and the Docker that can.",
    ErrorCode.INVALID_SOURCE: "The source cannot be deployed as it is; check the spec's source, then deploy again.",
    ErrorCode.NO_NETWORK_LEFT: "There was no address range left for the network of the app; set BACKSTAY_NETWORK_POOL "
    "to a private range that nothing else uses.",
    ErrorCode.CREATE_FAILED: "Docker refused to create the container; check command, volumes and limits in the spec.",
    ErrorCode.MOUNT_NOT_ALLOWED: "A directory of the host may not be mounted: links followed, it has to be below one "
    "that allow lists, and Backstay's own directories and Docker's socket are never mounted.",
    ErrorCode.VOLUME_MISSING: "The host does not have a volume that the spec calls existing; create it, or leave out "
    "existing.",
    ErrorCode.PORT_IN_USE: "A host port is already in use; free it or choose another port in the spec.",
    ErrorCode.START_FAILED: "Docker could not start the container; check the command and the image.",
    ErrorCode.HOST_NOT_READY: "The Docker host lacks a program or a kernel feature that containers need; see what "
    "`backstay doctor` or the engine's log names, add it, then deploy again.",
    ErrorCode.NO_SPACE: "The Docker host has no disk space left; free some (`docker system df` shows what takes it, "
    "`docker builder prune` and `docker image prune` help), then deploy again.",
    ErrorCode.EXITED_EARLY: "The container exited before it was healthy; read its last log lines.",
    ErrorCode.HEALTH_TIMEOUT: "The new version was not healthy in time; check its log, or raise health.timeout_s.",
    ErrorCode.OUT_OF_MEMORY: "The container ran out of memory; raise resources.memory_mb or reduce the memory that "
    "it uses.",
    ErrorCode.PIN_UNAVAILABLE: "That version's image is no longer on the host or at its source; choose another "
    "version.",
    ErrorCode.PIN_MISMATCH: "The running image is not the pinned one; deploy again, and find out what else changes "
    "containers on this host.",
    ErrorCode.ENGINE_UNREACHABLE: "Docker did not respond; start Docker on the host, then deploy again.",
    ErrorCode.ORCHESTRATOR_UNREACHABLE: "Prefect did not respond, so nothing was started; check that `backstay up` "
    "is running, then deploy again.",
    ErrorCode.INTERRUPTED: "The engine stopped during this deploy, and the version before it was restored; deploy "
    "again.",
    ErrorCode.CANCELLED: "The deploy was cancelled; the previous version keeps serving.",
    ErrorCode.INTERNAL: "Backstay had an internal error; the details are in the engine's log.",
}

# What `backstay backup` and `backstay restore` refuse. Shown by the CLI alone, and so not translated.
BACKUPS: dict[str, str] = {
    "ledger_elsewhere": "The ledger is not the SQLite file in HOME (BACKSTAY_DATABASE_URL names another database); "
    "back it up with pg_dump or that database's own tool, together with HOME/secret.key.",
    "nothing_to_back_up": "HOME has no ledger; check BACKSTAY_HOME.",
    "backup_exists": "A file of that name already exists; choose another name, or overwrite it with --force.",
    "ledger_damaged": "SQLite reports that the ledger in HOME is damaged, so nothing was saved; restore the last "
    "good backup.",
    "backup_foreign": "That file is not a Backstay backup; nothing was changed.",
    "backup_damaged": "That backup is damaged or incomplete; nothing was changed. Use another one.",
    "backup_newer": "That backup was made by a newer version of Backstay; nothing was changed. Upgrade this one first.",
    "home_in_use": "Backstay is running on this HOME; stop `backstay up` (or the engine and the web interface), then "
    "restore.",
    "home_not_empty": "This HOME already has an installation; set BACKSTAY_HOME to an empty directory, or move the "
    "old state aside with --force.",
}

# The outcomes of a webhook call: the answer to its sender, and the app page's text about the last one.
HOOKS: dict[str, str] = {
    "deploying": "A deploy was started.",
    "waiting": "The push is deployed when the deploy in progress has finished; a newer push replaces it.",
    "held": "Nothing was done: this version was rolled back and is blocked from automatic deploys until it is "
    "deployed by hand.",
    "ping": "The address and the secret are correct.",
    "other_event": "Nothing was done: only a push starts a deploy.",
    "other_branch": "Nothing was done: this webhook is for another branch.",
    "other_tag": "Nothing was done: this webhook is for another tag.",
    "other_repository": "Nothing was done: the app is deployed from another repository.",
    "skipped": "Nothing was done: the message of the commit asks for no deploy ([skip ci]).",
    "other_paths": "Nothing was done: the push changes no file that this webhook is for.",
    "deleted": "Nothing was done: the branch or tag was deleted.",
    "no_ref": "Nothing was done: this webhook is for a branch or tag, and the call names none.",
    "wrong_kind": "Nothing was done: the push does not match the current source of the app.",
    "unreadable": "Nothing was done: the body does not have the format of this sender.",
}

"""Every possible problem of a compose file, with both of its texts. Pure.

Beside db.messages.key_problems, which is about the keys of a spec: a clause follows one key of the file
("web.privileged reaches …"), in answers of the API and on the command line. A sentence is about all keys with the same
problem: a line of the event log, shown at the field of a form too, and translated. A problem's code is the code of that
line, so none may ever be renamed. Neither text has a place for a value of the file, which may be a secret.
"""

from __future__ import annotations

from db.messages.problem_base import Problem


class FileProblem(Problem):
    """What is wrong with a compose file, or what a check has to say of it. Each code has a clause and a sentence."""

    # What the policy refuses: the first three can be allowed.
    REFUSED = (
        "compose_refused",
        "reaches beyond the app; remove it, or list it in source.allow if it is intended",
        "The compose file may not use %(keys)s. Remove it, or list it in source.allow if it is intended.",
    )
    MOUNT_INSIDE = (
        "compose_mount_inside",
        "mounts %(path)s inside of a directory that another mount can write to; use separate directories, mount the "
        "outer one read-only, or list it in source.allow if the app is trusted",
        "The compose file mounts %(paths)s inside of a directory that another mount can write to: a link placed there "
        "would lead to any file of the host. Use separate directories, mount the outer one read-only, or list %(keys)s "
        "in source.allow if you trust the app.",
    )
    MOUNT_OF_SOURCE = (
        "compose_mount_of_source",
        "lets containers write to %(path)s, the repository or what an image is built from; mount it with :ro, or list "
        "it in source.allow to keep a copy",
        "The compose file lets containers write to %(paths)s, which is the whole repository or what an image is built "
        "from: the app would keep a copy, and no later commit would take effect. Mount it with :ro, or only the "
        "directories that hold data, or list %(keys)s in source.allow to keep a copy.",
    )
    OUT_OF_REACH = (
        "compose_out_of_reach",
        "has a path that an app cannot use, and source.allow cannot permit it; use a relative path without .., a named "
        "volume, or an absolute path outside of HOME",
        "The compose file has a path in %(keys)s that an app cannot use, and source.allow cannot permit it: it leads "
        "out of the app's own directory or the repository, lies in Backstay's HOME, or contains a secret. Use a "
        "relative path without `..`, a named volume, or an absolute path outside of HOME.",
    )
    FILES_MISSING = (
        "compose_files_missing",
        "mounts %(path)s, which does not exist; put it into HOME/files/%(workload)s on the host, or into the "
        "repository",
        "The compose file mounts %(paths)s (%(keys)s), which does not exist. Put it into "
        "HOME/files/%(workload)s on the host, or into the repository, then deploy again.",
    )
    MOUNT_UNUSABLE = (
        "compose_mount_unusable",
        "mounts %(path)s, where HOME/files/%(workload)s has a link; remove or replace it there",
        "The compose file mounts %(paths)s (%(keys)s), where HOME/files/%(workload)s has a link. Remove or replace it "
        "there.",
    )
    UNUSABLE = (
        "compose_unusable",
        "cannot be deployed as it is; change it or remove it",
        "The compose file cannot be deployed with %(keys)s as it is. Change it or remove it.",
    )
    # What the file asks for, and is not there.
    VARIABLE_REQUIRED = (
        "compose_variable_required",
        "is a variable that the compose file requires, and it has no value; set it in env or secrets",
        "The compose file requires variables that have no value: %(keys)s. Set them in env or secrets, then deploy "
        "again.",
    )
    FILE_MISSING = (
        "compose_file_missing",
        "names the file %(path)s, which does not exist",
        "The compose file names files that do not exist: %(paths)s (%(keys)s). Add them to the repository, take the "
        "key out, or use env_file: .env, which Backstay writes from the env and the secrets of the app.",
    )
    SECRET_FILE = (
        "compose_secret_file",
        "has no content: the file does not exist, or is one of Docker Swarm; store the value as a secret of the app, "
        "and write environment: NAME",
        "The compose file has secrets without a content: %(keys)s. The file does not exist, or is one of Docker Swarm. "
        "Store the value as a secret of the app, and write environment: NAME in place of it in the compose file.",
    )
    CONFIG_FILE = (
        "compose_config_file",
        "has no content: the file does not exist, or is one of Docker Swarm; write the text under content",
        "The compose file has configs without a content: %(keys)s. The file does not exist, or is one of Docker Swarm. "
        "Write the text under content in the compose file, or put the file into the repository.",
    )
    SECRET_UNUSABLE = (
        "compose_secret_unusable",
        "is a file that cannot be a secret: text of at most %(kilobytes)s kB, and not empty, is needed",
        "The repository's files of these secrets cannot be used: %(keys)s. Each must be text of at most %(kilobytes)s "
        "kB, and not empty.",
    )
    # What Docker Compose finds wrong with it.
    TOO_LARGE = (
        "compose_too_large",
        "takes more than %(megabytes)s MB of memory or %(seconds)s seconds of a processor to read, or makes a file of "
        "more than %(output)s MB; use fewer aliases, merges, includes and ranges of ports",
        "Docker Compose was stopped while it read the compose file: that took more than %(megabytes)s MB of memory or "
        "%(seconds)s seconds of a processor, or made a file of more than %(output)s MB. Use fewer aliases, merges, "
        "includes and ranges of ports.",
    )
    NOT_YAML = (
        "compose_not_yaml",
        "is not valid YAML (line %(name)s)",
        "The compose file is not valid YAML: see line %(names)s.",
    )
    UNREADABLE = (
        "compose_unreadable",
        "cannot be read reliably: it is not UTF-8, not valid YAML, or has !!binary",
        "The compose file cannot be read reliably: it is not UTF-8, not valid YAML, or has !!binary.",
    )
    NOT_A_FILE = (
        "compose_not_a_mapping",
        "must be a mapping of keys to values",
        "In the compose file, %(keys)s must be a mapping of keys to values.",
    )
    UNKNOWN_KEY = (
        "compose_unknown_key",
        "is not a key that Docker Compose knows there",
        "Docker Compose does not know these keys of the file: %(keys)s. Check their spelling and their place.",
    )
    WRONG_TYPE = (
        "compose_wrong_type",
        "has the wrong type: %(name)s is needed",
        "In the compose file, %(keys)s has the wrong type: %(names)s is needed.",
    )
    BAD_VALUE = (
        "compose_bad_value",
        "has a value that Docker Compose does not accept",
        "Docker Compose does not accept the value of %(keys)s in the file.",
    )
    BAD_VARIABLE = (
        "compose_bad_variable",
        "has a $ that begins no variable; write $$ for a plain dollar sign",
        "In the compose file, %(keys)s has a $ that begins no variable. Write $$ for a plain dollar sign.",
    )
    NO_IMAGE = (
        "compose_no_image",
        "has neither an image nor something to build",
        "Services of the compose file have neither an image nor something to build: %(keys)s.",
    )
    UNDEFINED = (
        "compose_undefined",
        "refers to %(name)s, which the file does not define",
        "The compose file refers to what it does not define: %(names)s (%(keys)s). Define it, or correct the name.",
    )
    CYCLE = (
        "compose_cycle",
        "waits for itself, by depends_on",
        "Services of the compose file wait for each other: %(keys)s. Take one depends_on out.",
    )
    EXCLUSIVE = (
        "compose_exclusive",
        "has keys that do not go together: %(name)s",
        "In the compose file, %(keys)s has keys that do not go together: %(names)s.",
    )
    TWICE = (
        "compose_twice",
        "stands there twice",
        "The same key stands twice in the compose file: %(keys)s.",
    )
    NOT_KNOWN = (
        "compose_invalid",
        "cannot be read by Docker Compose; its words are in HOME/logs/%(name)s.jsonl",
        "Docker Compose cannot read the compose file; its words are in HOME/logs/%(names)s.jsonl.",
    )
    # What a check alone has to say.
    NOT_CHECKED = (
        "compose_not_checked",
        "was not checked, because Docker Compose cannot be run here now; `backstay doctor` says more",
        "The compose file was not checked, because Docker Compose cannot be run here now; `backstay doctor` says more.",
    )
    KNOWN_AT_DEPLOY = (
        "compose_known_at_deploy",
        "is fetched at the deploy: what the file in the repository may not use shows there",
        "The repository is fetched at the deploy: what the file in it may not use shows there.",
    )
    NAMES_UNKNOWN = (
        "compose_names_unknown",
        "was not compared with the names of other containers, because Docker does not respond",
        "Names of containers were not compared with others, because Docker does not respond: %(keys)s.",
    )
    UNSET = (
        "compose_variable_unset",
        "is a variable that is not set, so it is blank or left out; set it in env or secrets",
        "Variables of the compose file are not set, so they are blank or left out: %(keys)s.",
    )
    WARNED = (
        "compose_key_warned",
        "is something that Docker Compose warns about",
        "Docker Compose warns about %(keys)s in the compose file.",
    )
    PORT_SHARED = (
        "port_shared",
        "publishes a port of the host that the app %(name)s publishes too",
        "%(keys)s publishes a port of the host that another app publishes too: %(names)s.",
    )
    SECRET_MISSING = (
        "secret_missing",
        "names the secret %(name)s, which has no value",
        "%(keys)s names secrets that have no value: %(names)s.",
    )


# What a key in source.allow permits.
ALLOWABLE = frozenset({FileProblem.REFUSED, FileProblem.MOUNT_INSIDE, FileProblem.MOUNT_OF_SOURCE})
# What depends on the host and the moment, and not on the spec.
OF_THE_HOST = frozenset({FileProblem.FILES_MISSING, FileProblem.MOUNT_UNUSABLE, FileProblem.NOT_CHECKED})
# What may be put right once the workload is there: values come in calls of their own.
MAY_COME_LATER = OF_THE_HOST | {FileProblem.VARIABLE_REQUIRED, FileProblem.SECRET_MISSING}

"""The problems of a key of a spec or of a request's body, with both of their texts. Pure.

This table and those beside it (source_problems) are the only ones: a check names a member and its limits, and no
program reads the English.
"""

from __future__ import annotations

from db.messages.problem_base import Problem


class KeyProblem(Problem):
    """See db.messages.problem_base.Problem."""

    # Any key.
    UNKNOWN_KEY = "unknown_key", "is not a known key", "This is not a setting that is known here."
    REQUIRED = "required", "is missing", "This is needed."
    EMPTY = "empty", "is empty", "This is needed."
    ONE_OF = "one_of", "must be one of %(allowed)s", "This must be one of: %(allowed)s."
    NOT_A_MAPPING = "not_a_mapping", "must be a mapping of keys to values", "This must be names with values."
    NOT_A_LIST = "not_a_list", "must be a list", "This must be a list."
    TOO_MANY = "too_many", "must have at most %(limit)s entries", "This must have at most %(limit)s entries."
    TWICE = "twice", "has the same entry twice", "The same entry stands here twice."
    NOT_TEXT = "not_text", "must be a text", "This must be text."
    QUOTE_IT = "quote_it", "must be a text: put it in quotes", "This must be text: put it in quotes."
    TOO_SHORT = "too_short", "must have at least %(limit)s characters", "This must have at least %(limit)s characters."
    TOO_LONG = "too_long", "must have at most %(limit)s characters", "This must have at most %(limit)s characters."
    BAD_PATTERN = "bad_pattern", "must match %(pattern)s", "This has characters that are not accepted here."
    NOT_ONE_LINE = "not_one_line", "must be one line of printable characters", "This must be one line."
    NOT_A_BOOLEAN = "not_a_boolean", "must be true or false", "This must be true or false."
    NOT_A_NUMBER = "not_a_number", "must be a number", "This is not a number."
    NOT_WHOLE = "not_whole", "must be a whole number", "This must be a whole number."
    AT_LEAST = "at_least", "must be at least %(limit)s", "This must be at least %(limit)s."
    MORE_THAN = "more_than", "must be more than %(limit)s", "This must be more than %(limit)s."
    AT_MOST = "at_most", "must be at most %(limit)s", "This must be at most %(limit)s."
    CONFLICTS_WITH = (
        "conflicts_with",
        "does not go together with %(other)s; give one of them",
        "This does not go together with %(other)s; give one of them.",
    )
    FIXED = "fixed", "cannot be changed", "This cannot be changed."
    NOT_ACCEPTED = "not_accepted", "is not accepted", "This is not accepted as it is; the note says what is."

    # Ports, variables, health.
    NOT_AN_ADDRESS = "not_an_address", "must be an IP address", "An address in here is no IP address."
    PORTS_OVERLAP = (
        "ports_overlap",
        "has %(one)s and %(other)s, which cannot be published together",
        "%(one)s and %(other)s cannot be published together: choose another host port for one of them.",
    )
    BAD_PORT_RANGE = (
        "bad_port_range",
        "is no usable range: to comes after container, at most %(limit)s ports, none of the host's above 65535",
        "A range of ports goes upwards, has at most %(limit)s ports, and ends at 65535 at the latest.",
    )
    IN_ENV_TOO = "in_env_too", "has %(name)s, which env has too", "A secret and a variable have the same name."
    SECRET_TOO = "secret_too", "is a secret of this workload too", "A secret and a variable have the same name."
    NOT_A_STATUS = "not_a_status", "must be like 200 or 200-399", "A status is written like 200 or 200-399."
    NOT_A_VARIABLE = (
        "not_a_variable",
        "must have letters, digits and _ . - only, and begin with a letter or _",
        "The name of a variable has letters, digits and _ . - only, and begins with a letter or _.",
    )
    ONE_CHECK = "one_check", "must have exactly one of %(allowed)s", "Say which port to ask, or give the app a port."
    PORT_NEEDS_HTTP = (
        "port_needs_http",
        "has port, host or status, which go with http only",
        "Port, host and status go with a check by HTTP only.",
    )
    NO_PORT = (
        "no_port",
        "is missing, and there is no port to take instead",
        "Say which port to ask, or give the app a port.",
    )

    # Options of a container.
    NOT_A_USER = "not_a_user", "must be user or user:group", "This must be a user or user:group."
    NOT_IN_CONTAINER = (
        "not_in_container",
        "must be an absolute path in the container, without a colon",
        "A path in the container begins with / and has no colon.",
    )
    BAD_LABEL = (
        "bad_label",
        "must be a name without spaces and =, and must not begin with backstay., which Backstay uses itself",
        "The name of a label has no spaces, and names beginning with backstay. belong to Backstay.",
    )
    NOT_A_HOST_NAME = "not_a_host_name", "must be the name of a host", "One of these names is no name of a host."
    NOT_A_HOST_ADDRESS = (
        "not_a_host_address",
        "must be an IP address, or host-gateway for the machine itself",
        "An address here must be an IP address, or host-gateway for the machine itself.",
    )
    NOT_A_VOLUME = (
        "not_a_volume",
        "must be the name of a volume: letters, digits, and _ . - inside",
        "The name of a volume has letters, digits, and _ . - inside; a directory of the host begins with /.",
    )
    ONE_VOLUME = "one_volume", "must have one of name, host_path", "Give a volume or a directory of the host."
    NOT_A_HOST_PATH = (
        "not_a_host_path",
        "must be an absolute path of the host, without .. and without a colon",
        "A directory of the host begins with /, and has no .. and no colon.",
    )
    HOST_PATH_NOT_ALLOWED = (
        "host_path_not_allowed",
        "is not below a directory that allow lists; add it there if the container may have it",
        "Directories of the host have to be allowed: list this one, or one above it, under what is allowed.",
    )
    NOT_ALLOWED = (
        "not_allowed",
        "gives the container power over the host; add %(name)s to allow if it is intended",
        "This gives the container power over the host: add %(name)s to what is allowed if it is intended.",
    )
    NOT_TO_ALLOW = (
        "not_to_allow",
        "must be cap_add, devices, privileged, or the absolute path of a directory of the host",
        "This must be cap_add, devices, privileged, or the absolute path of a directory of the host.",
    )
    NOT_A_CAPABILITY = "not_a_capability", "must be like NET_ADMIN", "A capability is written like NET_ADMIN."
    NOT_A_DEVICE = "not_a_device", "must be a path below /dev", "A device is a path below /dev."
    SOFT_ABOVE_HARD = ("soft_above_hard", "has a soft limit above the hard one", "A soft limit is above the hard one.")
    LOG_WITHOUT_FILES = (
        "log_without_files",
        "has a size or a number of files, which go with json-file and local only",
        "Size and number of files go with json-file and local only.",
    )

    # Images and repositories.
    NOT_AN_IMAGE = (
        "not_an_image",
        "must be an image reference: [host/]name[:tag][@sha256:…]",
        "This is no image reference: [host/]name[:tag].",
    )
    NOT_A_REPOSITORY = (
        "not_a_repository",
        "must be the address of a repository: https://host/path, ssh://host/path, user@host:path, file:///path",
        "This is no address like https://host/path or git@host:path.",
    )
    HAS_CREDENTIALS = (
        "has_credentials",
        "must not have credentials in it; store them for its host instead",
        "Leave the credentials out; store them under Credentials, by host.",
    )
    PROTOCOL_NOT_ALLOWED = (
        "protocol_not_allowed",
        "has the protocol %(protocol)s, which BACKSTAY_GIT_PROTOCOLS does not allow",
        "Repositories are not fetched by %(protocol)s here: BACKSTAY_GIT_PROTOCOLS does not name it.",
    )
    NOT_A_REF = (
        "not_a_ref",
        "must be a branch, a tag or the full hash of a commit",
        "This is no branch, tag or full hash of a commit.",
    )
    NOT_INSIDE = "not_inside", "must be a path inside the repository", "This must be a path inside the repository."
    NEEDS_URL = "needs_url", "goes with url only", "This goes with a repository only."

    # Static sites and uploads.
    NOT_ABSOLUTE = (
        "not_absolute",
        "must be the absolute path of a directory on the host",
        "This must be the absolute path of a directory on the host.",
    )
    NO_STATIC_ROOTS = (
        "no_static_roots",
        "is not allowed: no directory is listed in BACKSTAY_STATIC_ROOTS",
        "No directory of the host may be served yet: name those that may in BACKSTAY_STATIC_ROOTS.",
    )
    NOT_IN_STATIC_ROOTS = (
        "not_in_static_roots",
        "is in none of the directories of BACKSTAY_STATIC_ROOTS",
        "This directory may not be served: BACKSTAY_STATIC_ROOTS does not name it.",
    )
    ANOTHER_PLACE = (
        "another_place",
        "goes with no other place",
        "Say one place only: a directory, a repository, or files that are uploaded.",
    )
    TAKES_NO_FILES = ("takes_no_files", "must be static, so that it takes files", "Only a static site takes files.")
    BAD_ARCHIVE = (
        "bad_archive",
        "must be a tar or zip with files, and links that stay among them; or it is too large",
        "This is no tar or zip, has a link that leads out of it, or is too large.",
    )
    NO_SUCH_PATH = (
        "no_such_path",
        "must be a directory or a file that is there",
        "There is no directory or file of that name.",
    )

    # Compose.
    TEXT_OR_URL = (
        "text_or_url",
        "must have exactly one of text, url",
        "Give the file itself, or a repository, one of the two.",
    )
    PARTS_NEED_URL = (
        "parts_need_url",
        "has ref or file, which go with url only",
        "Branch and file go with a repository only.",
    )
    IN_COMPOSE_FILE = (
        "in_compose_file",
        "is in the compose file, service by service",
        "This is said in the compose file, service by service.",
    )
    RESERVED = (
        "reserved",
        "means something to Docker Compose itself; choose another name",
        "One of these names means something to Docker Compose; choose another.",
    )
    NOT_IN_COMPOSE = (
        "not_in_compose",
        "has a dot or a hyphen, which no compose file can refer to",
        "A compose file cannot refer to a variable with a dot or a hyphen in its name.",
    )
    COMPOSE_HEALTH = (
        "compose_health",
        "must have docker or running_s; what a service answers is for its own healthcheck",
        "Of a compose file, the services' own checks are asked, or how long they have kept running.",
    )

    # The workload or the installation.
    NO_SUCH_HOST = "no_such_host", "is not a host of this installation", "This is not a host of this installation."
    FIXED_KIND = (
        "fixed_kind",
        "cannot be changed to this one; make another workload",
        "The app cannot become one of this kind; make another app.",
    )
    WRONG_KIND = (
        "wrong_kind",
        "does not go with a workload of kind %(kind)s",
        "This does not go with an app of this kind.",
    )

    # A file of specs.
    NOT_UTF8 = "not_utf8", "is not UTF-8 text", "This is not UTF-8 text."
    NOT_YAML = "not_yaml", "is not valid YAML", "This is not valid YAML."
    NAME_REPEATED = ("name_repeated", "is that of an earlier document too", "An earlier document has this name too.")
    ONE_PATH = (
        "one_path",
        "must be one path when there is no url",
        "This must be one path when there is no repository.",
    )
    NOT_READABLE = (
        "not_readable",
        "is no readable text file beside this one",
        "There is no readable text file of that name.",
    )

    # Webhooks and credentials.
    NOT_IN_SOURCE = (
        "not_in_source",
        "goes with a source that has %(needs)s, which this workload's has not",
        "This sender does not fit the app's source.",
    )
    NO_BRANCHES = ("no_branches", "does not go with an image, which has tags", "An image has tags and no branches.")
    NOT_A_NAME_PATTERN = (
        "not_a_name_pattern",
        "must be a name or a pattern with * of at most 200 characters",
        "A name or a pattern with * of at most 200 characters.",
    )
    BAD_SECRET = (
        "bad_secret",
        "must have 6 to 255 printable characters and no spaces",
        "At least 6 printable characters, without spaces.",
    )
    NOT_A_REGISTRY_HOST = (
        "not_a_registry_host",
        "must be a registry host, with a port if it needs one",
        "This is no host of a registry: name or address, with a port if it needs one.",
    )
    NOT_A_GIT_HOST = (
        "not_a_git_host",
        "must be the host of a git server, with a port if its address has one, or a path on it: host/owner/repository",
        "This is no host and no path on one: name or address, with a port if it has one, then /owner/repository.",
    )
    NO_CREDENTIALS = (
        "no_credentials",
        "is missing, and so are token and ssh_key",
        "Type a token, a password or an SSH key.",
    )
    NOT_A_PRIVATE_KEY = (
        "not_a_private_key",
        "must be a private key without a passphrase, as ssh-keygen writes it",
        "This is no private SSH key without a passphrase.",
    )

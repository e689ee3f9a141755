"""The fields of the form for a spec, as data. To offer another source kind, give it its fields in SOURCES. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.i18n.marking import N_


@dataclass(frozen=True)
class Field:
    """One input. `name` is the input's, `shape` is text, lines, number, choice or flag; texts are to be translated."""

    name: str
    label: str
    shape: str = "text"
    hint: str = ""
    example: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    needed: bool = False
    many: bool = False  # a line a value


def source(kind: str, key: str, label: str, **more: object) -> Field:
    """A field of a source kind; its input is called after both, because kinds share keys."""
    return Field(f"{kind}.{key}", label, **more)  # type: ignore[arg-type]


_URL = N_("Address of the repository")
_REF = N_("Branch, tag or commit")
SOURCES: dict[str, tuple[Field, ...]] = {
    "image": (
        source(
            "image",
            "image",
            N_("Image"),
            needed=True,
            example="registry.example/shop:1",
            hint=N_("[host/]name[:tag]. A tag is resolved to its digest at each deploy."),
        ),
    ),
    "git": (
        source("git", "url", _URL, needed=True, example="https://git.example/shop.git"),
        source("git", "ref", _REF, example="main"),
        source("git", "context", N_("Directory to build in"), example="."),
        source("git", "dockerfile", N_("Dockerfile"), example="Dockerfile"),
    ),
    "compose": (
        source(
            "compose",
            "text",
            N_("Compose file"),
            shape="lines",
            hint=N_("The file itself; or leave this empty and say below where it lies."),
        ),
        source("compose", "url", _URL, example="https://git.example/shop.git"),
        source("compose", "ref", _REF, example="main"),
        source(
            "compose",
            "file",
            N_("Files in the repository"),
            shape="lines",
            many=True,
            example="compose.yaml",
            hint=N_("One a line; later ones are laid over earlier ones. Empty: compose.yaml."),
        ),
        source("compose", "profiles", N_("Profiles"), shape="lines", many=True, hint=N_("One a line.")),
        source(
            "compose",
            "allow",
            N_("Allowed all the same"),
            shape="lines",
            many=True,
            example="web.privileged",
            hint=N_("One a line, as a refusal names it: what would give a container more of the host."),
        ),
    ),
    "static": (
        source(
            "static",
            "path",
            N_("Directory on the host"),
            example="/srv/site",
            hint=N_("Or a repository, below. Leave both empty for files that are uploaded."),
        ),
        source("static", "url", _URL, example="https://git.example/site.git"),
        source("static", "ref", _REF, example="main"),
        source("static", "root", N_("Directory in the repository"), example="public"),
    ),
}

NAME = Field(
    "name",
    N_("Name"),
    needed=True,
    example="shop",
    hint=N_("a-z, 0-9 and -, at most 40 characters. It cannot be changed later."),
)
PORTS = Field(
    "ports",
    N_("Ports"),
    "lines",
    N_("One a line: 8080, or 18080:8080 to publish it on this machine, or 0.0.0.0:18080:8080 for everybody."),
    "18080:8080",
)
ENV = Field(
    "env",
    N_("Environment"),
    "lines",
    N_("One NAME=value a line. A value with line breaks stands in double quotes, as in JSON."),
    "LOG_LEVEL=info",
)
SECRETS = Field(
    "secrets",
    N_("New secrets"),
    "lines",
    N_("One NAME=value a line. They are kept encrypted and never shown again."),
    "DB_PASSWORD=…",
)
HEALTH = Field(
    "health",
    N_("When a new version counts as healthy"),
    "choice",
    choices=(
        ("", N_("Let Backstay choose: the image's own check, else the first port, else three seconds of running")),
        ("http", N_("When an address answers over HTTP")),
        ("tcp", N_("When a port can be connected to")),
        ("docker", N_("When the image's own health check says so")),
        ("running_s", N_("When it has kept running for some seconds")),
    ),
)
HEALTH_HTTP = Field("health.http", N_("Path for HTTP"), example="/healthz")
HEALTH_PORT = Field("health.port", N_("Port for HTTP or TCP"), "number", N_("Empty: the first port."))
HEALTH_RUNNING = Field("health.running_s", N_("Seconds of running"), "number", example="3")
HEALTH_TIMEOUT = Field("health.timeout_s", N_("Give up after seconds"), "number", example="30")
MEMORY = Field("resources.memory_mb", N_("Memory limit, MiB"), "number", N_("Empty: no limit."), "256")
CPUS = Field("resources.cpus", N_("CPU limit, cores"), "number", N_("Empty: no limit."), "0.5")
VOLUMES = Field(
    "volumes",
    N_("Volumes"),
    "lines",
    N_("One name:/path a line. Volumes stay across deploys and rollbacks."),
    "data:/var/lib/shop",
)
COMMAND = Field("command", N_("Command"), "lines", N_("One argument a line. Empty: the image's own command."))
STOP_TIMEOUT = Field("stop_timeout_s", N_("Seconds to stop in"), "number", example="10")
AUTO_ROLLBACK = Field(
    "auto_rollback",
    N_("Go back by itself"),
    "flag",
    N_("When a new version exits, restarts or runs out of memory while it is watched."),
)
WATCH = Field("watch_s", N_("Watch a new version for seconds"), "number", example="60")

# A compose file says these itself.
NOT_FOR_COMPOSE = frozenset({"ports", "resources.memory_mb", "resources.cpus", "volumes", "command"})
# What the form shows, in its groups; the source and the secrets have places of their own.
GROUPS: tuple[tuple[str, tuple[Field, ...]], ...] = (
    (N_("How it is reached"), (PORTS,)),
    (N_("What it gets"), (ENV,)),
    (N_("Health"), (HEALTH, HEALTH_HTTP, HEALTH_PORT, HEALTH_RUNNING, HEALTH_TIMEOUT)),
    (N_("Limits and data"), (MEMORY, CPUS, VOLUMES)),
    (N_("Running and going back"), (COMMAND, STOP_TIMEOUT, AUTO_ROLLBACK, WATCH)),
)
COMMON: dict[str, Field] = {
    field.name: field for field in (NAME, SECRETS, *(one for _, fields in GROUPS for one in fields))
}
EVERY: dict[str, Field] = COMMON | {field.name: field for fields in SOURCES.values() for field in fields}

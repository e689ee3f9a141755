"""The fields of the form for a spec, as data; those of the source kinds are in source_fields. Pure."""

from __future__ import annotations

from webapp.forms.field import Field
from webapp.forms.source_fields import SOURCES
from webapp.i18n.marking import N_

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
    N_(
        "One per line: 8080; 18080:8080 to publish it on this machine only; 0.0.0.0:18080:8080 to publish it on "
        "every address; 53:53/udp; 18000-18010:8000-8010."
    ),
    "18080:8080",
)
NETWORKS = Field(
    "networks",
    N_("Shared networks"),
    "lines",
    N_(
        "One name per line. Apps in the same shared network reach each other by the name of the app. Each app also "
        "has a network of its own."
    ),
    "backend",
)
ENV = Field(
    "env",
    N_("Environment"),
    "lines",
    N_(
        "One NAME=value per line, or a whole .env file: comments, export and quotes are understood, and a value in "
        "quotes may have several lines. $ is a plain character."
    ),
    "LOG_LEVEL=info",
)
SECRETS = Field(
    "secrets",
    N_("New secrets"),
    "lines",
    N_("One NAME=value per line, or a whole .env file. Stored encrypted and never shown again."),
    "DB_PASSWORD=…",
)
HEALTH = Field(
    "health",
    N_("A new version is healthy when"),
    "choice",
    choices=(
        ("", N_("automatic: the image's own check, else the first port, else three seconds of running")),
        ("http", N_("a path responds over HTTP")),
        ("tcp", N_("a port accepts connections")),
        ("docker", N_("the image's own health check passes")),
        ("running_s", N_("it has kept running for some seconds")),
    ),
)
HEALTH_HTTP = Field("health.http", N_("Path for HTTP"), example="/healthz")
HEALTH_PORT = Field("health.port", N_("Port for HTTP or TCP"), "number", N_("Empty: the first port."))
HEALTH_HOST = Field(
    "health.host", N_("Host header"), hint=N_("Empty: the address of the container."), example="shop.example"
)
HEALTH_STATUS = Field("health.status", N_("Good answers"), hint=N_("Empty: 200-399."), example="200-299, 404")
HEALTH_RUNNING = Field("health.running_s", N_("Seconds it must keep running"), "number", example="3")
HEALTH_TIMEOUT = Field(
    "health.timeout_s",
    N_("Timeout, seconds"),
    "number",
    N_("Empty: 30; for a container's own health check as long as that may need, at least 60."),
    "30",
)
MEMORY = Field("resources.memory_mb", N_("Memory limit, MiB"), "number", N_("Empty: no limit."), "256")
CPUS = Field("resources.cpus", N_("CPU limit, cores"), "number", N_("Empty: no limit."), "0.5")
VOLUMES = Field(
    "volumes",
    N_("Volumes"),
    "lines",
    N_(
        "One name:/path per line; they are kept across deploys and rollbacks. :ro at the end makes one read-only, "
        ":existing takes a volume of Docker by its own name. /srv/media:/media mounts a directory of the host, which "
        "has to be allowed under More settings."
    ),
    "data:/var/lib/shop",
)
COMMAND = Field("command", N_("Command"), "lines", N_("One argument per line. Empty: the image's own command."))
INIT = Field(
    "init",
    N_("Process 1 of the container"),
    "choice",
    choices=(
        ("", N_("automatic: Docker's init, unless the image brings one")),
        ("true", N_("Docker's init")),
        ("false", N_("the image's own program")),
    ),
)
STOP_TIMEOUT = Field("stop_timeout_s", N_("Time to stop, seconds"), "number", example="10")
AUTO_ROLLBACK = Field(
    "auto_rollback",
    N_("Roll back automatically"),
    "flag",
    N_("If a new version exits, restarts, runs out of memory or fails its health check while it is watched."),
)
WATCH = Field("watch_s", N_("Watch a new version, seconds"), "number", example="60")

ENTRYPOINT = Field(
    "entrypoint",
    N_("Entrypoint"),
    "lines",
    N_("One argument per line, instead of the image's own. The image's command is not used then: give one above."),
)
USER = Field(
    "user", N_("User"), hint=N_("Name or number, with :group if needed. Empty: the image's own."), example="1000:1000"
)
WORKING_DIR = Field("working_dir", N_("Working directory"), hint=N_("Empty: the image's own."), example="/app")
RESTART = Field(
    "restart",
    N_("When it exits"),
    "choice",
    N_("Counts once the version is live. While a new version is checked, an exit is a failure."),
    choices=(
        ("", N_("start it again, whatever the exit code")),
        ("on-failure", N_("start it again unless the exit code is 0")),
        ("no", N_("leave it stopped")),
    ),
)
LABELS = Field(
    "labels",
    N_("Labels of the container"),
    "lines",
    N_("One name=value per line. Names beginning with backstay. are taken."),
    "traefik.enable=true",
)
EXTRA_HOSTS = Field(
    "extra_hosts",
    N_("Additional host names"),
    "lines",
    N_("One name=address per line; host-gateway is the address of this machine."),
    "host.docker.internal=host-gateway",
)
READ_ONLY = Field(
    "read_only",
    N_("Read-only files"),
    "flag",
    N_("The program can write into its volumes and into directories in memory only."),
)
TMPFS = Field(
    "tmpfs",
    N_("Directories in memory"),
    "lines",
    N_("One /path per line, or /path:64 for at most 64 MiB. Empty at each start."),
    "/run:64",
)
SHM = Field("shm_mb", N_("Shared memory, MiB"), "number", N_("Empty: 64."), "256")
ULIMITS = Field(
    "ulimits",
    N_("Limits of processes"),
    "lines",
    N_("One name=limit per line, or name=soft:hard; -1 is none."),
    "nofile=65536",
)
LOG_DRIVER = Field(
    "log.driver",
    N_("Where Docker keeps the output"),
    "choice",
    choices=(
        ("", N_("in files as JSON (json-file)")),
        ("local", N_("in files, smaller (local)")),
        ("journald", N_("in the journal of the machine (journald)")),
        ("none", N_("nowhere; then there is no log to show (none)")),
    ),
)
LOG_SIZE = Field("log.max_size_mb", N_("Size of a log file, MiB"), "number", N_("Empty: 10."), "10")
LOG_FILES = Field("log.max_files", N_("Number of log files"), "number", N_("Empty: 3."), "3")
CAP_ADD = Field("cap_add", N_("Additional capabilities"), "lines", N_("One per line."), "NET_ADMIN")
DEVICES = Field("devices", N_("Devices"), "lines", N_("One per line: /dev/dri, or /dev/sda:/dev/disk:r."), "/dev/dri")
PRIVILEGED = Field(
    "privileged", N_("Privileged"), "flag", N_("The container can do everything that the host's administrator can do.")
)
ALLOW = Field(
    "allow",
    N_("Allowed"),
    "lines",
    N_(
        "One per line: cap_add, devices, privileged, and directories of the host that may be mounted. Each gives the "
        "container power over the host, so it is refused unless it is listed here."
    ),
    "/srv/media",
)

# Rarely needed: folded until one of them is given.
MORE: tuple[Field, ...] = (
    *(ENTRYPOINT, USER, WORKING_DIR, RESTART, LABELS, EXTRA_HOSTS, READ_ONLY, TMPFS, SHM, ULIMITS),
    *(LOG_DRIVER, LOG_SIZE, LOG_FILES, CAP_ADD, DEVICES, PRIVILEGED, ALLOW),
)
# A compose file sets these itself.
NOT_FOR_COMPOSE = frozenset(
    {
        *("ports", "networks", "resources.memory_mb", "resources.cpus", "volumes", "command", "init"),
        *(field.name for field in MORE),
    }
)
# The groups of the form; the source and the secrets have sections of their own.
GROUPS: tuple[tuple[str, tuple[Field, ...]], ...] = (
    (N_("Network"), (PORTS, NETWORKS)),
    (N_("Environment and secrets"), (ENV,)),
    (N_("Health"), (HEALTH, HEALTH_HTTP, HEALTH_PORT, HEALTH_HOST, HEALTH_STATUS, HEALTH_RUNNING, HEALTH_TIMEOUT)),
    (N_("Limits and data"), (MEMORY, CPUS, VOLUMES)),
    (N_("Running and rolling back"), (COMMAND, INIT, STOP_TIMEOUT, AUTO_ROLLBACK, WATCH)),
)
COMMON: dict[str, Field] = {
    field.name: field for field in (NAME, SECRETS, *(one for _, fields in GROUPS for one in fields), *MORE)
}
EVERY: dict[str, Field] = COMMON | {field.name: field for fields in SOURCES.values() for field in fields}

"""Every setting of Backstay: one table of name, default and help, read from the environment with the prefix BACKSTAY_.

Does not create directories or open anything: `ensure_home` does the first, db.connection the second.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from ipaddress import IPv4Network
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One instance per process, made by `load_settings()`. Durations are in seconds, counts are plain integers."""

    model_config = SettingsConfigDict(env_prefix="BACKSTAY_", extra="ignore", frozen=True)

    home: Path = Field(
        Path("~/.local/share/backstay"), description="Directory of all state: databases, secret key, logs."
    )
    database_url: str = Field(
        "",
        description="SQLAlchemy address of the ledger; empty means SQLite in HOME. PostgreSQL: postgresql+psycopg://…",
    )
    web_host: str = Field("127.0.0.1", description="Address that the web interface listens on.")
    web_port: int = Field(8000, ge=1, le=65535, description="Port of the web interface.")
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$",
        description="Address of the web interface as others reach it, for example behind a proxy; shown with "
        "webhooks. Empty means the address of the request.",
    )
    prefect_port: int = Field(4200, ge=1, le=65535, description="Port of the Prefect server that `backstay up` runs.")
    prefect_api_url: str = Field(
        "", description="Address of an existing Prefect API; empty means that `backstay up` runs its own."
    )
    docker_host: str = Field(
        "", description="Address of the Docker Engine; empty means DOCKER_HOST, else unix:///var/run/docker.sock."
    )
    host_name: str = Field(
        "local", pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="Name of this Docker host in workloads and queues."
    )
    stats_interval: int = Field(
        15, ge=0, le=60, description="Seconds between two samples of CPU and memory; 0 turns sampling off."
    )
    keep_deploys: int = Field(50, ge=1, description="Finished deploys kept per workload.")
    keep_images: int = Field(
        5, ge=2, description="Succeeded releases per workload whose rows and images are kept for a rollback."
    )
    keep_raw_hours: int = Field(48, ge=1, description="Hours that single samples of CPU and memory are kept.")
    keep_1min_days: int = Field(7, ge=1, description="Days that averages per minute are kept.")
    keep_15min_days: int = Field(30, ge=1, description="Days that averages per 15 minutes are kept.")
    keep_1h_days: int = Field(400, ge=1, description="Days that averages per hour are kept.")
    git_protocols: str = Field(
        "https,ssh,file",
        pattern=r"^(https|ssh|file|http)(, ?(https|ssh|file|http))*$",
        description="Protocols for fetching git repositories; unencrypted http only if listed here.",
    )
    git_timeout: int = Field(300, ge=1, description="Seconds that one step of fetching a git repository may take.")
    source_max_mb: int = Field(
        1000, ge=1, description="Maximum size of what is fetched, unpacked or uploaded for one deploy, in MB."
    )
    build_timeout: int = Field(1800, ge=1, description="Seconds that the build of an image may take.")
    build_log_kb: int = Field(1000, ge=16, description="Maximum size of the log of one build, in KB.")
    build_cache_max_gb: int = Field(
        10,
        ge=0,
        description="Size in GB that housekeeping shrinks the Docker Engine's build cache to; 0 leaves it to Docker.",
    )
    static_image: str = Field(
        "nginx:alpine",
        pattern=r"^\S+$",
        description="Web server image that serves the files of `static` sources.",
    )
    static_root: str = Field(
        "/usr/share/nginx/html",
        pattern=r'^/[^\s"\\]*[^\s"\\/]$',
        description="Directory in BACKSTAY_STATIC_IMAGE that its web server serves.",
    )
    static_roots: str = Field(
        "",
        description="Directories of this host, separated by colons, that `static` sources with a `path` may use; "
        "empty means none.",
    )
    parallel_deploys: int = Field(4, ge=1, le=32, description="Deploys of different workloads that run at once.")
    network_pool: str = Field(
        "10.213.0.0/16",
        description="Private IPv4 range that the networks of apps are cut from, 62 addresses each. Parts of it that "
        "other networks or routes of the host overlap with are left out.",
    )
    compose: str = Field(
        "", description="The docker-compose program; empty means Docker's plugin, or else the one on the path."
    )
    admin_password: SecretStr = Field(
        SecretStr(""), description="Password of the first user, admin; empty means one is generated and printed once."
    )

    @field_validator("network_pool")
    @classmethod
    def _is_ipv4_range(cls, value: str) -> str:
        return str(IPv4Network(value))

    @property
    def ledger_url(self) -> str:
        """SQLAlchemy URL of the ledger database."""
        return self.database_url or f"sqlite:///{self.home / 'backstay.db'}"

    @property
    def api_url(self) -> str:
        """Base address of the Prefect API that flows are run through."""
        return self.prefect_api_url or f"http://127.0.0.1:{self.prefect_port}/api"

    @property
    def prefect_ui_url(self) -> str:
        """Address of the Prefect UI, without a trailing slash."""
        return self.api_url.removesuffix("/").removesuffix("/api")

    @property
    def engine_address(self) -> str:
        """Address of the Docker Engine, as the Docker SDK takes it."""
        return self.docker_host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"

    @property
    def git_protocols_allowed(self) -> tuple[str, ...]:
        """The protocols of git_protocols."""
        return tuple(one.strip() for one in self.git_protocols.split(","))

    @property
    def static_roots_allowed(self) -> tuple[str, ...]:
        """The directories of static_roots, the absolute ones."""
        return tuple(one for one in self.static_roots.split(":") if one.startswith("/"))

    @property
    def work(self) -> Path:
        """Directory for the work in progress of this host's engine; cleared when it starts."""
        return self.home / "work" / self.host_name

    @property
    def files(self) -> Path:
        """Directory of what apps store in relative mounts: a directory per workload."""
        return self.home / "files"

    @property
    def git(self) -> Path:
        """Directory of the fetched commits of git repositories."""
        return self.home / "git"

    @property
    def builds(self) -> Path:
        """Directory of build logs: a directory per workload, a file per version."""
        return self.home / "builds"

    @property
    def content(self) -> Path:
        """Directory of the files of static sites, by their hash."""
        return self.home / "content"

    @property
    def logs(self) -> Path:
        """Directory of Backstay's own log files."""
        return self.home / "logs"


def load_settings() -> Settings:
    """Return the settings from the environment, HOME made absolute. Raises pydantic.ValidationError naming bad ones."""
    settings = Settings()
    return settings.model_copy(update={"home": settings.home.expanduser().absolute()})


def ensure_home(settings: Settings) -> None:
    """Create HOME and its log directory, readable by their owner only. Raises OSError when that fails."""
    for directory in (settings.home, settings.logs):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def secret_file(path: Path, make: bytes | None = None) -> bytes:
    """Return the content of a 0600 file, created with `make` (or 32 random url-safe bytes) if it is missing.

    Two processes that start at once agree: the first to link the finished file wins, the other reads it.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        content = make if make is not None else secrets.token_urlsafe(32).encode()
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return path.read_bytes()
    finally:
        draft.unlink()
    return content


def prefect_auth(settings: Settings) -> str:
    """Return `user:password` of the Prefect API, generated on first use and stored in HOME/prefect-auth."""
    if given := os.environ.get("PREFECT_API_AUTH_STRING"):
        return given
    return secret_file(settings.home / "prefect-auth", f"backstay:{secrets.token_urlsafe(18)}".encode()).decode()


def secrets_in(settings: Settings) -> list[str]:
    """Return the secrets in the settings, to be redacted: passwords of the database, of Prefect, of the first user."""
    auth = prefect_auth(settings)
    found = [settings.admin_password.get_secret_value(), auth, auth.partition(":")[2]]
    with contextlib.suppress(ValueError):  # a malformed address is refused later, with a sentence
        password = urlsplit(settings.ledger_url).password or ""
        found += [password, unquote(password)]
    return [secret for secret in found if secret]

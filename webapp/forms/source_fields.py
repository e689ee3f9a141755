"""The fields of each source kind, as data. To add a source kind, give it its fields here. Pure."""

from __future__ import annotations

from webapp.forms.field import Field
from webapp.i18n.marking import N_


def source(kind: str, key: str, label: str, **more: object) -> Field:
    """Return a field of a source kind; its input carries both names, because kinds share keys."""
    return Field(f"{kind}.{key}", label, **more)  # type: ignore[arg-type]


_URL = N_("Address of the repository")
_REF = N_("Branch, tag or commit")
_NO_REF = N_("Empty: the default branch of the repository.")
_SUBMODULES = N_("Fetch submodules")
_EMPTY = N_("Without it their directories stay empty.")
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
        source(
            "image",
            "pull",
            N_("Where the image is taken from"),
            shape="choice",
            choices=(
                ("", N_("the registry, at each deploy")),
                ("if_missing", N_("this host if it has the image, else the registry")),
            ),
        ),
    ),
    "git": (
        source("git", "url", _URL, needed=True, example="https://git.example/shop.git"),
        source("git", "ref", _REF, example="main", hint=_NO_REF),
        source("git", "context", N_("Build directory"), example="."),
        source("git", "dockerfile", N_("Dockerfile"), example="Dockerfile"),
        source("git", "submodules", _SUBMODULES, shape="flag", hint=_EMPTY),
        source(
            "git",
            "build.args",
            N_("Build arguments"),
            shape="lines",
            pairs=True,
            folded=True,
            example="VERSION=3",
            hint=N_("One NAME=value per line. They are shown and stay in the image, so they are no place for secrets."),
        ),
        source(
            "git",
            "build.target",
            N_("Stage to build"),
            folded=True,
            hint=N_("Empty: the last stage of the Dockerfile."),
        ),
        source(
            "git",
            "build.secrets",
            N_("Build secrets"),
            shape="lines",
            many=True,
            folded=True,
            example="NPM_TOKEN",
            hint=N_(
                "Names of secrets below, one per line. A step of the build gets one with "
                "RUN --mount=type=secret,id=NAME; the container does not get it."
            ),
        ),
    ),
    "compose": (
        source(
            "compose",
            "text",
            N_("Compose file"),
            shape="lines",
            hint=N_("The file itself; or leave this empty and give its place in a repository below."),
        ),
        source("compose", "url", _URL, example="https://git.example/shop.git"),
        source("compose", "ref", _REF, example="main", hint=_NO_REF),
        source(
            "compose",
            "file",
            N_("Files in the repository"),
            shape="lines",
            many=True,
            example="compose.yaml",
            hint=N_("One per line; later files override earlier ones. Empty: compose.yaml."),
        ),
        source("compose", "submodules", _SUBMODULES, shape="flag", hint=_EMPTY),
        source("compose", "profiles", N_("Profiles"), shape="lines", many=True, hint=N_("One per line.")),
        source(
            "compose",
            "allow",
            N_("Allowed exceptions"),
            shape="lines",
            many=True,
            example="web.privileged",
            hint=N_(
                "One per line, as the error message names it: a setting that gives a container more access to the host."
            ),
        ),
    ),
    "static": (
        source(
            "static",
            "path",
            N_("Directory on the host"),
            example="/srv/site",
            hint=N_("Or a repository, below. Leave both empty to upload files."),
        ),
        source("static", "url", _URL, example="https://git.example/site.git"),
        source("static", "ref", _REF, example="main", hint=_NO_REF),
        source("static", "root", N_("Directory in the repository"), example="public"),
        source("static", "submodules", _SUBMODULES, shape="flag", hint=_EMPTY),
        source(
            "static",
            "fallback",
            N_("File for every missing path"),
            folded=True,
            example="index.html",
            hint=N_("For apps that route in the browser: a path that does not exist gets this file, with status 200."),
        ),
        source(
            "static",
            "not_found",
            N_("Own 404 page"),
            folded=True,
            example="404.html",
            hint=N_("A file of the site."),
        ),
        source(
            "static",
            "cache",
            N_("Browser cache"),
            shape="lines",
            folded=True,
            example="/assets/* 31536000 immutable",
            hint=N_(
                "One path with a number of seconds per line, with the word immutable for files whose content never "
                "changes. * matches any characters. Browsers ask again for all other files."
            ),
        ),
    ),
}

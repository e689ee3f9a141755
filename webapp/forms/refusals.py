"""What the check of a spec refused, said beside the field that it concerns, in words that can be translated. Pure.

The check names a key of the spec and says one English clause; the clauses that a form can provoke have a text here.
"""

from __future__ import annotations

import re

from webapp.forms.fields import EVERY, SOURCES
from webapp.forms.texts import NEEDED
from webapp.i18n.marking import N_

ANYWHERE = ""
GENERAL = N_("This is not accepted as it is; the note says what is.")
# Clause -> text, with %(limit)s from the clause's first group.
_TEXTS: tuple[tuple[str, str], ...] = (
    (r"must be a registry host", N_("This is no host of a registry: name or address, with a port if it needs one.")),
    (r"must be the host of a git server", N_("This is no host: name or address, with a port if its address has one.")),
    (r"must be a private key", N_("This is no private SSH key without a passphrase.")),
    (r"must be one line", N_("This must be one line.")),
    (r"is missing, and so are", N_("Type a token, a password or an SSH key.")),
    (r"must be a text of 1 to (\d+)", N_("This must have at most %(limit)s characters.")),
    (
        r"must be the address of a repository",
        N_("This is no address like https://host/path or git@host:path."),
    ),
    (r"must not have credentials", N_("Leave the credentials out; store them under Credentials, by host.")),
    (r"must be a branch, a tag", N_("This is no branch, tag or full hash of a commit.")),
    (r"must be a path inside", N_("This must be a path inside the repository.")),
    (r"must be the absolute path", N_("This must be the absolute path of a directory on the host.")),
    (r"is in none of the directories", N_("This directory may not be served: BACKSTAY_STATIC_ROOTS does not name it.")),
    (
        r"no directory is listed in",
        N_("No directory of the host may be served yet: name those that may in BACKSTAY_STATIC_ROOTS."),
    ),
    (
        r"has the protocol (\w+),",
        N_("Repositories are not fetched by %(limit)s here: BACKSTAY_GIT_PROTOCOLS does not name it."),
    ),
    (
        r"must have docker or running_s",
        N_("Of a compose file, the services' own checks are asked, or how long they have kept running."),
    ),
    (r"means something to Docker Compose", N_("One of these names means something to Docker Compose; choose another.")),
    (r"goes with no other place", N_("Say one place only: a directory, a repository, or files that are uploaded.")),
    (r"goes with url only", N_("This goes with a repository only.")),
    (r"exactly one of text, url", N_("Give the file itself, or a repository, one of the two.")),
    (r"which go with url only", N_("Branch and file go with a repository only.")),
    (r"is missing$", NEEDED),
    (
        r"must be a tar or zip",
        N_("This is no tar or zip, has a link that leads out of it, or is too large."),
    ),
    # Of the form that is a check by TCP without a port.
    (r"must have exactly one of http", N_("Say which port to ask, or give the app a port.")),
    (r"is missing, and there is no port", N_("Say which port to ask, or give the app a port.")),
    (r"must be an image reference", N_("This is no image reference: [host/]name[:tag].")),
    (r"must be an IP address", N_("An address in here is no IP address.")),
    (r"must match", N_("This has characters that are not accepted here.")),
    (r"has the same entry twice", N_("The same entry stands here twice.")),
    (r"has \w+, which env has too|is a secret of this workload too", N_("A secret and a variable have the same name.")),
    (r"must be greater than or equal to ([\d.]+)", N_("This must be at least %(limit)s.")),
    (r"must be greater than ([\d.]+)", N_("This must be more than %(limit)s.")),
    (r"must be less than or equal to ([\d.]+)", N_("This must be at most %(limit)s.")),
    (r"must be a valid integer", N_("This must be a whole number.")),
    (r"must have at least 1 character", NEEDED),
    (r"must have at most (\d+) character", N_("This must have at most %(limit)s characters.")),
)
NAME_TAKEN = N_("An app of this name exists already.")


def field_of(key: str, kind: str) -> str:
    """The field that a dotted key of the spec belongs to; ANYWHERE when the form has none for it."""
    parts = key.split(".")
    if parts[0] == "source":
        names = [field.name for field in SOURCES.get(kind, ())]
        wanted = f"{kind}.{parts[-1]}"
        return wanted if wanted in names else (names[0] if names else ANYWHERE)
    if key == "health.tcp":
        return "health.port"
    for length in (2, 1):
        if (name := ".".join(parts[:length])) in EVERY:
            return name
    return ANYWHERE


def text_of(problem: str) -> tuple[str, str]:
    """(text, limit) for the clause of a refusal; the limit is empty where the text has none."""
    for clause, text in _TEXTS:
        if match := re.search(clause, problem):
            return text, match.group(1) if match.re.groups else ""
    return GENERAL, ""

"""Which environment variables and arguments hold a secret, by their names and values. Pure.

Guesses, on the safe side: a value taken for a secret by mistake is kept in the vault and works as before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_NAMES = re.compile(
    r"(?:^|_)(?:PASS(?:WD|WORD|PHRASE)?|PWD|SECRETS?|TOKENS?|KEYS?|SALT|CREDENTIALS?|AUTH|"
    r"DSN|PRIVATE|CERT|SIGNATURE|WEBHOOK|LICENSE)(?:_|$|[0-9])|PASSWORD|PASSWD|SECRET|TOKEN|APIKEY|REQUIREPASS|MASTERAUTH",
    re.IGNORECASE,
)
# Only tells where the secret is, or how it is made.
_NOT_ONE = re.compile(r"(?:_FILE|_PATH|_DIR|_TTL|_EXPIRY|_EXPIRES_IN|_LENGTH|_ENABLED|_ALGORITHM|_TYPE|_HEADER)$", re.I)
_WITH_PASSWORD = re.compile(r"^[a-z][a-z0-9+.-]*://[^/@\s]*:[^/\s]+@", re.IGNORECASE)
# An option alone, and within an argument (that of a shell, say) with its value.
_OPTION = re.compile(r"--?[A-Za-z][A-Za-z0-9_-]*")
_WITH_VALUE = re.compile(r"(--?[A-Za-z][A-Za-z0-9_-]*)(=|\s+)([^\s\"'-][^\s\"']*)")
_PEM = "-----BEGIN"
_FAMOUS = re.compile(r"^(?:gh[a-z]_|github_pat_|glpat-|xox[a-z]-|sk_live_|sk-|AKIA|eyJ[A-Za-z0-9_-]{10,}\.)")


def is_secret(name: str, value: str) -> bool:
    """Return whether a variable is to be kept in the vault. An empty one holds nothing."""
    if not value:
        return False
    if _WITH_PASSWORD.match(value) or _PEM in value or _FAMOUS.match(value):
        return True
    return bool(_NAMES.search(name)) and not _NOT_ONE.search(name)


def without_secrets(arguments: Sequence[str], replace: Callable[[str, str], str]) -> list[str]:
    """Return the arguments of a program with each value of an option like `--password` replaced: by what `replace`
    returns for the option, written as a variable, and the value."""

    def instead(found: re.Match[str]) -> str:
        name = _as_variable(found[1])
        return found[0] if not is_secret(name, found[3]) else f"{found[1]}{found[2]}{replace(name, found[3])}"

    done: list[str] = []
    for at, one in enumerate(arguments):
        option = arguments[at - 1] if at else ""
        name = _as_variable(option) if _OPTION.fullmatch(option) else ""
        if name and not one.startswith("-") and is_secret(name, one):
            done.append(replace(name, one))
        else:
            done.append(_WITH_VALUE.sub(instead, one))
    return done


def _as_variable(option: str) -> str:
    return option.lstrip("-").replace("-", "_").upper()

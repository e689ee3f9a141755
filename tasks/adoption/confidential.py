"""Which environment variables hold a secret, by their names and values. Pure.

Guesses, on the safe side: a value taken for a secret by mistake is kept in the vault and works as before.
"""

from __future__ import annotations

import re

_NAMES = re.compile(
    r"(?:^|_)(?:PASS(?:WD|WORD|PHRASE)?|PWD|SECRETS?|TOKENS?|KEYS?|SALT|CREDENTIALS?|AUTH|"
    r"DSN|PRIVATE|CERT|SIGNATURE|WEBHOOK|LICENSE)(?:_|$|[0-9])|PASSWORD|PASSWD|SECRET|TOKEN|APIKEY",
    re.IGNORECASE,
)
# Only tells where the secret is, or how it is made.
_NOT_ONE = re.compile(r"(?:_FILE|_PATH|_DIR|_TTL|_EXPIRY|_EXPIRES_IN|_LENGTH|_ENABLED|_ALGORITHM|_TYPE|_HEADER)$", re.I)
_WITH_PASSWORD = re.compile(r"^[a-z][a-z0-9+.-]*://[^/@\s]*:[^/\s]+@", re.IGNORECASE)
_PEM = "-----BEGIN"
_FAMOUS = re.compile(r"^(?:gh[a-z]_|github_pat_|glpat-|xox[a-z]-|sk_live_|sk-|AKIA|eyJ[A-Za-z0-9_-]{10,}\.)")


def is_secret(name: str, value: str) -> bool:
    """Return whether a variable is to be kept in the vault. An empty one holds nothing."""
    if not value:
        return False
    if _WITH_PASSWORD.match(value) or _PEM in value or _FAMOUS.match(value):
        return True
    return bool(_NAMES.search(name)) and not _NOT_ONE.search(name)

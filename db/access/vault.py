"""Secrets at rest: encryption with the key in HOME/secret.key, and hashing of what is only compared.

The key is never stored in the database; a copy of the database alone reveals no secret.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken

from db.settings import Settings, secret_file


class SecretUnreadable(Exception):  # noqa: N818 - it names what happened
    """A stored secret cannot be decrypted with the key in HOME: the key was replaced or the database is another's."""


class Vault:
    """Encrypts and decrypts short texts. With `fingerprint_key`, values can be compared without being stored."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)
        # A second key, which does not reveal the first.
        self.fingerprint_key = hmac.new(key, b"fingerprint", hashlib.sha256).digest()

    @classmethod
    def of(cls, settings: Settings) -> Vault:
        """Return the vault of this installation; its key is generated on first use."""
        return cls(secret_file(settings.home / "secret.key", Fernet.generate_key()))

    def lock(self, plain: str) -> str:
        """Return `plain` encrypted, as text."""
        return self._fernet.encrypt(plain.encode()).decode()

    def unlock(self, locked: str) -> str:
        """Return the decrypted text. Raises SecretUnreadable."""
        try:
            return self._fernet.decrypt(locked.encode()).decode()
        except InvalidToken:
            pass
        raise SecretUnreadable


def token_hash(token: str) -> str:
    """Return the SHA-256 of a random token, hex. Tokens have 256 bits of entropy, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()

"""A redactor that knows every secret of the vault, for words that strangers send and that the ledger would keep.

Not the one of the logs: there a secret of one workload would blank out the same word in the output of every other.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from db.access.vault import SecretUnreadable, Vault
from tasks.logs.redactor import Redactor

# A shorter one is too often a word of its own, or a piece of a commit.
SHORTEST = 8


class StoredSecrets:
    """Learns what is new in the ledger and nothing twice. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: frozenset[str] = frozenset()
        self._redactor = Redactor()

    def redactor(self, vault: Vault, locked: Iterable[str]) -> Redactor:
        """The redactor, when the ledger has these locked texts; what is gone from it stays known."""
        there = frozenset(locked)
        with self._lock:
            self._redactor.learn(line for text in there - self._seen for line in _lines(vault, text))
            self._seen |= there
        return self._redactor


def _lines(vault: Vault, locked: str) -> list[str]:
    try:
        return [line for line in vault.unlock(locked).splitlines() if len(line) >= SHORTEST]
    except SecretUnreadable:  # another key's: nobody here can give it away
        return []

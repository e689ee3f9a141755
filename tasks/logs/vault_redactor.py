"""A redactor that knows every secret of the vault, for untrusted text that the ledger would store.

Not that of the logs: there a secret of one workload would blank out the same word in the output of every other.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from db.access.vault import SecretUnreadable, Vault
from tasks.logs.redactor import Redactor

# A shorter one is too often an ordinary word, or part of a commit.
SHORTEST = 8


class StoredSecrets:
    """Learns the ledger's new secrets, each once. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: frozenset[str] = frozenset()
        self._redactor = Redactor()

    def redactor(self, vault: Vault, locked: Iterable[str]) -> Redactor:
        """Return the redactor for a ledger with these locked texts; removed ones stay known."""
        there = frozenset(locked)
        with self._lock:
            self._redactor.learn(line for text in there - self._seen for line in _lines(vault, text))
            self._seen |= there
        return self._redactor


def _lines(vault: Vault, locked: str) -> list[str]:
    try:
        return [line for line in vault.unlock(locked).splitlines() if len(line) >= SHORTEST]
    except SecretUnreadable:  # locked with another key: no process here can reveal it
        return []

"""How much room the ledger takes up."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

_SIZES = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


def size_bytes(session: Session) -> int:
    """Bytes of the database, what deleted rows left free in it included; its log of writes is not."""
    return int(session.scalar(text(_SIZES[session.get_bind().dialect.name])) or 0)

"""The connection to the Docker Engine: what stays open, and what is opened again."""

from __future__ import annotations

from tasks.context import Context
from tasks.docker.client import Connection
from tasks.docker.events import Events


def test_reading_on_after_the_connection_was_closed_opens_no_other(context: Context) -> None:
    connection = Connection(context.docker.address, context.log)
    messages = Events(connection).of_containers("1.0", {"backstay.installation": context.installation}, ("start",))
    connection.close()
    messages.close()
    assert messages.next() is None
    assert connection._client is None

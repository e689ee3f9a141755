"""The end of the demo: its workload is removed while Backstay still runs, and only then Backstay ends."""

from __future__ import annotations

import signal
import time
from types import FrameType

from flows.supervisor.supervisor import Supervisor


class Leaving:
    """The wish to end the demo: Ctrl-C, SIGTERM. The engine outlives it for a moment, to remove the workload."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor, self._wanted = supervisor, False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup asked to stay
                signal.signal(number, self._on_signal)

    @property
    def wanted(self) -> bool:
        """Whether the demo shall end, because it was asked to or because Backstay does."""
        return self._wanted or self._supervisor.is_stopping

    def wait(self) -> None:
        """Wait for the wish."""
        while not self.wanted:
            time.sleep(0.1)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._wanted:
            self._supervisor.request_stop()  # the second time: at once
        self._wanted = True

"""The end of the demo: its workload is removed while Backstay still runs; only then does Backstay stop."""

from __future__ import annotations

import signal
import time
from types import FrameType

from flows.supervisor.supervisor import Supervisor


class Leaving:
    """A request to end the demo: Ctrl-C, SIGTERM. The engine outlives it for a moment, to remove the workload."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor, self._wanted = supervisor, False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # under nohup it is ignored
                signal.signal(number, self._on_signal)

    @property
    def wanted(self) -> bool:
        """Whether the demo shall end, on request or because Backstay stops."""
        return self._wanted or self._supervisor.is_stopping

    def wait(self) -> None:
        """Wait for the request."""
        while not self.wanted:
            time.sleep(0.1)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._wanted:
            self._supervisor.request_stop()  # the second time: at once
        self._wanted = True

"""The text of a build's log, from the messages of either builder. Pure: takes messages, returns text.

Output lines stay as the step wrote them. A line of the builder itself begins with the number of its step, `#3`. Steps
run side by side: where the output of another one begins, a line names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.docker import build_trace
from tasks.docker.build_trace import Detail, Output, Step, Warned

MOST_STEPS = 2_000
MOST_DETAILS = 5_000
LONGEST_NAME = 2_000
LONGEST_LINE = 16_384  # what exceeds it is dropped up to the end of the line, so that no secret is cut in two
UNREADABLE = "A part of the builder's messages could not be read; the log lacks it.\n"


@dataclass
class _Shown:
    """A step in the log: its number, how much of it is shown, and the line that it has not ended yet."""

    number: int
    name: str
    done: bool = False
    begun: bytes = b""


@dataclass
class Progress:
    """The steps of one build so far."""

    _steps: dict[str, _Shown] = field(default_factory=dict)
    _details: set[Detail] = field(default_factory=set)
    _current: str = ""  # the step that the log was last about
    _unreadable: bool = False

    def text_of(self, message: Mapping[str, Any]) -> str:
        """Return what a message of the Engine adds to the log; of progress bars nothing."""
        if message.get("id") != build_trace.ID:
            return text_of(message)
        try:
            found = build_trace.events(message.get("aux"))
        except ValueError:
            first, self._unreadable = not self._unreadable, True
            return UNREADABLE if first else ""
        return "".join(self._told(event) for event in found)

    def rest(self) -> str:
        """Return the lines that no step has ended."""
        return "".join(self._ended(key) for key in self._steps)

    def _told(self, event: build_trace.Event) -> str:
        match event:
            case Step():
                return self._step(event)
            case Output():
                return self._output(event)
            case Detail():
                return self._detail(event)
            case Warned():
                return self._line(event.step, f"WARNING: {event.text}")

    def _step(self, step: Step) -> str:
        text = ""
        if step.digest not in self._steps:
            if step.started is None or len(self._steps) >= MOST_STEPS:
                return ""
            name = " ".join(step.name.split())[:LONGEST_NAME]
            self._steps[step.digest] = _Shown(len(self._steps) + 1, name)
            text = self._line(step.digest, name)
        shown = self._steps[step.digest]
        if step.completed is None or shown.done:
            return text
        shown.done = True
        return text + self._ended(step.digest) + self._line(step.digest, _outcome(step))

    def _output(self, output: Output) -> str:
        shown = self._steps.get(output.step)
        if shown is None:
            return ""
        *lines, begun = output.text.split(b"\n")
        whole = [part + b"\n" for part in lines]
        if whole:
            whole[0], shown.begun = shown.begun + whole[0], b""
        shown.begun = (shown.begun + begun)[: LONGEST_LINE + 1]
        if not whole:
            return ""
        return self._heading(output.step) + b"".join(whole).decode(errors="replace")

    def _detail(self, detail: Detail) -> str:
        if detail in self._details or len(self._details) >= MOST_DETAILS:
            return ""
        self._details.add(detail)
        return self._line(detail.step, f"{detail.name[:LONGEST_NAME]} done")

    def _line(self, digest: str, words: str) -> str:
        """Return a line of the builder about a step."""
        shown = self._steps.get(digest)
        if shown is None:
            return ""
        self._current = digest
        return f"#{shown.number} {words}\n"

    def _heading(self, digest: str) -> str:
        if self._current == digest:
            return ""
        return self._line(digest, self._steps[digest].name)

    def _ended(self, digest: str) -> str:
        shown = self._steps[digest]
        begun, shown.begun = shown.begun, b""
        return self._heading(digest) + begun.decode(errors="replace") + "\n" if begun else ""


def _outcome(step: Step) -> str:
    if step.error:
        return f"ERROR: {step.error}"
    if step.cached:
        return "CACHED"
    return f"DONE {max((step.completed or 0) - (step.started or 0), 0):.1f}s"


def text_of(message: Mapping[str, Any]) -> str:
    """Return the text of a message of the classic builder: output unchanged, a pull without its progress bars."""
    if "stream" in message:
        return str(message["stream"])
    if "error" in message:
        return f"{message['error']}\n"
    if "status" in message and not message.get("progressDetail"):
        layer = f"{message['id']}: " if message.get("id") else ""
        return f"{layer}{message['status']}\n"
    return ""

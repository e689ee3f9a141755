"""Observations: samples, marks, events, containers, logs; for spreadsheets and for Prometheus too."""

from __future__ import annotations

from db.messages.refusals import RefusalCode as Code
from tasks.containers.live_reads import LONGEST_TAIL
from tasks.metrics.coverage import WINDOWS
from webapp.openapi.calls.call import Answer, Call, Parameter, ok
from webapp.shapes.installation import System
from webapp.shapes.observed import DeployMark, EndMark, Events, HappeningMark, LogLines, Point, RuntimeState

WINDOW = Parameter("window", {"type": "string", "enum": [*WINDOWS], "default": "30m"}, "How far back.")
BY = Parameter("by", {"type": "string", "enum": ["deploy"]}, "Points of each version apart.")
TEXT = {"type": "string"}
# The data that a client of server-sent events receives in each event.
CHANGED = {
    "type": "object",
    "properties": {"event": {"type": "string", "enum": ["change"]}, "data": TEXT},
    "required": ["event", "data"],
}
TAG = {"ETag": "Weak; send it back in If-None-Match."}
POINTS = {
    **ok(list[Point], "Oldest first; empty when there are none.", headers=TAG),
    304: Answer("Nothing has changed since.", headers=TAG),
}
SHEET = {200: Answer("The same points, with the time in words.", TEXT, "text/csv", {"Content-Disposition": "A name."})}

CALLS: dict[str, Call] = {
    "stats.of_workload": Call(
        "CPU and memory of a workload",
        POINTS,
        query=(WINDOW, BY),
        refuses=(Code.NO_SUCH_WORKLOAD, Code.BAD_WINDOW),
    ),
    "stats.of_installation": Call(
        "CPU and memory of all workloads together", POINTS, query=(WINDOW,), refuses=(Code.BAD_WINDOW,)
    ),
    "spreadsheets.of_workload": Call(
        "CPU and memory of a workload as CSV",
        SHEET,
        query=(WINDOW, BY),
        refuses=(Code.NO_SUCH_WORKLOAD, Code.BAD_WINDOW),
    ),
    "spreadsheets.of_installation": Call(
        "CPU and memory of all workloads as CSV", SHEET, query=(WINDOW,), refuses=(Code.BAD_WINDOW,)
    ),
    "impacts.marks_of": Call(
        "Deploys, crashes, restarts and kills on the time line",
        ok(list[DeployMark | EndMark | HappeningMark], "Oldest first."),
        query=(WINDOW,),
        refuses=(Code.NO_SUCH_WORKLOAD, Code.BAD_WINDOW),
    ),
    "observations.events_of": Call(
        "The event log of a workload",
        ok(Events),
        query=(
            Parameter("limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, "How many lines."),
        ),
        refuses=(Code.NO_SUCH_WORKLOAD,),
    ),
    "observations.runtime_state": Call(
        "The containers of a workload now", ok(RuntimeState), refuses=(Code.NO_SUCH_WORKLOAD,)
    ),
    "observations.logs": Call(
        "The last lines of a container's log",
        ok(LogLines),
        query=(
            Parameter(
                "tail", {"type": "integer", "minimum": 1, "maximum": LONGEST_TAIL, "default": 100}, "How many lines."
            ),
        ),
        refuses=(Code.NO_SUCH_WORKLOAD, Code.ENGINE_UNREACHABLE),
    ),
    "streams.follow": Call(
        "Follow the newest deploy of a workload",
        {200: Answer("`event: change` with {version, status, stage, live}.", CHANGED, "text/event-stream")},
        refuses=(Code.NO_SUCH_WORKLOAD, Code.TOO_MANY_STREAMS),
        more="Server-sent events. It ends after two minutes; connect again then.",
    ),
    "installation.show": Call("The installation as a whole", ok(System)),
    "metrics.scrape": Call("All of it for Prometheus", {200: Answer("See docs/metrics.md.", TEXT, "text/plain")}),
}

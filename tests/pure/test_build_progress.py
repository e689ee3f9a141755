"""BuildKit's messages, from their bytes to the log that a person reads: what is said, and what no bytes can break."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tasks.docker import build_trace
from tasks.docker.build_trace import Detail, Output, Step, Warned, events
from tasks.docker.protobuf import field, fields
from tasks.images.build_progress import LONGEST_LINE, MOST_STEPS, UNREADABLE, Progress, text_of

# As Engine 20.10 sent them.
BEGUN = (
    b"\n\x83\x02\nGsha256:c4d886378942f7fdc97e5e4b19686311801753a6ca76acb3569f5ff14e3f687a\x12Gsha256:7365664887d0c8cbe"
    b"56fc0d900bd3da3cea880975459ebf60b1f48062f2a97a6\x1ab[a 2/2] RUN --mount=type=cache,target=/c echo hello 22; echo"
    b" err >&2; sleep 1; printf 'no newline'*\x0b\x08\xe6\xb5\xb7\xd8\x06\x10\xe0\xad\x9f\x16"
)
SAID = (
    b"\x1ad\nGsha256:c4d886378942f7fdc97e5e4b19686311801753a6ca76acb3569f5ff14e3f687a\x12\x0c\x08\xe6\xb5\xb7\xd8\x06"
    b'\x10\x82\xc4\xcf\xa1\x01\x18\x01"\thello 22\n'
)
RUN = "sha256:c4d886378942f7fdc97e5e4b19686311801753a6ca76acb3569f5ff14e3f687a"


def message(*parts: bytes) -> dict[str, Any]:
    """A message of the Engine."""
    return {"id": build_trace.ID, "aux": base64.b64encode(b"".join(parts)).decode()}


def at(seconds: int) -> bytes:
    """A timestamp."""
    return field(1, seconds) + field(2, 500_000_000)


def step(
    digest: str, name: str = "", *, started: int = 0, completed: int = 0, cached: bool = False, error: str = ""
) -> bytes:
    """A vertex."""
    known = [field(1, digest.encode()), field(3, name.encode())]
    known += [field(4, 1)] if cached else []
    known += [field(number, at(when)) for number, when in ((5, started), (6, completed)) if when]
    known += [field(7, error.encode())] if error else []
    return field(1, b"".join(known))


def said(digest: str, text: bytes) -> bytes:
    """A piece of a step's output."""
    return field(3, field(1, digest.encode()) + field(3, 1) + field(4, text))


def shown(*messages: dict[str, Any]) -> list[str]:
    """The lines of the log."""
    progress = Progress()
    text = "".join([progress.text_of(one) for one in messages] + [progress.rest()])
    return text.splitlines()


def test_the_engines_bytes_are_read() -> None:
    (begun,) = events(message(BEGUN)["aux"])
    assert isinstance(begun, Step)
    assert begun.digest == RUN
    assert begun.name.startswith("[a 2/2] RUN --mount=type=cache,target=/c echo hello 22")
    assert (begun.started, begun.completed, begun.cached, begun.error) == (1796070118.046651104, None, False, "")
    assert events(message(SAID)["aux"]) == [Output(RUN, b"hello 22\n")]


def test_what_newer_engines_add_is_skipped_and_their_warnings_are_read() -> None:
    more = field(1, b"\x0a\x01x" + field(8, b"group") + field(99, 7)) + field(77, b"?")
    warned = field(4, field(1, b"x") + field(2, 1) + field(3, b"FromAsCasing") + field(4, b"long"))
    layer = field(2, field(1, b"sha256:aa") + field(2, b"x") + field(5, 9) + field(8, at(3)))
    assert events(message(more, warned, layer)["aux"]) == [
        Step("x"),
        Warned("x", "FromAsCasing"),
        Detail("x", "sha256:aa"),
    ]


def test_steps_are_numbered_with_their_output_and_their_outcome() -> None:
    assert shown(
        message(step("a", "[internal] load build definition")),
        message(step("a", "[internal] load build definition", started=1)),
        message(step("a", "[internal] load build definition", started=1, completed=2)),
        message(step("a", "[internal] load build definition", started=1, completed=3, cached=True)),
        message(step("b", "[1/3] FROM base", started=3, completed=3, cached=True)),
        message(step("c", "[2/3] RUN <<END\necho one\nEND", started=3), said("c", b"o")),
        message(said("c", "ne\nzwölf".encode()[:6])),
        message(said("c", "ne\nzwölf".encode()[6:])),
        message(step("c", "[2/3] RUN <<END\necho one\nEND", started=3, completed=5)),
        message(step("d", "[3/3] RUN false", started=5, completed=5, error="exit code: 1")),
        {"errorDetail": {"message": "failed"}, "error": "failed"},
    ) == [
        "#1 [internal] load build definition",
        "#1 DONE 1.0s",
        "#2 [1/3] FROM base",
        "#2 CACHED",
        "#3 [2/3] RUN <<END echo one END",
        "one",
        "zwölf",
        "#3 DONE 2.0s",
        "#4 [3/3] RUN false",
        "#4 ERROR: exit code: 1",
        "failed",
    ]


def test_steps_side_by_side_do_not_mix_their_lines() -> None:
    assert shown(
        message(step("a", "RUN a", started=1), step("b", "RUN b", started=1)),
        message(said("a", b"half "), said("b", b"of b\n"), said("a", b"of a\n"), said("b", b"never ended")),
    ) == ["#1 RUN a", "#2 RUN b", "of b", "#1 RUN a", "half of a", "#2 RUN b", "never ended"]


def test_a_line_without_an_end_is_bounded_and_what_is_dropped_of_it_does_not_begin_the_next() -> None:
    flood = [message(said("a", b"x" * 10_000)) for _ in range(50)]
    lines = shown(message(step("a", "RUN a", started=1)), *flood, message(said("a", b"y\nz\n")))
    assert [len(lines[1]), lines[2]] == [LONGEST_LINE + 2, "z"]


def test_no_number_of_steps_or_parts_fills_the_memory() -> None:
    many = [step(str(number), "RUN", started=1) for number in range(MOST_STEPS + 10)]
    lines = shown(message(*many), message(said(str(MOST_STEPS + 5), b"of a step too many\n")))
    assert lines[-1] == f"#{MOST_STEPS} RUN"


def test_a_part_of_a_step_is_told_once_when_it_is_done_and_its_progress_never() -> None:
    moving = field(2, field(1, b"sha256:aa") + field(2, b"a") + field(4, 5) + field(5, 9))
    done = field(2, field(1, b"sha256:aa") + field(2, b"a") + field(8, at(3)))
    lines = shown(message(step("a", "FROM x", started=1)), message(moving), message(done), message(done))
    assert lines == ["#1 FROM x", "#1 sha256:aa done"]


def test_what_cannot_be_read_is_said_once_and_ends_no_build() -> None:
    bad: list[dict[str, Any]] = [
        {"id": build_trace.ID, "aux": aux} for aux in ("!", None, 7, {"ID": "x"}, "AAAA", "Cg==")
    ]
    assert shown(*bad, message(step("a", "RUN a", started=1))) == [UNREADABLE.strip(), "#1 RUN a"]


def test_the_classic_builders_messages_are_shown_as_ever() -> None:
    assert text_of({"stream": "Step 1/2 : FROM x\n"}) == "Step 1/2 : FROM x\n"
    assert text_of({"status": "Pulling", "id": "a"}) == "a: Pulling\n"
    assert text_of({"status": "Pulling", "progressDetail": {"current": 1}}) == ""
    assert Progress().text_of({"stream": "x\n"}) == "x\n"
    assert Progress().text_of({"id": "moby.image.id", "aux": {"ID": "sha256:a"}}) == ""


@pytest.mark.parametrize(
    "wrong",
    [
        b"\x00",  # the number 0
        b"\x0a",  # cut off before the length
        b"\x0a\x05ab",  # shorter than it says
        b"\x0b",  # a group
        b"\x08" + b"\xff" * 10,  # a varint of eleven bytes
        b"\x08" + b"\xff" * 9 + b"\x7f",  # more than 64 bits
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # longer than anything
        b"\x09\x00",  # four of eight bytes
    ],
)
def test_bytes_that_are_no_message_are_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError):
        list(fields(wrong))


@given(some.lists(some.tuples(some.integers(1, 2**29 - 1), some.integers(0, 2**64 - 1) | some.binary())))
def test_what_is_written_is_read_again(given_fields: list[tuple[int, int | bytes]]) -> None:
    assert list(fields(b"".join(field(number, value) for number, value in given_fields))) == given_fields


@given(some.binary())
def test_any_bytes_are_a_message_or_a_valueerror(raw: bytes) -> None:
    with suppress(ValueError):
        assert sum(len(value) for _, value in fields(raw) if isinstance(value, bytes)) <= len(raw)


@given(some.lists(some.binary(max_size=60) | some.sampled_from([BEGUN, SAID, BEGUN[:-3], step("a", "b", started=1)])))
def test_no_bytes_break_the_log(pieces: list[bytes]) -> None:
    assert all(isinstance(line, str) for line in shown(*[message(piece) for piece in pieces], message(*pieces)))

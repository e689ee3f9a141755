"""What is read of a Dockerfile: the images that have to be there, and what an old builder does not know."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tasks.docker.records import Builder, builder
from tasks.images.builder_gaps import Gap, gaps
from tasks.images.dockerfile import asks_for_dockers_own, base_images, expanded, parse, without_syntax

OLD, NEW = Builder("20.10.24+dfsg1", buildkit=True), Builder("29.1.0", buildkit=True)
CLASSIC = Builder("29.1.0", buildkit=False)

IMAGES = {
    "one": ("FROM a:1\n", {}, "", ["a:1"]),
    "nothing": ("", {}, "", []),
    "comments only": ("# FROM a:1\n\n", {}, "", []),
    "scratch": ("FROM scratch\nCOPY x /x\n", {}, "", []),
    "lower case": ("from a:1 as b\nfrom B\n", {}, "", ["a:1"]),
    "an argument before FROM": ("ARG V=1\nFROM a:$V\n", {}, "", ["a:1"]),
    "a given argument": ("ARG V=1\nFROM a:${V}\n", {"V": "2"}, "", ["a:2"]),
    "a given one without a default": ("ARG BASE\nFROM $BASE\n", {"BASE": "r.example/a:1"}, "", ["r.example/a:1"]),
    "a given one that is not declared": ("FROM $BASE\n", {"BASE": "a:1"}, "", []),
    "an unknown one": ("ARG BASE\nFROM $BASE\n", {}, "", []),
    "a default in place": ("ARG V\nFROM a:${V:-3}\n", {}, "", ["a:3"]),
    "an empty one with a default": ("ARG V=\nFROM a:${V:-3}\n", {}, "", ["a:3"]),
    "an alternative": ("ARG V=1\nFROM a${V:+-slim}\n", {}, "", ["a-slim"]),
    "arguments of arguments": ('ARG A=1 B="x y"\nARG C=a:$A\nFROM $C\n', {}, "", ["a:1"]),
    "an argument of a stage": ("FROM a:1\nARG V=9\nFROM b:$V\n", {}, "", []),
    "stages": ("FROM a:1 AS x\nFROM b:1\nCOPY --from=x /x /x\n", {}, "", ["a:1", "b:1"]),
    "a stage by number": ("FROM a:1\nFROM b:1\nCOPY --from=0 /x /x\n", {}, "", ["a:1", "b:1"]),
    "a stage that nothing needs": ("FROM a:1 AS x\nFROM b:1\n", {}, "", ["b:1"]),
    "a target": ("FROM a:1 AS x\nFROM b:1 AS y\nFROM c:1\n", {}, "Y", ["b:1"]),
    "a target by number": ("FROM a:1\nFROM b:1\n", {}, "0", ["a:1"]),
    "a stage on a stage": ("FROM a:1 AS x\nFROM x AS y\nFROM y\n", {}, "", ["a:1"]),
    "a stage called like an image": ("FROM nginx AS nginx\nFROM nginx\n", {}, "", ["nginx"]),
    "a later stage is none yet": ("FROM b\nFROM c AS b\nCOPY --from=0 / /\n", {}, "", ["b", "c"]),
    "an image to copy from": (
        "FROM a:1\nCOPY --chown=1 --from=r.example/c:2 /x /x\n",
        {},
        "",
        ["a:1", "r.example/c:2"],
    ),
    "an image to mount": ("FROM a:1\nRUN --mount=type=bind,from=c:2,target=/c x\n", {}, "", ["a:1", "c:2"]),
    "the host's platform": ("FROM --platform=$BUILDPLATFORM a:1\n", {}, "", ["a:1"]),
    "the same in braces": ("FROM --platform=${TARGETPLATFORM} a:1\n", {}, "", ["a:1"]),
    "another platform": ("FROM --platform=linux/arm64 a:1 AS x\nFROM b:1\nCOPY --from=x / /\n", {}, "", ["b:1"]),
    "each once": ("FROM a:1 AS x\nFROM a:1\nCOPY --from=x / /\n", {}, "", ["a:1"]),
    "over several lines": ("FROM \\\n  # why\n\n  a:1 \\\n  AS x\n", {}, "", ["a:1"]),
    "another escape": ("# escape=`\nFROM `\n  a:1\n", {}, "", ["a:1"]),
    "a heredoc": ("FROM a:1\nRUN <<END cat\nFROM b:1\nEND\nCOPY --from=c:1 / /\n", {}, "", ["a:1", "c:1"]),
    "two heredocs": (
        'FROM a:1\nCOPY <<x <<-"y" /d/\nFROM b\nx\nFROM c\n\ty\nCOPY --from=d / /\n',
        {},
        "",
        ["a:1", "d"],
    ),
    "what only looks like one": (
        "FROM a:1\nRUN echo $((1<<2)) <<<x <<nothing\nCOPY --from=c / /\n",
        {},
        "",
        ["a:1", "c"],
    ),
    "a mark at the beginning": ("\ufeffFROM a:1\n", {}, "", ["a:1"]),
    "nonsense": ("NONSENSE\nFROM\nFROM a:1\n", {}, "none", ["a:1"]),
}


@pytest.mark.parametrize("name", IMAGES)
def test_the_images_that_a_build_takes_from_elsewhere(name: str) -> None:
    text, args, target, images = IMAGES[name]
    assert base_images(parse(text), args, target) == images


@pytest.mark.parametrize("word", ["$x", "${x", "${x:?wrong}", "${x:-${y}}", "${a#1}", r"\$a", "$", "$$a"])
def test_a_word_that_cannot_be_resolved_is_none(word: str) -> None:
    assert expanded(word, {"a": "1"}) is None


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("# syntax=docker/dockerfile:1\nFROM a\n", True),
        ("#SYNTAX = docker.io/docker/dockerfile:1.4@sha256:0\n", True),
        ("# syntax=docker/dockerfile\n", True),
        ("\ufeff# syntax=docker/dockerfile\n", True),
        ("# syntax=docker/dockerfile-upstream:1\n", False),
        ("# syntax=registry.example/docker/dockerfile:1\n", False),
        ("# syntax=docker/dockerfile:1\n# escape=`\n", False),
        ("FROM a\n# syntax=docker/dockerfile:1\n", False),
        ("FROM a\n", False),
    ],
)
def test_a_syntax_line_that_names_dockers_own_frontend_can_be_dropped(text: str, own: bool) -> None:
    assert asks_for_dockers_own(parse(text)) is own
    dropped = without_syntax(text.encode())
    assert len(dropped) == len(text.encode())
    if own:
        assert parse(dropped.decode()).syntax == ""
    if not parse(text).syntax:
        assert dropped == text.encode()


HEREDOC = "RUN <<END\necho\nEND\n"
GAPS = {
    "nothing new": ("FROM a\nRUN --mount=type=cache,target=/c x\nCOPY --chmod=644 x /x\n", OLD, []),
    "a heredoc": (f"FROM a\n{HEREDOC}", OLD, [Gap("RUN <<END", "23.0")]),
    "a heredoc on a new one": (f"FROM a\n{HEREDOC}", NEW, []),
    "a file from a heredoc": ("FROM a\nCOPY <<-'x' /x\nx\n", OLD, [Gap("COPY <<-'x'", "23.0")]),
    "link": (
        "FROM a\nCOPY --link x /x\nADD --link=true y /y\nCOPY --link z /z\n",
        OLD,
        [Gap("COPY --link", "23.0"), Gap("ADD --link", "23.0")],
    ),
    "in two steps": (
        "FROM a\nADD --checksum=sha256:0 x /x\n",
        Builder("24.0.9", buildkit=True),
        [Gap("ADD --checksum", "25.0")],
    ),
    "parents": ("FROM a\nCOPY --parents x /x\n", Builder("29.0.2", buildkit=True), [Gap("COPY --parents", "29.1")]),
    "health": (
        "FROM a\nHEALTHCHECK --start-interval=1s CMD true\n",
        OLD,
        [Gap("HEALTHCHECK --start-interval", "25.0")],
    ),
    "a syntax line": (f"# syntax=docker/dockerfile:1\nFROM a\n{HEREDOC}", OLD, []),
    "a syntax line and no BuildKit": (
        "# syntax=x\nFROM a\nRUN --mount=type=cache,target=/c x\n",
        CLASSIC,
        [Gap("RUN --mount")],
    ),
    "no BuildKit": ("FROM a\nCOPY --chmod=1 x /x\nCOPY --chown=1 x /x\n", CLASSIC, [Gap("COPY --chmod")]),
    "too old and no BuildKit": (f"FROM a\n{HEREDOC}", Builder("20.10.1", buildkit=False), [Gap("RUN <<END", "23.0")]),
    "a version that is none": (f"FROM a\n{HEREDOC}", Builder("master", buildkit=True), []),
    "as an argument of a command": ("FROM a\nRUN x --link --checksum=y\n", OLD, []),
}


@pytest.mark.parametrize("name", GAPS)
def test_what_a_builder_does_not_know(name: str) -> None:
    text, builder, found = GAPS[name]
    assert gaps(parse(text), builder) == found


PIECES = [
    "FROM",
    "ARG",
    "RUN",
    "COPY",
    "--from=",
    "--mount=",
    "<<E",
    "E",
    "\n",
    " ",
    "\\",
    "$",
    "${",
    "}",
    "=",
    "#",
    '"',
    "as",
    "0",
]


@pytest.mark.parametrize(
    "line", ["RUN <<E\n", "FROM a AS b\n", "COPY --from=b ", "--a ", "ARG A=$A\n", "\\\n", "${A:-"]
)
def test_no_text_takes_long(line: str) -> None:
    text = "FROM a AS b\n" + "RUN " * line.startswith("--") + line * (100_000 // len(line))
    began = time.process_time()
    base_images(parse(text), {}, "")
    assert time.process_time() - began < 5


@given(some.lists(some.sampled_from(PIECES) | some.text(max_size=5)), some.text(max_size=3))
def test_any_text_can_be_read(pieces: list[str], target: str) -> None:
    found = parse("".join(pieces))
    assert all("$" not in image for image in base_images(found, {"E": "1"}, target))
    gaps(found, OLD)


@pytest.mark.parametrize(
    ("version", "advertised", "buildkit"),
    [
        ({"Version": "20.10.24", "ApiVersion": "1.41", "Os": "linux"}, "", True),
        ({"Version": "28.0", "ApiVersion": "1.48", "Os": "linux"}, "2", True),
        ({"Version": "28.0", "ApiVersion": "1.48", "Os": "linux"}, "1", False),
        ({"Version": "28.0", "ApiVersion": "1.48", "Os": "windows"}, "", False),
        ({"Version": "18.06", "ApiVersion": "1.38", "Os": "linux"}, "", False),
        ({"Version": "x"}, "2", False),
    ],
)
def test_an_engine_has_buildkit_unless_it_is_too_old_or_says_otherwise(
    version: dict[str, str], advertised: str, buildkit: bool
) -> None:
    assert builder(version, advertised) == Builder(version["Version"], buildkit)

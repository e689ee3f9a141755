"""Builds by the Engine's BuildKit: Dockerfiles that need it, private images, build secrets, Engines without it."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from db.access.accounts import put_registry
from db.states import ErrorCode
from flows.doctor import check_builds
from flows.upkeep.housekeeping import shrink_build_cache
from tasks.context import Context, now
from tasks.docker.client import DockerEngine
from tasks.failures import Failure
from tests.docker.building import Building, a_long_sleep, is_running
from tests.docker.refusing_engine import Refusing, refusing
from tests.docker.registries import RegistryServer
from tests.real_parts import docker_address, wait_until

# Each Dockerfile, and what `cat /found` prints in its image. BASE is an image on the host.
SHAPES = {
    "a cache mount": ("FROM BASE\nRUN --mount=type=cache,target=/c echo kept > /c/x && cat /c/x > /found\n", "kept\n"),
    "chmod": ("FROM BASE\nCOPY --chmod=640 page /page\nRUN busybox stat -c %a /page > /found\n", "640\n"),
    "platforms": ("FROM --platform=$BUILDPLATFORM BASE\nARG TARGETARCH\nRUN echo $TARGETARCH > /found\n", "amd64\n"),
    "an argument before FROM": ("ARG FROM_HERE=BASE\nFROM $FROM_HERE\nRUN echo yes > /found\n", "yes\n"),
    "arguments": (
        "FROM BASE\nARG GIVEN=none\nARG OTHER=default\nRUN echo $GIVEN $OTHER > /found\n",
        "passed default\n",
    ),
    "stages": ("FROM BASE AS one\nRUN echo of one > /made\nFROM BASE\nCOPY --from=one /made /found\n", "of one\n"),
    "a stage by number": ("FROM BASE\nRUN echo of 0 > /made\nFROM BASE\nCOPY --from=0 /made /found\n", "of 0\n"),
    "a mount of a stage": (
        "FROM BASE AS one\nRUN echo mounted > /made\nFROM BASE\nRUN --mount=from=one,target=/m cat /m/made > /found\n",
        "mounted\n",
    ),
    "a shell": ('FROM BASE\nSHELL ["/bin/sh", "-c", "echo $0 > /found", "of its own"]\nRUN x\n', "of its own\n"),
    "a tmpfs": ("FROM BASE\nRUN --mount=type=tmpfs,target=/t echo x > /t/x; echo done > /found\n", "done\n"),
    "what is ignored": ("FROM BASE\nCOPY . /all\nRUN cd /all && echo * > /found\n", "Dockerfile kept page\n"),
    "an ignore file of its own": (
        "FROM BASE\nCOPY . /all\nRUN cd /all && echo * > /found\n",
        "Dockerfile Dockerfile.dockerignore page\n",
    ),
}
FILES = {
    "what is ignored": {".dockerignore": "left-out\n.dockerignore\n", "left-out": "x", "kept": "x"},
    "an ignore file of its own": {
        "Dockerfile.dockerignore": "kept\nleft-out\n.dockerignore\n",
        ".dockerignore": "page\n",
        "left-out": "x",
        "kept": "x",
    },
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_dockerfile_of_this_shape_is_built(building: Building, name: str) -> None:
    dockerfile, found = SHAPES[name]
    text = dockerfile.replace("BASE", building.base)
    assert building.said(building.build(text, FILES.get(name), args={"GIVEN": "passed"}), "cat", "/found") == found


def test_a_target_its_labels_and_its_health_check_come_through(building: Building) -> None:
    wanted = f"FROM {building.base} AS wanted\nHEALTHCHECK --interval=7s CMD true\nLABEL a=b\nENV C=d\n"
    last = f"FROM {building.base}\nRUN exit 1\n"
    image = building.client.images.get(building.build(wanted + last, target="wanted"))
    assert image.attrs["Config"]["Healthcheck"]["Interval"] == 7_000_000_000
    assert image.labels["a"] == "b"
    assert image.labels["backstay.built-for"] == building.name
    assert "C=d" in image.attrs["Config"]["Env"]


def test_a_step_of_the_base_image_is_done(building: Building) -> None:
    building.images.build(f"{building.name}-triggers:1", behaviour="leaves_a_file_when_built_upon")
    built = building.build(f"FROM {building.name}-triggers:1\n")
    assert building.said(built, "cat", "/found") == "triggered\n"
    building.images.forget(f"{building.name}-triggers:1")


def test_the_same_input_gives_the_same_image_whatever_the_times_of_its_files(building: Building) -> None:
    dockerfile = f"FROM {building.base}\nCOPY page /page\nRUN echo {secrets.token_hex(4)}\n"
    first = building.build(dockerfile, mtime=1_000_000_000)
    assert building.build(dockerfile, mtime=1_700_000_000) == first
    assert "#3 CACHED" in building.log or "#5 CACHED" in building.log
    assert building.build(dockerfile, {"page": "another"}) != first


def test_steps_side_by_side_keep_their_lines_whole(building: Building) -> None:
    mark = secrets.token_hex(4)
    stages = [
        f"FROM {building.base} AS s{n}\nRUN for i in 1 2 3; do echo {mark} of s{n}; sleep 0.1; done\n" for n in (1, 2)
    ]
    building.build("".join(stages) + f"FROM {building.base}\nCOPY --from=s1 /start /1\nCOPY --from=s2 /start /2\n")
    lines = building.log.splitlines()
    assert [lines.count(f"{mark} of s{n}") for n in (1, 2)] == [3, 3]


def test_a_secret_value_does_not_get_into_the_log(building: Building) -> None:
    value = f"pw-{secrets.token_hex(8)}"
    building.context.redactor.learn([value])
    building.build(f"FROM {building.base}\nRUN echo it is {value}; echo {value} >&2\n")
    assert "it is " in building.log
    assert value not in building.log


# Private images.


def test_private_images_of_every_stage_are_pulled_with_the_stored_login(
    building: Building, private_registry: RegistryServer
) -> None:
    names = [private_registry.reference(f"{building.name}-{n}:1") for n in (1, 2, 3)]
    for name in names:
        building.images.publish(name, name)
    dockerfile = (
        f"ARG BASE={names[0]}\nFROM --platform=$BUILDPLATFORM $BASE AS one\nFROM {names[1]} AS {building.name}\n"
        f"FROM {building.name}\nCOPY --from=one /www/index.html /one\nCOPY --from={names[2]} /www/index.html /three\n"
    )
    with pytest.raises(Failure) as caught:
        building.build(dockerfile)
    assert caught.value.code == ErrorCode.BUILD_FAILED
    assert {note.code for note in building.notes} == {"base_not_pulled"}
    assert f"{names[0]} could not be pulled (auth_required)" in building.log

    know(building.context, private_registry)
    built = building.build(dockerfile)
    assert building.said(built, "cat", "/one", "/www/index.html", "/three") == "".join(names)
    assert private_registry.password not in building.log
    # What was pulled stays, so building again needs no registry; a stage is no image.
    assert f"Pulling {names[0]}" in building.log
    assert f"Pulling {building.name}" not in building.log
    for name in names:
        building.images.forget(name)


def test_what_is_left_to_the_builder_is_pulled_with_the_same_login(
    building: Building, private_registry: RegistryServer
) -> None:
    name = private_registry.reference(f"{building.name}-left:1")
    building.images.publish(name, "of the one left")
    know(building.context, private_registry)
    built = building.build(f"FROM --platform=linux/amd64 {name}\n")
    assert building.said(built, "cat", "/www/index.html") == "of the one left"
    assert f"Pulling {name}" not in building.log


def know(context: Context, registry: RegistryServer) -> None:
    """Store the login of a registry."""
    with context.database.writing() as session:
        put_registry(session, registry.address, registry.username, context.vault.lock(registry.password), now())


# Build secrets.


def test_a_build_secret_reaches_its_step_and_stays_nowhere(building: Building) -> None:
    value = f"bs-{secrets.token_hex(12)}"
    building.context.redactor.learn([value])
    steps = (
        "RUN --mount=type=secret,id=token,required cat /run/secrets/token && "
        "busybox sha256sum < /run/secrets/token > /sum",
        "RUN --mount=type=secret,id=token,target=/t,mode=0444 test -s /t && env",
        "RUN --mount=type=secret,id=other test ! -e /run/secrets/other",
        "RUN test ! -s /run/secrets/token",
    )
    built = building.build("\n".join((f"FROM {building.base}", *steps, "")), passed={"token": value})
    assert building.said(built, "cat", "/sum").split()[0] == sha256(value)
    assert not building.holds(built, value)
    assert value not in building.log
    assert value not in str(building.client.api.df())
    assert not on_disk(value)


def test_a_required_secret_that_is_not_passed_fails_the_build(building: Building) -> None:
    with pytest.raises(Failure) as caught:
        building.build(f"FROM {building.base}\nRUN --mount=type=secret,id=token,required true\n", passed={"other": "x"})
    assert caught.value.code == ErrorCode.BUILD_FAILED
    assert "token" in building.log


def sha256(text: str) -> str:
    """Its hash, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def on_disk(words: str) -> bool:
    """Whether any file of the Engine holds these words: layers, the build cache, its databases."""
    for directory, _, names in os.walk("/var/lib/docker"):  # ignores what other tests take away meanwhile
        for path in (Path(directory, name) for name in names):
            with suppress(OSError):
                if path.is_file() and not path.is_symlink() and words.encode() in path.read_bytes():
                    return True
    return False


# What this Engine cannot.


@pytest.mark.parametrize(
    ("step", "what", "since"),
    [
        ("RUN <<END\necho hi\nEND", "RUN <<END", "23.0"),
        ("COPY <<END /x\nhi\nEND", "COPY <<END", "23.0"),
        ("COPY --link page /x", "COPY --link", "23.0"),
        ("ADD --checksum=sha256:00 page /x", "ADD --checksum", "25.0"),
        ("HEALTHCHECK --start-interval=1s CMD true", "HEALTHCHECK --start-interval", "25.0"),
    ],
)
def test_what_this_engine_is_too_old_for_is_said_with_the_engine_that_is_not(
    building: Building, step: str, what: str, since: str
) -> None:
    if building.context.docker.builds.builder().version >= since:
        built = building.build(f"FROM {building.base}\n{step}\n")
        assert building.client.images.get(built)
        return
    with pytest.raises(Failure) as caught:
        building.build(f"FROM {building.base}\n{step}\n")
    assert caught.value.code == ErrorCode.BUILDER_TOO_OLD
    (note,) = building.notes
    assert (note.code, note.params["what"], note.params["since"]) == ("builder_too_old", what, since)
    assert note.text in building.log


def test_a_mistake_is_no_fault_of_the_engine(building: Building) -> None:
    with pytest.raises(Failure) as caught:
        building.build(f"FROM {building.base}\nCOPY --chmod=644 missing /x\n")
    assert (caught.value.code, building.notes) == (ErrorCode.BUILD_FAILED, [])


def test_a_syntax_line_whose_image_cannot_be_had_is_named(building: Building) -> None:
    with pytest.raises(Failure) as caught:
        building.build(f"# syntax=127.0.0.1:1/dockerfile:1\nFROM {building.base}\nRUN <<END\ntrue\nEND\n")
    assert caught.value.code == ErrorCode.BUILD_FAILED
    assert [(note.code, note.params["image"]) for note in building.notes] == [
        ("base_not_pulled", "127.0.0.1:1/dockerfile:1")
    ]
    assert "127.0.0.1:1/dockerfile:1 could not be pulled" in building.log


@pytest.mark.parametrize("image", ["docker/dockerfile", "docker.io/docker/dockerfile"])
def test_a_syntax_line_that_asks_for_nothing_new_needs_no_registry(building: Building, image: str) -> None:
    dockerfile = (
        f"# syntax={image}:of-no-such-tag\n# escape=`\nFROM {building.base}\n"
        "COPY --chmod=640 page Dockerfile /\nRUN busybox stat -c %a `\n  /page > /found\n"
    )
    if "docker.io" not in image:
        dockerfile = dockerfile.replace("# escape=`\n", "").replace("`", "\\")
        built = building.build(dockerfile)
        assert building.said(built, "cat", "/found") == "640\n"
        assert "Docker's own reader of Dockerfiles is used" in building.log
        return
    # With another directive behind it the line cannot be taken away: it would no longer be one.
    with pytest.raises(Failure):
        building.build(dockerfile)
    assert [note.code for note in building.notes] == ["base_not_pulled"]


def test_a_syntax_line_that_cannot_be_had_and_is_needed_is_told_with_what_needs_it(building: Building) -> None:
    if building.context.docker.builds.builder().version >= "23":
        pytest.skip("this Docker knows heredocs")
    with pytest.raises(Failure) as caught:
        building.build(f"# syntax=docker/dockerfile:of-no-such-tag\nFROM {building.base}\nRUN <<END\ntrue\nEND\n")
    assert caught.value.code == ErrorCode.BUILDER_TOO_OLD
    assert [note.code for note in building.notes] == ["builder_too_old", "base_not_pulled"]


# Engines without BuildKit.


@pytest.fixture
def lacking(building: Building, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refusing]:
    """The Engine of the builds, with something missing."""
    with refusing(tmp_path_factory.mktemp("e"), docker_address()) as proxy:
        building.context.docker = DockerEngine(proxy.address, building.context.log)
        yield proxy
        building.context.docker.close()


@pytest.mark.parametrize("how", ["turned off", "refused"])
def test_without_buildkit_the_classic_builder_is_used_and_it_is_said(
    building: Building, lacking: Refusing, private_registry: RegistryServer, how: str
) -> None:
    name = private_registry.reference(f"{building.name}:1")
    building.images.publish(name)
    know(building.context, private_registry)
    if how == "turned off":
        lacking.ping = {"Builder-Version": "1"}
    else:
        lacking.refused = [r"/build\?.*version=2"]
    building.build(f"FROM {name}\nARG GIVEN\nRUN echo said by a step, $GIVEN\n", args={"GIVEN": "passed"})
    assert "classic builder is used" in building.log
    assert "Step 3/" in building.log
    assert "said by a step, passed\n" in building.log
    with pytest.raises(Failure) as caught:
        building.build(f"FROM {name}\nRUN --mount=type=cache,target=/c true\n")
    assert caught.value.code == ErrorCode.BUILDER_TOO_OLD
    assert [(note.code, note.params["what"]) for note in building.notes] == [("build_needs_buildkit", "RUN --mount")]
    building.images.forget(name)


@pytest.mark.parametrize("how", ["turned off", "refused", "no sessions"])
def test_build_secrets_never_go_any_other_way(building: Building, lacking: Refusing, how: str) -> None:
    lacking.ping = {"Builder-Version": "1"} if how == "turned off" else {}
    lacking.refused = {"refused": [r"/build\?.*version=2"], "no sessions": ["/session"]}.get(how, [])
    value = f"bs-{secrets.token_hex(12)}"
    with pytest.raises(Failure) as caught:
        building.build(f"FROM {building.base}\nRUN --mount=type=secret,id=token true\n", passed={"token": value})
    assert caught.value.code in (ErrorCode.BUILDER_TOO_OLD, ErrorCode.BUILD_FAILED)
    assert not any(value in line for line in lacking.asked)
    assert not any("/build?" in line and "version=2" not in line for line in lacking.asked)


def test_doctor_says_which_builder_there_is_and_how_large_its_cache_is(building: Building, lacking: Refusing) -> None:
    settings = building.context.settings.model_copy(update={"docker_host": lacking.address})
    found = check_builds(settings)
    assert (found.ok, found.detail.endswith("GB of at most 10 GB in its cache")) == (True, True)
    assert found.detail.startswith("by BuildKit; ")
    lacking.ping = {"Builder-Version": "1"}
    assert "classic builder" in check_builds(settings).detail


def test_without_sessions_a_build_that_needs_none_goes_on(building: Building, lacking: Refusing) -> None:
    lacking.refused = ["/session"]
    assert building.build(f"FROM {building.base}\nRUN --mount=type=cache,target=/c true\n")
    assert "refused a session" in building.log


def test_a_cancel_ends_a_build_that_has_a_session(building: Building) -> None:
    for_ever = a_long_sleep()

    def cancelled() -> None:
        if is_running(for_ever):
            raise Failure(ErrorCode.CANCELLED, "cancel")

    with pytest.raises(Failure) as caught:
        building.build(f"FROM {building.base}\nRUN {for_ever}\n", look=cancelled, passed={"token": "x"})
    assert caught.value.code == ErrorCode.CANCELLED
    wait_until(lambda: not is_running(for_ever), 5, "the build goes on")


# The cache.


def test_housekeeping_shrinks_the_cache_to_its_bound_and_leaves_it_alone_without_one(building: Building) -> None:
    building.build(f"FROM {building.base}\nRUN busybox dd if=/dev/urandom of=/big bs=1M count=30\n")
    building.images.forget(building.tag)
    context = building.context
    for bound in (0, 1000):
        context.settings = context.settings.model_copy(update={"build_cache_max_gb": bound})
        assert shrink_build_cache(context) == 0
    assert context.docker.builds.cache_bytes() > 30_000_000
    context.settings = context.settings.model_copy(update={"build_cache_max_gb": 0.01})
    assert shrink_build_cache(context) > 20_000_000
    # Other tests build meanwhile, and what they use stays.
    wait_until(
        lambda: shrink_build_cache(context) >= 0 and context.docker.builds.cache_bytes() < 30_000_000, 60, "large"
    )
    context.docker = DockerEngine("unix:///nonexistent.sock", context.log)
    assert shrink_build_cache(context) == 0

"""What Docker's events mean: a table of stories, each a list of events as Docker 20.10 tells them."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.events.classify import (
    SECOND,
    Cause,
    ContainerState,
    DeployWindow,
    DockerEvent,
    Finding,
    Kind,
    follow,
    is_ours,
    said,
)

START = 1_700_000_000 * SECOND


def told(action: str, at_s: float, **values: Any) -> DockerEvent:
    """An event, at_s seconds after the start."""
    return DockerEvent("c" * 64, "shop-v2", "shop", 2, action, START + round(at_s * SECOND), **values)


def story(*events: DockerEvent, ours: bool = False, ran_out: bool = False) -> list[str]:
    """What the events come to, as kind:cause."""
    memory, found = ContainerState(), list[str]()
    for event in events:
        memory, happening = follow(memory, event, ours, ran_out=ran_out)
        found += [f"{happening.kind}:{happening.cause}"] if happening else []
    return found


def end(at_s: float, code: int) -> DockerEvent:
    """The main process ends."""
    return told("die", at_s, exit_code=code)


def kill(at_s: float, signal: int) -> DockerEvent:
    """Somebody has Docker send a signal."""
    return told("kill", at_s, signal=signal)


START_0 = told("start", 0)


@pytest.mark.parametrize(
    ("events", "ours", "expected"),
    [
        ([START_0, end(1, 3)], False, ["exit:crash"]),
        ([START_0, end(1, 137)], False, ["exit:crash"]),  # kill -9 on the host, or by itself: Docker was not asked
        ([START_0, end(1, 0)], False, ["exit:finished"]),
        ([START_0, end(1, 3), told("start", 1.3)], False, ["exit:crash", "restart:crash"]),
        ([START_0, end(1, 0), told("start", 1.3)], False, ["exit:finished", "restart:finished"]),
        ([START_0, end(1, 3), told("start", 600)], False, ["exit:crash", "restart:by_hand"]),
        ([START_0, told("oom", 1), end(1.02, 137)], False, ["oom:oom", "exit:oom"]),
        ([START_0, told("oom", 1)], False, ["oom:oom"]),
        ([START_0, told("oom", 1), end(100, 1)], False, ["oom:oom", "exit:crash"]),
        ([START_0, kill(1, 15), end(1.02, 143)], False, ["exit:by_hand"]),
        ([START_0, kill(1, 15), kill(11, 9), end(11.02, 137)], False, ["exit:by_hand"]),
        ([START_0, kill(1, 15), end(1.02, 0)], False, ["exit:by_hand"]),
        ([START_0, kill(1, 28), end(1.02, 0)], False, ["exit:by_hand"]),  # a stop signal of the image's own
        ([START_0, kill(1, 1), end(5, 3)], False, ["exit:crash"]),  # SIGHUP is no wish to stop
        ([START_0, kill(1, 15), end(500, 3)], False, ["exit:crash"]),  # it had got over the signal
        ([START_0, kill(1, 15), end(1.02, 143), told("start", 1.2)], False, ["exit:by_hand", "restart:by_hand"]),
        ([START_0, kill(1, 15), end(1.02, 143)], True, ["exit:deploy"]),
        ([START_0, end(1, 3)], True, ["exit:crash"]),  # it ends by itself before its health gate
        ([START_0, told("oom", 1), end(1.02, 137)], True, ["oom:oom", "exit:oom"]),
        ([START_0, kill(1, 15), end(1.02, 143), told("start", 9)], True, ["exit:deploy", "restart:deploy"]),
        ([START_0, told("start", 9)], False, ["restart:docker"]),  # nobody saw it end: Docker itself was away
        ([START_0, told("pause", 1), told("unpause", 2)], False, ["pause:by_hand", "unpause:by_hand"]),
        (
            [START_0, told("health_status", 1), told("health_status", 2), told("health_status", 3, healthy=True)],
            False,
            ["unhealthy:health", "healthy:health"],
        ),
        ([START_0, told("health_status", 1, healthy=True)], False, []),  # that is what a deploy waits for
    ],
)
def test_a_story_comes_to_its_kinds_and_causes(events: list[DockerEvent], ours: bool, expected: list[str]) -> None:
    # The first start is Backstay's in any case: after a crash, the engine recreates a container outside of a deploy.
    assert story(*events, ours=ours) == ["start:deploy", *expected]


def test_a_kill_for_memory_that_only_the_container_knows_of_counts() -> None:
    assert story(START_0, end(1, 137), ran_out=True)[1:] == ["exit:oom"]


def deploy(version: int, began_s: float, ended_s: float | None, succeeded: bool) -> DeployWindow:
    """A deploy, in seconds from the start."""
    ended = None if ended_s is None else START + round(ended_s * SECOND)
    return DeployWindow(version, START + round(began_s * SECOND), ended, succeeded)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([deploy(1, -90, -60, True), deploy(2, -50, -40, True)], False),
        # a deploy is at work; it has just ended; it ended a while ago
        ([deploy(2, -90, -60, True), deploy(3, -1, None, False)], True),
        ([deploy(2, -90, -60, True), deploy(3, -9, -1, False)], True),
        ([deploy(2, -90, -60, True), deploy(3, -9, -3, False)], False),
        # a version that is not live, and one of a workload where nothing is
        ([deploy(2, -90, -60, True), deploy(3, -9, -3, True)], True),
        ([], True),
        # a deploy that began after it
        ([deploy(2, -90, -60, True), deploy(3, 1, None, False)], False),
    ],
)
def test_it_is_ours_while_a_deploy_is_at_work_or_the_version_is_not_live(
    spans: list[DeployWindow], expected: bool
) -> None:
    assert is_ours(told("die", 0), spans) is expected


def raw(action: str = "die", **attributes: str) -> dict[str, Any]:
    """An event as the Engine writes it."""
    labels = {"backstay.workload": "shop", "backstay.deploy": "2", "name": "shop-v2"} | attributes
    return {"Action": action, "Actor": {"ID": "c" * 64, "Attributes": labels}, "timeNano": START}


def test_only_numbers_and_codes_are_taken_from_what_docker_says() -> None:
    event = said(raw(exitCode="3", image="registry/user:s3cr3t@x", execCommand="echo s3cr3t"))
    assert event == told("die", 0, exit_code=3)
    assert "s3cr3t" not in repr(follow(ContainerState(), event, False)) if event else False
    assert said(raw("health_status: unhealthy")) == told("health_status", 0)
    assert said(raw("health_status: healthy")) == told("health_status", 0, healthy=True)
    assert said(raw("kill", signal="15")) == told("kill", 0, signal=15)


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"Action": "die"},
        {"Action": "die", "Actor": {"ID": "c"}, "timeNano": START},
        raw(**{"backstay.deploy": "two"}),
        raw(**{"backstay.workload": ""}),
        raw("exec_start: sh -c secret"),
        raw("destroy"),
    ],
)
def test_an_event_of_no_interest_or_of_another_shape_is_nothing(strange: dict[str, Any]) -> None:
    assert said(strange) is None


def test_a_number_that_is_none_is_left_out() -> None:
    assert said(raw(exitCode="boom")) == told("die", 0)


def test_an_unhealthy_container_that_ends_is_not_unhealthy_any_more() -> None:
    memory = ContainerState()
    for event in (START_0, told("health_status", 1), end(2, 1)):
        memory, happening = follow(memory, event, False)
    assert isinstance(happening, Finding)
    assert (happening.kind, happening.cause, memory.unhealthy) == (Kind.EXIT, Cause.CRASH, False)

"""Builds by the real Engine: what comes out, what is written down, and how one ends that is not to go on."""

from __future__ import annotations

import time

import pytest

from db.states import ErrorCode
from tasks.failures import Failure
from tests.docker.building import Building, a_long_sleep, is_running
from tests.real_parts import wait_until


def test_an_image_is_built_with_its_labels_and_its_log(building: Building) -> None:
    built = building.build(f"FROM {building.base}\nCOPY page /www/page\nRUN echo said by a step\n")
    image = building.client.images.get(built)
    assert image.labels["org.opencontainers.image.revision"] == "abc"
    assert image.labels["backstay.built-for"] == building.name
    assert "backstay.workload" not in image.labels
    assert "[3/3] RUN echo said by a step\nsaid by a step\n" in building.log
    assert building.log.endswith(f"Built {image.id}\n")


def test_a_step_that_fails_and_a_base_that_is_nowhere_are_build_failed(building: Building) -> None:
    for dockerfile, words in (
        (f"FROM {building.base}\nRUN echo before; exit 7\n", "exit code: 7"),
        ("FROM 127.0.0.1:1/nothing:1\n", "127.0.0.1:1"),
        ("NONSENSE\n", "NONSENSE"),
        ("", "empty"),
    ):
        with pytest.raises(Failure) as caught:
            building.build(dockerfile)
        assert caught.value.code == ErrorCode.BUILD_FAILED
        assert words in building.log


def test_a_silent_step_is_ended_by_a_cancel_and_by_the_time_limit_and_leaves_no_process(building: Building) -> None:
    for_ever = a_long_sleep()

    def cancelled() -> None:
        if is_running(for_ever):
            raise Failure(ErrorCode.CANCELLED, "cancel")

    with pytest.raises(Failure) as caught:
        building.build(f"FROM {building.base}\nRUN {for_ever}\n", look=cancelled)
    assert caught.value.code == ErrorCode.CANCELLED
    wait_until(lambda: not is_running(for_ever), 15, "the build goes on")
    building.context.settings = building.context.settings.model_copy(update={"build_timeout": 1})
    for_ever = a_long_sleep()
    began = time.monotonic()
    with pytest.raises(Failure) as caught:
        building.build(f"FROM {building.base}\nRUN {for_ever}\n")
    assert (caught.value.code, caught.value.kind) == (ErrorCode.BUILD_FAILED, "timeout")
    assert time.monotonic() - began < 15
    assert "longer than 1 seconds" in building.log
    wait_until(lambda: not is_running(for_ever), 15, "the build goes on")

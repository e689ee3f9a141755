"""How long a container's own health check may need, and how long a deploy waits for it."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.docker.health_checks import patience_of_file, patience_s
from tasks.rollout import compose_health, health

SECOND = 10**9
PORTS: list[Any] = [{"container": 80, "address": "127.0.0.1"}]


@pytest.mark.parametrize(
    ("check", "seconds"),
    [
        (None, None),
        ({}, None),
        ({"Test": []}, None),
        ({"Test": ["NONE"], "Interval": SECOND}, None),
        ({"Test": ["CMD", "true"]}, 150),  # Docker's own: 30 s, 30 s, three retries
        ({"Test": ["CMD", "true"], "Interval": 90 * SECOND}, 390),
        ({"Test": ["CMD-SHELL", "x"], "Interval": SECOND, "Timeout": SECOND, "Retries": 1}, 3),
        ({"Test": ["CMD", "x"], "Interval": SECOND, "Timeout": SECOND, "Retries": 1, "StartPeriod": 40 * SECOND}, 43),
        ({"Test": ["CMD", "x"], "Interval": 3600 * SECOND}, 3600),  # what health.timeout_s may be at most
    ],
)
def test_a_check_may_need_its_start_and_all_of_its_tries(check: dict[str, Any] | None, seconds: float | None) -> None:
    assert patience_s(check) == seconds


@pytest.mark.parametrize(
    ("check", "seconds"),
    [
        (None, None),
        ({"disable": True, "interval": "1s"}, None),
        ({"test": ["NONE"]}, None),
        ({"test": ["CMD", "x"]}, 150),
        ({"test": ["CMD", "x"], "interval": "1m30s", "timeout": "10s", "retries": 2}, 280),
        ({"test": ["CMD", "x"], "interval": "500ms", "timeout": "1.5s", "retries": 1, "start_period": "1h"}, 3600),
        ({"interval": "10s"}, 70),  # of the image, looked at more often
    ],
)
def test_the_check_of_a_compose_file_is_read_alike(check: dict[str, Any] | None, seconds: float | None) -> None:
    assert patience_of_file(check) == seconds


@pytest.mark.parametrize(
    ("given", "image_check_s", "kind", "timeout_s"),
    [
        (None, None, "tcp", 30),
        (None, 150.0, "docker", 150),
        (None, 3.0, "docker", 60),
        ({"docker": True}, 390.0, "docker", 390),
        ({"docker": True}, None, "docker", 60),
        ({"docker": True, "timeout_s": 5.0}, 390.0, "docker", 5),
        ({"http": "/"}, 390.0, "http", 30),
        ({"tcp": 80}, 390.0, "tcp", 30),
        ({"http": "/", "timeout_s": 7.0}, None, "http", 7),
        ({"running_s": 2.0}, 390.0, "running", 30),
    ],
)
def test_the_limit_comes_from_the_check_unless_the_spec_has_one(
    given: Any, image_check_s: float | None, kind: str, timeout_s: float
) -> None:
    chosen = health.choose(given, PORTS, image_check_s)
    assert (chosen.kind, chosen.timeout_s) == (kind, timeout_s)


@pytest.mark.parametrize(
    ("given", "check_s", "seconds"),
    [
        (None, None, 60),
        (None, 390.0, 390),
        (None, 3.0, 60),
        ({"timeout_s": 5.0}, 390.0, 5),
        ({"running_s": 5.0}, 390.0, 390),
    ],
)
def test_a_service_has_the_time_of_its_own_check(given: Any, check_s: float | None, seconds: float) -> None:
    assert compose_health.limits(given).for_check(check_s) == seconds


def test_docker_compose_has_the_time_of_all_that_is_waited_for() -> None:
    slow, after = {"test": ["CMD", "x"], "interval": "90s"}, {"db": {"condition": "service_healthy"}}
    model = {
        "services": {
            "db": {"healthcheck": slow},
            "api": {"depends_on": after, "healthcheck": slow},
            "web": {"depends_on": {"api": {"condition": "service_healthy"}, "job": {"condition": "service_started"}}},
            "job": {"healthcheck": slow},
        }
    }
    assert compose_health.time_for_up(model, compose_health.limits(None)) == 780
    assert compose_health.time_for_up(model, compose_health.limits({"timeout_s": 5.0})) == 5
    assert compose_health.time_for_up({"services": {"web": {}}}, compose_health.limits(None)) == 60
    image_has_it = {"services": {"db": {}, "web": {"depends_on": after}}}
    assert compose_health.time_for_up(image_has_it, compose_health.limits(None)) == 150

"""What Docker Compose warns of when it reads a file is in the event log, by its key."""

from __future__ import annotations

from collections.abc import Callable

from tests.docker.images import Images
from tests.docker.scenario import Scenario


def test_a_variable_that_is_not_set_is_named(shop: Scenario, images: Images, tag: Callable[[str], str]) -> None:
    images.publish(tag("1"), "one")
    text = f"""
version: "3"
services:
  web:
    image: "{tag("1")}"
    environment:
      P: "${{P}}"
      Q: "x-$Q"
      SET: "${{SET}} ${{SECRET}} ${{DEFAULT:-here}} $$NOT"
      PASSED_ON:
"""
    shop.create_from(
        {"kind": "compose", "text": text},
        ports=[],
        env={"SET": "yes"},
        secrets={"SECRET": "hunter2hunter2"},
        health={"running_s": 0.5},
    )
    assert shop.deploy()["status"] == "succeeded"
    told = [message for message in shop.messages() if "Version 1" in message and "compose file" in message]
    assert len(told) == 3, shop.messages()
    assert any("blank or left out: P, Q. " in message for message in told)
    assert any("blank or left out: PASSED_ON. " in message for message in told)
    assert any("warned about version in the compose file" in message for message in told)
    shop.change(env={"SET": "yes", "P": "1", "Q": "2", "PASSED_ON": "3"})
    assert shop.deploy()["status"] == "succeeded"
    assert not any("Version 2" in message and "not set" in message for message in shop.messages())


def test_it_is_named_too_when_the_deploy_fails_because_of_it(shop: Scenario) -> None:
    shop.create_from({"kind": "compose", "text": "services: {web: {image: '${IMAGE}'}}"}, ports=[])
    assert shop.deploy()["error_code"] == "invalid_source"
    assert any("blank or left out: IMAGE. " in message for message in shop.messages())

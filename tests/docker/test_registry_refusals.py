"""A registry that says no, and a host that has an image of that name: no deploy calls the host's the right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docker.images import Images
from tests.docker.refusing_registries import Refusal, refusing
from tests.docker.registries import serving
from tests.docker.scenario import Scenario
from tests.real_parts import free_port

LIMIT = Refusal(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.")
EXPIRED = Refusal(401, "UNAUTHORIZED", "token has expired")
BROKEN = Refusal(500, "UNKNOWN", "unknown error")
REFUSALS = {
    "limit": (LIMIT, "registry_rate_limited"),
    "limit-without-a-word": (Refusal(429, body=b""), "registry_rate_limited"),
    "expired": (EXPIRED, "auth_required"),
    "denied": (Refusal(403, "DENIED", "requested access to the resource is denied"), "auth_required"),
    "denied-by-a-proxy": (Refusal(403, body=b"<html>blocked</html>"), "auth_required"),
    "broken": (BROKEN, "source_unavailable"),
    "behind-a-proxy": (Refusal(502, body=b"<html>bad gateway</html>"), "source_unavailable"),
    "no-registry-at-all": (Refusal(200, body=b"<html>hello</html>"), "source_unavailable"),
    "unknown": (Refusal(404, "MANIFEST_UNKNOWN", "manifest unknown"), "reference_not_found"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_an_old_image_of_the_host_is_no_success_when_the_registry_says_no(
    shop: Scenario, images: Images, case: str
) -> None:
    refusal, code = REFUSALS[case]
    with refusing(refusal) as address:
        name = f"{address}/{shop.name}:1"
        images.build(name, "old")
        shop.create(name)
        row = shop.deploy()
    assert (row["status"], row["stage"], row["error_code"]) == ("failed", "pin", code)
    assert shop.containers() == {}
    assert any("This host has an image of that name" in message for message in shop.messages())


@pytest.mark.parametrize("case", ["limit", "expired", "broken"])
def test_an_image_that_came_from_the_registry_is_no_success_when_that_says_no_or_is_away(
    shop: Scenario, images: Images, case: str, tmp_path: Path
) -> None:
    refusal, code = REFUSALS[case]
    port = free_port()
    name = f"127.0.0.1:{port}/{shop.name}:1"
    with serving(tmp_path, port=port):
        images.publish(name, "old")
        shop.create(name)
        assert shop.deploy()["status"] == "succeeded"
        shop.docker.images.pull(name)
    with refusing(refusal, port):
        assert shop.deploy()["error_code"] == code
    assert shop.deploy()["error_code"] == "source_unavailable"
    assert shop.served() == "old"

    # The person says so.
    shop.change(source={"kind": "image", "image": name, "pull": "if_missing"})
    with refusing(refusal, port):
        asked_nobody = shop.deploy()
    assert (asked_nobody["status"], shop.served()) == ("succeeded", "old")
    assert any("source.pull is if_missing" in message for message in shop.messages())
    assert shop.deploy()["pin"]["digest"] is not None


def test_with_if_missing_an_image_that_is_not_here_is_pulled(shop: Scenario, images: Images, tmp_path: Path) -> None:
    with serving(tmp_path) as registry:
        name = registry.reference(f"{shop.name}:1")
        published = images.publish(name, "one")
        shop.create_from({"kind": "image", "image": name, "pull": "if_missing"})
        row = shop.deploy()
    assert (row["status"], row["pin"]["digest"], shop.served()) == ("succeeded", published.digest, "one")


@pytest.mark.parametrize("prefix", ["localhost/", "", "127.0.0.1:1/"])
def test_an_image_that_was_built_here_and_that_no_registry_is_asked_for_is_used(
    shop: Scenario, images: Images, prefix: str
) -> None:
    name = f"{prefix}{shop.name}:1"
    image_id = images.build(name, "built here")
    shop.create(name)
    row = shop.deploy()
    assert (row["status"], row["pin"]["image_id"], shop.served()) == ("succeeded", image_id, "built here")
    assert any("The image on this host was used" in message for message in shop.messages())


@pytest.mark.parametrize(
    ("policy", "outcome"), [("", "registry_rate_limited"), ("always", "registry_rate_limited"), ("missing", None)]
)
def test_a_service_of_a_compose_file_takes_the_hosts_image_only_where_its_pull_policy_says_so(
    shop: Scenario, images: Images, policy: str, outcome: str | None
) -> None:
    with refusing(LIMIT) as address:
        name = f"{address}/{shop.name}:1"
        images.build(name, "old")
        said = f", pull_policy: {policy}" if policy else ""
        text = f"services: {{web: {{image: '{name}', ports: ['127.0.0.1:{shop.port}:8080']{said}}}}}"
        shop.create_from({"kind": "compose", "text": text}, ports=[], health={"running_s": 1})
        row = shop.deploy()
    assert row["error_code"] == outcome
    if outcome is None:
        assert shop.served_at_last() == "old"

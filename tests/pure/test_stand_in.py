"""When the host's image is deployed although the registry did not serve its tag."""

from __future__ import annotations

import pytest

from db.states import ErrorCode
from tasks.docker.records import ImageRecord
from tasks.docker.registry_errors import NOT_CONNECTED
from tasks.failures import Failure
from tasks.image_reference import parse_reference
from tasks.images.stand_in import stands_in

ID, DIGEST = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
AWAY = Failure(ErrorCode.SOURCE_UNAVAILABLE, NOT_CONNECTED)
BROKEN = Failure(ErrorCode.SOURCE_UNAVAILABLE, "APIError")
DENIED, UNKNOWN = Failure(ErrorCode.AUTH_REQUIRED), Failure(ErrorCode.REFERENCE_NOT_FOUND)
LIMITED = Failure(ErrorCode.REGISTRY_RATE_LIMITED)


@pytest.mark.parametrize(
    ("image", "refused", "built_here", "with_containerd", "pulled"),
    [
        # The answer for an image without a digest, one whose digest is its id, and one that has another.
        ("localhost/shop:1", AWAY, True, True, False),
        ("localhost:5000/shop:1", AWAY, True, False, False),
        ("registry.example/shop:1", AWAY, True, False, False),
        ("shop:1", AWAY, True, False, False),
        ("shop:1", DENIED, True, True, False),
        ("shop:1", UNKNOWN, True, True, False),
        ("team/shop:1", DENIED, True, True, False),
        ("docker.io/team/shop:1", DENIED, False, False, False),
        ("shop:1", LIMITED, False, False, False),
        ("shop:1", BROKEN, False, False, False),
        ("registry.example/shop:1", DENIED, False, False, False),
        ("registry.example/shop:1", UNKNOWN, False, False, False),
        ("registry.example/shop:1", BROKEN, False, False, False),
        ("registry.example/shop:1", LIMITED, False, False, False),
    ],
)
def test_an_image_of_the_host_stands_in_where_no_registry_is_behind_its_name(
    image: str, refused: Failure, built_here: bool, with_containerd: bool, pulled: bool
) -> None:
    reference = parse_reference(image)
    assert reference is not None
    digests: tuple[list[str], ...] = ([], [f"{reference.repository}@{ID}"], [f"{reference.repository}@{DIGEST}"])
    answers = [stands_in(reference, refused, ImageRecord(ID, one), logged_in=False) for one in digests]
    assert answers == [built_here, with_containerd, pulled]


def test_it_does_not_where_stored_credentials_were_refused() -> None:
    reference = parse_reference("shop:1")
    assert reference is not None
    assert not stands_in(reference, DENIED, ImageRecord(ID, []), logged_in=True)


def test_the_digest_of_another_repository_says_nothing_of_this_one() -> None:
    reference = parse_reference("registry.example/shop:1")
    assert reference is not None
    assert stands_in(reference, AWAY, ImageRecord(ID, [f"other.example/shop@{DIGEST}"]), logged_in=False)

"""What Docker 20.10 really answers for a registry that says no, and the code that it becomes."""

from __future__ import annotations

import pytest

from db.states import ErrorCode
from tasks.docker.registry_errors import error_code_for


@pytest.mark.parametrize(
    ("status", "words", "code"),
    [
        (401, 'Unauthorized ("unauthorized: authentication required")', ErrorCode.AUTH_REQUIRED),
        (500, 'Head "http://r:5000/v2/shop/manifests/1": no basic auth credentials', ErrorCode.AUTH_REQUIRED),
        (404, 'Not Found ("manifest unknown: manifest unknown")', ErrorCode.REFERENCE_NOT_FOUND),
        (500, 'Get "http://r:5000/v2/": dial tcp: connect: connection refused', ErrorCode.SOURCE_UNAVAILABLE),
        (400, "invalid reference format: repository name must be lowercase", ErrorCode.INVALID_SOURCE),
        (None, "manifest for r:5000/shop@sha256:0 not found: manifest unknown", ErrorCode.REFERENCE_NOT_FOUND),
        (None, "error pulling image configuration: blob unknown to registry", ErrorCode.REFERENCE_NOT_FOUND),
        (None, "unknown blob", ErrorCode.REFERENCE_NOT_FOUND),
        (None, "pull access denied for shop, repository does not exist", ErrorCode.AUTH_REQUIRED),
        (None, "unexpected EOF", ErrorCode.SOURCE_UNAVAILABLE),
    ],
)
def test_a_refusal_becomes_a_code(status: int | None, words: str, code: ErrorCode) -> None:
    assert error_code_for(status, words) is code

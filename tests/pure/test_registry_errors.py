"""What Docker 20.10 really answers for a registry that says no, and the code that it becomes."""

from __future__ import annotations

import pytest

from db.states import ErrorCode
from tasks.docker.registry_errors import error_code_for, failed_to_connect


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
        (401, "unauthorized: token has expired", ErrorCode.AUTH_REQUIRED),
        (403, "denied: Your authorization token has expired.", ErrorCode.AUTH_REQUIRED),
        (500, 'error parsing HTTP 403 response body: "<html>x</html>"', ErrorCode.AUTH_REQUIRED),
        (404, "name unknown", ErrorCode.REFERENCE_NOT_FOUND),
        (429, "toomanyrequests: You have reached your pull rate limit.", ErrorCode.REGISTRY_RATE_LIMITED),
        (500, "toomanyrequests: You have reached your pull rate limit.", ErrorCode.REGISTRY_RATE_LIMITED),
        (
            500,
            'error parsing HTTP 429 response body: unexpected end of JSON input: ""',
            ErrorCode.REGISTRY_RATE_LIMITED,
        ),
        (
            500,
            "unexpected status from HEAD request to https://r/v2/shop/manifests/1: 429 Too Many Requests",
            ErrorCode.REGISTRY_RATE_LIMITED,
        ),
        (500, "received unexpected HTTP status: 502 Bad Gateway", ErrorCode.SOURCE_UNAVAILABLE),
        # A proxy's page is no evidence that an image is gone.
        (500, 'error parsing HTTP 404 response body: "<html>x</html>"', ErrorCode.SOURCE_UNAVAILABLE),
        # The name of an image is no word of the registry.
        (500, 'Get "http://r:5000/v2/denied/forbidden/": dial tcp: connection refused', ErrorCode.SOURCE_UNAVAILABLE),
        (None, "manifest for r:5000/denied:1 not found: manifest unknown", ErrorCode.REFERENCE_NOT_FOUND),
    ],
)
def test_a_refusal_becomes_a_code(status: int | None, words: str, code: ErrorCode) -> None:
    assert error_code_for(status, words) is code


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ('Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused', True),
        ('Get "https://r.invalid/v2/": dial tcp: lookup r.invalid on 10.0.0.1:53: no such host', True),
        ('Get "https://r/v2/": proxyconnect tcp: dial tcp 10.0.0.1:3128: connect: connection refused', True),
        ('Get "https://r/v2/": net/http: request canceled while waiting for connection (Client.Timeout)', True),
        ('failed to resolve reference "r/a:1": failed to do request: Head "https://r/v2/a": dial tcp: i/o', True),
        ('Get "https://r/v2/": net/http: TLS handshake timeout', False),
        ('Get "https://r/v2/": http: server gave HTTP response to HTTPS client', False),
        ("received unexpected HTTP status: 500 Internal Server Error", False),
        ('unknown: Get "https://r/v2/": dial tcp: no such host', False),  # written by a registry
    ],
)
def test_no_connection_is_told_apart_from_a_bad_answer(words: str, expected: bool) -> None:
    assert failed_to_connect(words) is expected

"""Headers of every response: a strict content policy, no sniffing, no framing, no caching of private pages."""

from __future__ import annotations

from flask import Flask, Response, request

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with it browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
A_YEAR = "public, max-age=31536000, immutable"


def install(app: Flask) -> None:
    """Add the headers to every response."""
    app.after_request(add)


def add(response: Response) -> Response:
    """Return the response with its headers. Vendored files carry their hash in their name, so they never change."""
    response.headers.extend(HEADERS)  # update() would look up each of them, and no view sets any
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    elif request.path.startswith("/static/vendor/") and response.status_code == 200:
        response.headers["Cache-Control"] = A_YEAR
    return response

"""The configuration of the web server that serves a static site: nginx's and Caddy's. Pure.

Both behave alike. A file is served under its own path and no other, a directory by its index.html, after a redirect to
the path with a slash. What is missing gets `fallback`, else status 404 with the page `not_found`. Names that begin with
a dot are missing, `.well-known` excepted: an upload easily has a `.env` or a `.git` in it. Every answer says
`Cache-Control`: that of the first rule that matches the file, no-cache (ask again, and be told 304) for all else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from db.releases import CacheRule, Serving
from tasks.sources.serving import path_pattern

PLACES = {"nginx": "/etc/nginx/conf.d/default.conf", "caddy": "/etc/caddy/Caddyfile"}
_USUAL_PORT = 80
_ASK_AGAIN = "no-cache"


def server_of(words: Iterable[str]) -> str | None:
    """Return nginx or caddy by the command line of an image, entry point and command together; None for another."""
    names = [PurePosixPath(word).name for word in words]
    return next((name for name in names if name in PLACES), None)


def port_of(exposed: Collection[int]) -> int:
    """Return the port to listen on: 80, or the lowest of those that the image exposes instead."""
    return _USUAL_PORT if not exposed or _USUAL_PORT in exposed else min(exposed)


def configuration(server: str, root: str, port: int, serving: Serving) -> str:
    """Return the file at PLACES[server]."""
    return (_nginx if server == "nginx" else _caddy)(root, port, serving)


def _kept(rule: CacheRule) -> str:
    if not rule["max_age_s"]:
        return _ASK_AGAIN
    return f"public, max-age={rule['max_age_s']}{', immutable' if rule.get('immutable') else ''}"


def _nginx(root: str, port: int, serving: Serving) -> str:
    rules, fallback = serving.get("cache", []), serving.get("fallback")
    otherwise = f"/{fallback}" if fallback else "=404"
    # By the status as well: an answer that says "not found" must not be kept as long as the file.
    kept = [f'    "~^(200|206|304) {path_pattern(rule["path"])[1:]}" "{_kept(rule)}";' for rule in rules]
    places = [
        f'    location ~ "{path_pattern(rule["path"])}" {{\n'
        f"        try_files $uri $uri/ {'=404' if rule.get('immutable') else otherwise};\n    }}"
        for rule in rules
    ]
    page = [f"    error_page 403 404 =404 /{serving['not_found']};"] if "not_found" in serving else []
    return "\n".join(
        [
            'map "$status $uri" $backstay_cache {',
            f"    default {_ASK_AGAIN};",
            *kept,
            "}",
            "server {",
            f"    listen {port};",
            f'    root "{root}";',
            "    index index.html;",
            # The published port is another one, which a redirect with host and port would not know.
            "    absolute_redirect off;",
            "    add_header Cache-Control $backstay_cache always;",
            *page,
            r'    location ~ "/\.(?!well-known(?:/|$))" {',
            "        return 404;",
            "    }",
            r'    location ~ "/$" {',
            f"        try_files ${{uri}}index.html {otherwise};",
            "    }",
            *places,
            "    location / {",
            f"        try_files $uri $uri/ {otherwise};",
            "    }",
            "}",
            "",
        ]
    )


def _caddy(root: str, port: int, serving: Serving) -> str:
    rules, fallback = serving.get("cache", []), serving.get("fallback")
    kept = [
        line
        # The last one to match sets the header.
        for at, rule in reversed([*enumerate(rules)])
        for line in (
            f"        @rule{at} {{",
            f'            path_regexp "{path_pattern(rule["path"])}"',
            "            file {path}",
            "        }",
            f'        header @rule{at} Cache-Control "{_kept(rule)}"',
        )
    ]
    # The first rule decides; after a rewrite nothing is missing any more.
    ways = [(path_pattern(rule["path"]), bool(rule.get("immutable"))) for rule in rules]
    rest = [
        '        @bare path_regexp "/$"',
        f"        rewrite @bare /{fallback}",
        *(
            line
            for at, (pattern, is_immutable) in enumerate([*ways, ("^/", False)])
            for line in (
                f"        @missing{at} {{",
                f'            path_regexp "{pattern}"',
                "            not file {path} {path}/",
                "        }",
                f"        error @missing{at} 404" if is_immutable else f"        rewrite @missing{at} /{fallback}",
            )
        ),
    ]
    page = [
        "        @missing expression {http.error.status_code} == 404",
        "        handle @missing {",
        f"            rewrite * /{serving.get('not_found')}",
        "            file_server",
        "        }",
    ]
    return "\n".join(
        [
            "{",
            "    admin off",
            "    auto_https off",
            "}",
            f":{port} {{",
            f'    root * "{root}"',
            "    route {",
            # Every segment is empty, begins without a dot, or is this one.
            r'        @hidden not path_regexp "^(?:/(?:[^./][^/]*|\.well-known)?)*$"',
            "        error @hidden 404",
            "        @change not method GET HEAD",
            "        error @change 405",
            "        @index {",
            '            path_regexp "/$"',
            "            file {path}index.html",
            "        }",
            "        rewrite @index {path}index.html",
            *(rest if fallback else []),
            f"        header Cache-Control {_ASK_AGAIN}",
            *kept,
            "        file_server",
            "    }",
            "    handle_errors {",
            f"        header Cache-Control {_ASK_AGAIN}",
            *(page if "not_found" in serving else []),
            "        handle {",
            '            respond "{http.error.status_code} {http.error.status_text}"',
            "        }",
            "    }",
            "}",
            "",
        ]
    )

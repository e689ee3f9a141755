"""Whether a command line begins with an init of its own."""

from __future__ import annotations

import pytest

from tasks.docker.inits import brings_an_init


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["/init"], True),
        (["/sbin/init"], True),
        (["/lib/systemd/systemd", "--log-level=info"], True),
        (["/usr/lib/systemd/systemd"], True),
        (["tini", "--", "app"], True),
        (["/usr/bin/tini", "-g", "--", "/entrypoint.sh"], True),
        (["/usr/bin/dumb-init", "/app"], True),
        (["catatonit", "--", "app"], True),
        (["/sbin/my_init"], True),
        (["/bin/s6-svscan", "/etc/s6"], True),
        (["/entrypoint.sh", "/init"], True),
        (["/docker-entrypoint.sh", "/sbin/init"], True),
        (["/bin/sh", "-c", "exec /init"], True),
        (["/bin/sh", "-c", "/usr/bin/tini -- app"], True),
        (["/bin/bash", "-c", "  exec   dumb-init app"], True),
        (["/bin/sh", "-c", "echo /init; exec app"], False),
        (["/bin/sh", "-c", "exec app init"], False),
        (["/bin/sh", "/start"], False),
        (["app", "init"], False),
        (["git", "init", "/data"], False),
        (["/app/init-db"], False),
        (["python", "-m", "tini"], False),
        (["/bin/sh", "-c"], False),
        ([""], False),
        ([], False),
    ],
)
def test_an_init_is_known_by_its_name(words: list[str], expected: bool) -> None:
    assert brings_an_init(words) is expected

"""No secret is on disk outside of the vault, nor in any answer: planted everywhere, then looked for in every byte.

One real `backstay up` whose engine breaks on purpose in every stage, with the secrets in the text of the error.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import docker
import pytest

from tests.docker.fixtures import remove_workload
from tests.docker.git_servers import serving_git
from tests.docker.images import Images
from tests.docker.registries import serving
from tests.faults import leak_evidence
from tests.faults.leak_home import LeakyHome
from tests.faults.leak_mistakes import WRONG_PLACES
from tests.faults.leak_search import Hit, find, forms_of
from tests.faults.leak_story import Story
from tests.real_parts import real_part


def _random() -> str:
    return secrets.token_hex(8)


@pytest.fixture(scope="module")
def planted() -> dict[str, str]:
    """Name -> secret. Those of WORKLOAD go into workloads, each of the others has one wrong place of its own."""
    return {
        "registry_right": f'r!gh+/"{_random()}é',
        "registry_wrong": f"wr0ng&{_random()}=ü",
        "git_right": f"g1t~/@{_random()}",
        "git_wrong": f"n0git{_random()}",
        "git_in_url": f"url{_random()}",
        "admin": f"correct horse {_random()}",
        "PLAIN": f"plain{_random()}",
        "SHELL": f"$(x) 'q' \"d\" \\ & ; | <{_random()}>",
        "URL": f"p@ss:w/o rd?x={_random()}&y=%41#z",
        "JSON": '{"key": "' + _random() + '", "o": [1]}',
        "UNICODE": f"пароль-{_random()}-é-\U0001f511",
        "LINES": f"-----BEGIN {_random()}-----\n{_random()}{_random()}\n{_random()}==\n-----END {_random()}-----",
        "OLD": f"old{_random()}",
        **{f"in_{place}": f"{place}-{_random()}" for place in WRONG_PLACES},
    }


@pytest.fixture(scope="module")
def found(
    planted: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    docker_client: docker.DockerClient,
    all_images: Images,
) -> Iterator[LeakyHome]:
    """The installation after all that happened to it, with the evidence."""
    real_part("registry")
    folder = tmp_path_factory.mktemp("leaks")
    for name in ("registry", "git"):
        (folder / name).mkdir()
    home = LeakyHome(folder / "home", planted["admin"])
    prefix = f"t-{secrets.token_hex(3)}"
    events = docker_client.events(decode=True, filters={"label": "backstay.installation"})
    watcher = Thread(target=leak_evidence.watch, args=[home.evidence, events, prefix], daemon=True)
    watcher.start()
    try:
        with (
            serving(folder / "registry", "puller", planted["registry_right"]) as registry,
            serving_git(folder / "git", "x-access-token", planted["git_right"]) as git,
        ):
            home.env["GIT_SSL_CAINFO"] = str(git.certificate)
            with home.up():
                Story(home, planted, registry, git, all_images, prefix).tell()
                _collect(home, docker_client, prefix)
    finally:
        events.close()
        names = {str(one.labels["backstay.workload"]) for one in _containers(docker_client, prefix)}
        for name in names:
            remove_workload(docker_client, name)
    leak_evidence.files(home.evidence, home.home)  # once more, with all that the end wrote
    home.evidence.add("screen", _without_banner(home))
    yield home


def _containers(client: docker.DockerClient, prefix: str) -> list[docker.models.containers.Container]:
    every = client.containers.list(all=True, filters={"label": "backstay.workload"}, ignore_removed=True)
    return [one for one in every if str(one.labels["backstay.workload"]).startswith(f"{prefix}-")]


def _collect(home: LeakyHome, client: docker.DockerClient, prefix: str) -> None:
    """Everything that is there while it runs."""
    user, _, password = home.prefect_auth.partition(":")
    leak_evidence.prefect(home.evidence, home.prefect_url, (user, password))
    for name in ("backstay.db", "prefect.db"):
        leak_evidence.rows(home.evidence, home.home / name)
    leak_evidence.files(home.evidence, home.home)
    installation = _containers(client, prefix)[0].labels["backstay.installation"]
    label = f"backstay.installation={installation}"
    leak_evidence.engine(home.evidence, client, label)


def _without_banner(home: LeakyHome) -> str:
    """What `up` printed, without the one line that tells the admin Prefect's login."""
    said = home.screen.read_text(errors="replace")
    assert said.count(home.prefect_auth) == 1
    return said.replace(home.prefect_auth, "", 1)


def _report(hits: list[Hit]) -> str:
    lines = sorted({f"{hit.secret} as {'/'.join(sorted(hit.forms))} in {hit.place}: …{hit.around!r}…" for hit in hits})
    return f"{len(hits)} leaks:\n" + "\n".join(lines[:120])


@pytest.mark.timeout(400)
def test_no_secret_is_anywhere(found: LeakyHome, planted: dict[str, str]) -> None:
    hits = found.evidence.hits(planted)
    places = len(found.evidence.found)
    print(f"{len(planted)} secrets, {places} places, {found.evidence.size} bytes, {len(hits)} leaks")
    if hits:
        pytest.fail(_report(hits), pytrace=False)


def test_every_deploy_ended_as_it_was_meant_to(found: LeakyHome) -> None:
    assert len(found.outcomes) >= 16
    assert {name: both for name, both in found.outcomes.items() if both[0] != both[1]} == {}


def test_the_evidence_has_all_that_it_should(found: LeakyHome) -> None:
    there = set(found.evidence.found)
    for place in (
        *(
            "file backstay.db",
            "file prefect.db",
            "file logs/engine.jsonl",
            "file logs/engine.log",
            "file logs/prefect.log",
        ),
        *("table backstay.db/deploy_history", "table prefect.db/flow_run_state", "table prefect.db/log"),
        *("prefect flow_runs", "prefect task_runs", "prefect events", "prefect logs", "prefect states"),
        *("prefect websocket events", "docker events", "docker containers", "screen", "backstay doctor"),
        "answer to GET /api/workloads",
    ):
        assert place in there, sorted(there)


@pytest.mark.parametrize("form", sorted(forms_of("x")))
def test_the_search_finds_what_is_planted(planted: dict[str, str], form: str, tmp_path: Path) -> None:
    evidence = leak_evidence.Evidence()
    (tmp_path / "deep").mkdir()
    for name, secret in planted.items():
        for number, look in enumerate(sorted(forms_of(secret)[form])):
            (tmp_path / "deep" / f"{name}-{number}").write_bytes(b"\0before" + look + b"after\xff")
    leak_evidence.files(evidence, tmp_path)
    hits = [hit for hit in evidence.hits(planted) if form in hit.forms]
    assert {hit.secret for hit in hits} == {name for name, secret in planted.items() if forms_of(secret)[form]}


@pytest.mark.parametrize("offset", range(3))
def test_the_search_finds_base64_at_every_offset(offset: int) -> None:
    content = base64.b64encode(b"x" * offset + b"hunter2-hunter2" + b"y" * 7)
    assert [hit.forms for hit in find({"it": "hunter2-hunter2"}, "here", content)] == [{"base64"}]

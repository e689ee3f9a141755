"""Docker Compose, the program: which one is taken, and what it is given to see."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from db.settings import Settings
from db.states import ErrorCode
from tasks.compose import cli
from tasks.context import Context
from tasks.failures import Failure
from tasks.system import limited

REAL = Path(sys.executable).parent / "docker-compose"


def plugin(home: Path, says: str | None) -> str:
    """A plugin of Docker's: the real program, or one that says another version."""
    path = home / "cli-plugins" / "docker-compose"
    path.parent.mkdir(parents=True)
    if says is None:
        path.symlink_to(REAL)
    else:
        path.write_text(f"#!/bin/sh\necho {says}\n")
        path.chmod(0o755)
    return str(path)


@pytest.fixture
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's directory of a user, and no other program on the path."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("PATH", "/nonexistent")
    return tmp_path / "docker"


def test_the_plugin_is_taken_before_the_one_beside_python(settings: Settings, docker_config: Path) -> None:
    found = cli.find(settings)
    assert found is not None
    assert found.path in {*(f"{folder}/docker-compose" for folder in cli.PLUGINS), str(REAL)}
    path = plugin(docker_config, None)
    ours = cli.find(settings.model_copy(update={"compose": str(REAL)}))
    assert ours is not None
    assert cli.find(settings) == cli.Found(path, ours.version)


@pytest.mark.parametrize(
    ("says", "taken"),
    [("1.29.2", False), ("2.23.3", False), ("v2.24.0", True), ("2.40.0-desktop.1", True), ("", False)],
)
def test_one_that_is_too_old_is_none(settings: Settings, tmp_path: Path, says: str, taken: bool) -> None:
    path = plugin(tmp_path, says)
    found = cli.find(settings.model_copy(update={"compose": path}))
    assert (found is not None) is taken


def test_it_sees_nothing_of_our_environment_and_no_file_of_a_user(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS", "of-backstay")
    (tmp_path / ".env").write_text("BESIDE=of-the-directory")
    text = b"services: {web: {image: 'x:${OURS:-none}-${BESIDE:-none}-${GIVEN}', environment: [OURS, HOME]}}"
    arguments = ["--file", "-", "config", "--format", "json"]
    said = json.loads(cli.config(context, "p", tmp_path, arguments, {"GIVEN": "yes", "COMPOSE_FILE": "/x"}, text))
    web = said["services"]["web"]
    assert web["image"] == "x:none-none-yes"
    assert web["environment"]["OURS"] is None
    assert web["environment"]["HOME"] is None


STEERING = ["HOME", "PATH", "LD_PRELOAD", "GODEBUG", "GOTRACEBACK", "HTTPS_PROXY", "DOCKER_HOST", "DOCKER_CONFIG"]


def rendered(context: Context, folder: Path, text: str, variables: dict[str, str]) -> dict[str, Any]:
    """The service `web` of a file."""
    arguments = ["--file", "-", "config", "--format", "json"]
    said: dict[str, Any] = json.loads(cli.config(context, "p", folder, arguments, variables, text.encode()))
    return said["services"]["web"]  # type: ignore[no-any-return]


def test_a_file_sees_no_variable_that_the_program_needs_and_every_one_of_the_spec(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in STEERING:
        monkeypatch.setenv(name, "of-the-host")
    inner = ", ".join(f"{name}: '${{{name}:-}}'" for name in STEERING)
    text = f"services: {{web: {{image: x, environment: {{{inner}}}}}}}"
    assert set(rendered(context, tmp_path, text, {})["environment"].values()) == {""}
    # Each would break the program, were it in its environment.
    wrong = {name: f"/nonexistent/{name}" for name in STEERING} | {"GODEBUG": "netdns=1", "LD_PRELOAD": "/x.so"}
    assert rendered(context, tmp_path, text, wrong)["environment"] == wrong


def test_no_variable_of_a_spec_is_in_the_environment_of_the_program(context: Context, tmp_path: Path) -> None:
    program = tmp_path / "docker-compose"
    program.write_text("#!/bin/sh\ncase $1 in version) echo 5.0.0;; *) env;; esac\n")
    program.chmod(0o755)
    context.settings = context.settings.model_copy(update={"compose": str(program)})
    given = dict.fromkeys(
        [*STEERING, "OTEL_EXPORTER_OTLP_ENDPOINT", "SSL_CERT_FILE", "COMPOSE_FILE", "SHOP"], "of-spec"
    )
    said = cli.config(context, "p", tmp_path, ["config"], given).decode()
    names = {line.partition("=")[0] for line in said.splitlines()} - {"PWD", "SHLVL", "_", "OLDPWD"}  # the shell's own
    assert names.isdisjoint(given), names & set(given)
    assert "PATH=of-spec" not in said


@pytest.mark.parametrize(
    "value",
    [
        "",
        " a b ",
        "it's",
        'say "x"',
        "$HOME ${X} $$ $",
        "a\\nb \\\\ c\\",
        "two\nlines\n",
        "# no comment",
        "é ☃",
        "a=b",
        "'q'",
        "`x`",
    ],
)
def test_values_arrive_as_they_are(context: Context, tmp_path: Path, value: str) -> None:
    text = "services: {web: {image: x, environment: {A: '${V}', V: , B: 'x${V}y'}}}"
    seen = rendered(context, tmp_path, text, {"V": value})["environment"]
    assert {name: one.replace("$$", "$") for name, one in seen.items()} == {"A": value, "V": value, "B": f"x{value}y"}


def aliases(what: str, levels: int, width: int) -> str:
    """A few hundred bytes that are millions of nodes."""
    lines = [f"x-0: &a0 {what % '1'}"]
    for level in range(1, levels):
        inner = ", ".join([f"k{n}: *a{level - 1}" if what[0] == "{" else f"*a{level - 1}" for n in range(width)])
        lines.append(f"x-{level}: &a{level} " + ("{%s}" if what[0] == "{" else "[%s]") % inner)
    return "\n".join(lines) + f"\nservices: {{web: {{image: x, x-more: *a{levels - 1}}}}}"


BOMBS = {
    "aliases of mappings": aliases("{a: %s}", 7, 9),
    "aliases of lists": aliases("[%s]", 8, 9),
    "ranges of ports": "services: {"
    + ", ".join(f"s{n}: {{image: x, ports: ['1-65000:1-65000']}}" for n in range(50)) + "}",
    "one range that makes a large file": "services: {web: {image: x, ports: ['1-65000:1-65000']}}",
    "a huge anchor": "x-l: &l {" + ", ".join(f"k{n}: '{'v' * 50}'" for n in range(3000)) + "}\nservices: {"
    + ", ".join(f"s{n}: {{image: x, labels: *l}}" for n in range(1000)) + "}",
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_file_that_takes_too_much_is_stopped(context: Context, tmp_path: Path, bomb: str) -> None:
    argv = [sys.executable, "-m", "tests.docker.bomb_cost", str(context.settings.home), str(tmp_path)]
    done = subprocess.run(argv, input=BOMBS[bomb].encode(), capture_output=True, check=True)
    outcome, seconds, memory = json.loads(done.stdout)
    assert outcome == f"{ErrorCode.INVALID_SOURCE} {cli.TOO_LARGE}"
    assert seconds < 1.5 * cli.CONFIG_LIMITS.cpu_s
    assert memory < 1.2 * cli.CONFIG_LIMITS.data_bytes


@pytest.mark.parametrize(
    "files",
    [
        {"compose.yaml": "include: [a.yaml]", "a.yaml": "include: [compose.yaml]"},
        {"compose.yaml": "services: {web: {extends: {file: a.yaml, service: b}}}",
         "a.yaml": "services: {b: {extends: {file: compose.yaml, service: web}}}"},
    ],
)  # fmt: skip
def test_files_that_name_each_other_end(context: Context, tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(Failure) as caught:
        cli.config(context, "p", tmp_path, ["--file", str(tmp_path / "compose.yaml"), "config"], {})
    assert (caught.value.code, caught.value.kind) == (ErrorCode.INVALID_SOURCE, "compose")


def test_a_file_of_thirty_services_takes_a_fifth_of_what_it_may(context: Context, tmp_path: Path) -> None:
    environment = ", ".join(f"V{n}: value-{n}" for n in range(40))
    labels = ", ".join(f"proxy.l{n}: value-{n}" for n in range(30))
    services = [
        f"{'s' if n else 'web'}{n or ''}: {{image: x, environment: {{{environment}}}, labels: {{{labels}}}, "
        f"ports: ['{8000 + n}:80'], volumes: ['./d{n}:/d']}}"
        for n in range(30)
    ]
    text = f"services: {{{', '.join(services)}}}"
    limits = cli.CONFIG_LIMITS
    less = limited.Limits(limits.data_bytes // 5, limits.cpu_s // 5, limits.output_bytes // 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "CONFIG_LIMITS", less)
        assert rendered(context, tmp_path, text, {})["image"] == "x"


def test_what_it_says_of_a_bad_file_is_in_the_log_alone(context: Context, tmp_path: Path) -> None:
    with pytest.raises(Failure) as caught:
        cli.config(context, "p", tmp_path, ["--file", "-", "config"], {}, b"services: {web: {image: x, prots: []}}")
    assert (caught.value.code, caught.value.__context__) == (ErrorCode.INVALID_SOURCE, None)
    assert "prots" in (context.settings.logs / "test.jsonl").read_text()

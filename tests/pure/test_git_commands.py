"""What git is told, as lists and mappings, and what its answers are taken for."""

from __future__ import annotations

import io
import shlex
from pathlib import Path

import pytest

from db.states import ErrorCode
from tasks.credentials import GitLogin
from tasks.git import commands
from tasks.git.errors import Listed, branch_of_head, commit_of, error_code_for, listed, may_be_login
from tasks.git.module_addresses import Link
from tasks.sources.addresses import Address

HOME = Path("/home of/git")
URL = "https://git.example/shop.git"
ONE, TWO = "1" * 40, "2" * 40
HTTPS = Address("https", "git.example:8443", "/shop.git")
SSH = Address("ssh", "git.example", "/shop.git", "git")


def test_the_commands_are_plain_lists_and_end_their_options_before_an_address() -> None:
    assert commands.list_refs(URL, "v1") == [
        *("git", "ls-remote", "--quiet", "--exit-code", "--symref", "--", URL),
        *("refs/heads/v1", "refs/tags/v1^{}", "refs/tags/v1"),
    ]
    fetch = commands.fetch(Path("/c.git"), URL, ONE)
    assert fetch[-3:] == ["--", URL, f"+{ONE}:refs/backstay/{ONE}"]
    assert "--depth=1" in fetch
    assert commands.names_of("refs/pull/1/head") == ("refs/pull/1/head^{}", "refs/pull/1/head")


def environment(address: Address, login: GitLogin, key_path: str | None = None) -> dict[str, str]:
    """The environment, of a process that has more than it passes on."""
    ours = {"PATH": "/bin", "HOME": "/root", "GIT_DIR": "/x", "SSH_AUTH_SOCK": "/x", "https_proxy": "http://proxy"}
    return commands.environment(ours, HOME, address, login, ("https", "ssh"), key_path)


def config(env: dict[str, str]) -> dict[str, str]:
    """The configuration that git reads from an environment."""
    return {env[f"GIT_CONFIG_KEY_{at}"]: env[f"GIT_CONFIG_VALUE_{at}"] for at in range(int(env["GIT_CONFIG_COUNT"]))}


def test_nothing_of_the_machine_and_its_users_counts_and_nobody_is_asked() -> None:
    env = environment(HTTPS, GitLogin())
    assert (env["PATH"], env["HOME"], env["https_proxy"]) == ("/bin", str(HOME), "http://proxy")
    assert not {"GIT_DIR", "SSH_AUTH_SOCK"} & env.keys()
    assert env["GIT_CONFIG_NOSYSTEM"] == env["GIT_ATTR_NOSYSTEM"] == "1"
    assert env["GIT_CONFIG_GLOBAL"] == "/dev/null"
    assert env["GIT_TERMINAL_PROMPT"] == "0"
    assert env["GIT_ALLOW_PROTOCOL"] == "https:ssh"
    assert config(env)["core.hooksPath"] == "/dev/null"
    assert config(env)["credential.helper"] == ""


def test_a_password_is_in_the_environment_alone_and_for_one_server() -> None:
    env = environment(HTTPS, GitLogin("ann", "s3cr3t value'\"$(id)"))
    assert [key for key, value in env.items() if "s3cr3t" in value] == ["BACKSTAY_GIT_PASSWORD"]
    assert env["BACKSTAY_GIT_USERNAME"] == "ann"
    assert [key for key in config(env) if key.startswith("credential.") and key.endswith(".helper")][1:] == [
        "credential.https://git.example:8443.helper"
    ]
    for address in (SSH, Address("file", "", "/x")):
        assert "s3cr3t" not in str(environment(address, GitLogin("ann", "s3cr3t")))


def test_ssh_asks_nobody_and_uses_the_given_key_alone() -> None:
    env = environment(SSH, GitLogin(ssh_key="-----"), "/proc/1/fd/3")
    argv = shlex.split(env["GIT_SSH_COMMAND"])
    assert argv[:3] == ["ssh", "-F", "/dev/null"]
    options = dict(option.split("=", 1) for option in argv[4::2])
    assert options["BatchMode"] == "yes"
    assert options["StrictHostKeyChecking"] == "accept-new"
    assert options["GlobalKnownHostsFile"] == "/dev/null"
    assert options["UserKnownHostsFile"] == '"/home of/git/known_hosts"'
    assert options["IdentityFile"] == "/proc/1/fd/3"
    assert options["IdentitiesOnly"] == "yes"
    assert options["IdentityAgent"] == "none"
    assert "-----" not in str(env)
    assert "IdentityFile=none" in environment(SSH, GitLogin())["GIT_SSH_COMMAND"]


@pytest.mark.parametrize(
    ("listed", "ref", "commit"),
    [
        (f"{ONE}\trefs/heads/main\n", "main", ONE),
        (f"{ONE}\trefs/tags/x\n{TWO}\trefs/heads/x\n", "x", TWO),
        (f"{ONE}\trefs/tags/v1\n{TWO}\trefs/tags/v1^{{}}\n", "v1", TWO),
        (f"{ONE}\trefs/tags/v1\n", "v1", ONE),
        (f"{ONE}\tHEAD\n", "HEAD", ONE),
        (f"{ONE}\trefs/heads/other/main\n", "main", None),
        (f"{ONE}\trefs/x/refs/heads/main\n", "main", None),
        ("warning: redirecting\n", "main", None),
        ("", "main", None),
    ],
)
def test_a_ref_is_the_branch_then_the_tag_and_never_a_namesake(listed: str, ref: str, commit: str | None) -> None:
    assert commit_of(listed, ref) == commit


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("fatal: could not read Username for 'https://github.com': terminal prompts disabled", "auth_required"),
        ("remote: HTTP Basic: Access denied\nfatal: Authentication failed for 'https://x/'", "auth_required"),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 403", "auth_required"),
        ("git@github.com: Permission denied (publickey).\nfatal: Could not read from remote", "auth_required"),
        ("fatal: remote error: upload-pack: not our ref 1111", "reference_not_found"),
        ("error: Server does not allow request for unadvertised object 1111", "reference_not_found"),
        ("fatal: couldn't find remote ref refs/heads/x", "reference_not_found"),
        ("fatal: repository 'https://x/y.git/' not found", "source_unavailable"),
        ("fatal: unable to access 'https://x/': Could not resolve host: x", "source_unavailable"),
        ("ssh: connect to host x port 22: Connection refused\nfatal: Could not read from remote", "source_unavailable"),
        ("No ED25519 host key is known for x\nHost key verification failed.\nfatal: Could not", "host_key_changed"),
        ("", "source_unavailable"),
    ],
)
def test_what_a_server_said_becomes_a_code(words: str, code: str) -> None:
    assert error_code_for(words) == ErrorCode(code)


@pytest.mark.parametrize(
    ("words", "is_one"),
    [
        ("ERROR: Repository not found.\nfatal: Could not read from remote repository.", True),
        ("remote: Repository not found.\nfatal: repository 'https://github.com/acme/shop/' not found", True),
        ("remote: The project you were looking for could not be found or you don't have permission to view it.", True),
        ("git@git.example: Permission denied (publickey).", True),
        ("fatal: unable to access 'https://git.example/a/': Could not resolve host: git.example", False),
        ("fatal: couldn't find remote ref refs/heads/none", False),
        ("", False),
    ],
)
def test_a_server_may_hide_what_a_login_may_not_see(words: str, is_one: bool) -> None:
    assert may_be_login(words) is is_one


def test_the_branch_behind_head_is_read_where_it_is_one() -> None:
    said = f"ref: refs/heads/trunk/x\tHEAD\n{ONE}\tHEAD\n"
    assert (branch_of_head(said), commit_of(said, "HEAD")) == ("trunk/x", ONE)
    assert branch_of_head(f"{ONE}\tHEAD\n") is None
    assert branch_of_head(f"ref: refs/heads/x\trefs/remotes/origin/HEAD\n{ONE}\tHEAD\n") is None


def test_a_commit_has_the_size_of_its_files_and_its_submodules_beside() -> None:
    files = (
        f"100644 blob {ONE}    1200\ta\tb.txt",
        f"120000 blob {ONE}      11\tlink",
        f"100644 blob {ONE}      40\t.gitmodules",
        f"160000 commit {TWO}       -\tsub/a b",
        f"160000 commit {ONE}       -\tz",
    )
    entries = "".join(f"{file}\0" for file in files).encode()
    links = [Link("sub/a b", TWO), Link("z", ONE)]
    assert listed(io.BytesIO(entries), 10) == Listed(1251, links, 40)
    assert listed(io.BytesIO(entries), 1) == Listed(1251, links[:1], 40)
    assert listed(io.BytesIO(b""), 10) == Listed()
    many = f"{files[0]}\0".encode() * 30_000  # more than is read at once
    assert listed(io.BytesIO(many), 10).size == 1200 * 30_000

"""The commands and the environment of git, as plain lists and mappings; tasks.git.repository runs them. Pure.

No configuration of the machine or a user applies, nothing prompts, no hook and no filter runs. No argument contains a
secret: a password is in the environment, from which a credential helper with a constant text passes it to that one
server, and ssh reads a key from the path that it is given.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from tasks.credentials import GitLogin
from tasks.sources.addresses import Address

# The variables passed on from our environment: how to reach the network, nothing of git's or ssh's.
PASSED_ON = (
    *("PATH", "http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"),
)
USERNAME, PASSWORD = "BACKSTAY_GIT_USERNAME", "BACKSTAY_GIT_PASSWORD"
_HELPER = f"""!f() {{ test "$1" = get && printf 'username=%s\\npassword=%s\\n' "${USERNAME}" "${PASSWORD}"; }}; f"""
_FETCH = ("--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--no-recurse-submodules", "--quiet")
_ALL_OF_IT = f"--depth={2**31 - 1}"  # git's own number for "no limit"; it also deepens a shallow repository
_SEEN = "refs/seen/"
_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "credential.helper": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
}


def environment(
    ours: Mapping[str, str],
    home: Path,
    address: Address,
    login: GitLogin,
    protocols: Sequence[str],
    key_path: str | None = None,
) -> dict[str, str]:
    """Return the whole environment of a git command. `home` holds known_hosts, `key_path` the ssh key."""
    config = dict(_CONFIG)
    secret: dict[str, str] = {}
    if login.password and address.protocol in {"https", "http"}:
        # git compares protocol, host and port itself, so a redirect to another server gets no password.
        config[f"credential.{address.protocol}://{address.host}.helper"] = _HELPER
        secret = {USERNAME: login.username, PASSWORD: login.password}
    numbered = list(enumerate(config.items()))
    return {
        **{name: ours[name] for name in PASSED_ON if name in ours},
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_ALLOW_PROTOCOL": ":".join(protocols),
        "GIT_SSH_COMMAND": shlex.join(ssh(home / "known_hosts", key_path)),
        "GIT_SSH_VARIANT": "ssh",
        "GIT_CONFIG_COUNT": str(len(numbered)),
        **{f"GIT_CONFIG_KEY_{at}": key for at, (key, _) in numbered},
        **{f"GIT_CONFIG_VALUE_{at}": value for at, (_, value) in numbered},
        **secret,
    }


def ssh(known_hosts: Path, key_path: str | None) -> list[str]:
    """Return ssh without prompt and without the user's keys, agent and configuration. A server's key is accepted at
    first contact and must stay the same."""
    options = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "accept-new",
        "UserKnownHostsFile": f'"{known_hosts}"',
        "GlobalKnownHostsFile": "/dev/null",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "IdentityFile": key_path or "none",
        "PreferredAuthentications": "publickey",
        "ConnectTimeout": "20",
        "ServerAliveInterval": "15",
    }
    return ["ssh", "-F", "/dev/null", *(part for key, value in options.items() for part in ("-o", f"{key}={value}"))]


def init(cache: Path) -> list[str]:
    """Make an empty repository without working tree, hooks and template."""
    return ["git", "init", "--quiet", "--bare", "--template=", "--", str(cache)]


def list_refs(url: str, ref: str) -> list[str]:
    """Query the commit of a ref on a server; exits with code 2 when it has none of that name."""
    return ["git", "ls-remote", "--quiet", "--exit-code", "--symref", "--", url, *names_of(ref)]


def names_of(ref: str) -> tuple[str, ...]:
    """Return the full names that a ref can have on the server, in order of precedence."""
    if ref == "HEAD" or ref.startswith("refs/"):
        return (f"{ref}^{{}}", ref)
    return (f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}")


def fetch(cache: Path, url: str, commit: str) -> list[str]:
    """Fetch one commit without its history, under a name that keeps it."""
    return ["git", f"--git-dir={cache}", "fetch", "--depth=1", *_FETCH, "--", url, f"+{commit}:{name_of(commit)}"]


def fetch_all(cache: Path, url: str) -> list[str]:
    """Fetch every branch and tag with its history, under names that are removed again: for servers that serve only
    named commits."""
    everything = (f"+refs/{kind}/*:{_SEEN}{kind}/*" for kind in ("heads", "tags"))
    return ["git", f"--git-dir={cache}", "fetch", _ALL_OF_IT, *_FETCH, "--", url, *everything]


def keep(cache: Path, commit: str) -> list[str]:
    """Give a fetched commit the name that keeps it; fails when there is no such commit."""
    return ["git", f"--git-dir={cache}", "update-ref", name_of(commit), f"{commit}^{{commit}}"]


def seen(cache: Path) -> list[str]:
    """List the names of `fetch_all` as commands to delete them, for `obey`."""
    return ["git", f"--git-dir={cache}", "for-each-ref", "--format=delete %(refname)", _SEEN]


def obey(cache: Path) -> list[str]:
    """Update names by the commands on standard input."""
    return ["git", f"--git-dir={cache}", "update-ref", "--stdin"]


def name_of(commit: str) -> str:
    """Return the name under which a fetched commit is kept."""
    return f"refs/backstay/{commit}"


def has(cache: Path, commit: str) -> list[str]:
    """Print the commit of a kept name; fails when there is none."""
    return ["git", f"--git-dir={cache}", "rev-parse", "--quiet", "--verify", f"{name_of(commit)}^{{commit}}"]


def sizes(cache: Path, commit: str) -> list[str]:
    """List every file of a commit with its size, ended by NUL."""
    return ["git", f"--git-dir={cache}", "ls-tree", "-r", "-l", "-z", "--full-tree", commit]


def module_addresses(cache: Path, commit: str) -> list[str]:
    """Print paths and addresses of a commit's submodules, each entry ended by NUL; includes are not followed."""
    wanted = r"^submodule\..*\.(path|url)$"
    blob = f"--blob={commit}:.gitmodules"
    return ["git", f"--git-dir={cache}", "config", "--no-includes", blob, "--null", "--get-regexp", wanted]


def read_tree(cache: Path, commit: str) -> list[str]:
    """Put the files of a commit into the index that GIT_INDEX_FILE names."""
    return ["git", f"--git-dir={cache}", "read-tree", commit]


def check_out(cache: Path, tree: Path) -> list[str]:
    """Write the files of the index into a directory. Unlike `git checkout` it knows no hook and moves no branch."""
    return ["git", f"--git-dir={cache}", f"--work-tree={tree}", "checkout-index", "--all", "--quiet"]


def kept(cache: Path) -> list[str]:
    """List the commits that are kept."""
    return ["git", f"--git-dir={cache}", "for-each-ref", "--format=%(refname:lstrip=2)", "refs/backstay/"]


def forget(cache: Path, commit: str) -> list[str]:
    """Delete the name of a kept commit."""
    return ["git", f"--git-dir={cache}", "update-ref", "-d", name_of(commit)]


def tidy(cache: Path) -> list[str]:
    """Remove what no kept commit needs."""
    return ["git", f"--git-dir={cache}", "gc", "--quiet", "--prune=now"]

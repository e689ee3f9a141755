"""Real repositories, as files and from a real server: resolved, fetched by commit, nothing of theirs executed."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db.access.git_credentials import put
from db.states import ErrorCode
from tasks.context import Context, now
from tasks.failures import Failure
from tasks.git.repository import Repository
from tests.docker.git_servers import GitServer, new_repository, serving_git
from tests.docker.git_servers import Repository as Served
from tests.docker.ssh_servers import ecdsa_key, public_key, serving_ssh, show_key
from tests.real_parts import wait_until
from tests.web.test_git_credentials import private_key

TOKEN = "tok3n-of-the-tests/with:odd@signs"


@pytest.fixture
def served(tmp_path: Path) -> Served:
    """A repository with one commit."""
    return new_repository(tmp_path / "served" / "shop", {"page": "one", "sub/file": "x"})


@pytest.fixture
def server(served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitServer]:
    """A server over https that wants a login, with `served` on it."""
    with serving_git(served.path.parent, "x-access-token", TOKEN) as server:
        monkeypatch.setenv("GIT_SSL_CAINFO", str(server.certificate))
        yield server


def repository(context: Context, url: str, look: Callable[[], None] = lambda: None) -> Repository:
    """As the product sees it."""
    return Repository(context, url, look)


def log_in(context: Context, host: str, token: str) -> None:
    """Store a token."""
    with context.database.writing() as session:
        put(session, host, "x-access-token", context.vault.lock(token), None, now())


def refused(action: Callable[[], object]) -> ErrorCode:
    """The code that an action ends with."""
    with pytest.raises(Failure) as caught:
        action()
    assert caught.value.__context__ is None
    return caught.value.code


def test_a_ref_is_resolved_and_a_commit_checked_out_as_it_was(context: Context, served: Served) -> None:
    first = served.git("rev-parse", "HEAD")
    served.git("tag", "-a", "v1", "-m", "one")
    second = served.commit({"page": "two", "run.sh": "#!/bin/sh\n"})
    (served.path / "run.sh").chmod(0o755)
    (served.path / "link").symlink_to("/etc/passwd")
    third = served.commit({})
    shop = repository(context, served.url)
    assert (shop.resolve("main"), shop.resolve("v1"), shop.resolve("HEAD")) == (third, first, third)
    assert refused(lambda: shop.resolve("nothing")) == ErrorCode.REFERENCE_NOT_FOUND
    assert not shop.has(first)
    with shop.checkout(first) as tree:
        assert {path.name for path in tree.iterdir()} == {"page", "sub"}
        assert (tree / "page").read_text() == "one"
    assert not tree.parent.exists()
    with shop.checkout(third) as tree:
        assert os.access(tree / "run.sh", os.X_OK)
        assert (tree / "link").readlink() == Path("/etc/passwd")
    assert list(context.settings.work.iterdir()) == []
    assert shop.has(first)
    assert not shop.has(second)
    assert refused(lambda: shop.bring("1" * 40)) == ErrorCode.REFERENCE_NOT_FOUND
    assert refused(lambda: shop.bring(served.git("rev-parse", "HEAD^{tree}"))) == ErrorCode.REFERENCE_NOT_FOUND


def test_a_commit_that_was_forced_away_is_fetched_while_the_server_has_it_and_kept_when_it_has_not(
    context: Context, served: Served
) -> None:
    gone = served.commit({"page": "gone"})
    served.force_back({"page": "instead"})
    shop = repository(context, served.url)
    assert shop.bring(gone) is True
    served.forget_the_past()
    assert shop.bring(gone) is False
    with shop.checkout(gone) as tree:
        assert (tree / "page").read_text() == "gone"
    another = served.commit({"page": "another"})
    served.force_back({"page": "instead"})
    served.forget_the_past()
    assert refused(lambda: shop.bring(another)) == ErrorCode.REFERENCE_NOT_FOUND


def test_a_token_opens_its_own_server_and_goes_nowhere_else(
    context: Context, served: Served, server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = repository(context, server.url(served))
    commit = served.git("rev-parse", "HEAD")
    assert refused(lambda: shop.resolve("main")) == ErrorCode.AUTH_REQUIRED
    log_in(context, server.host, "wrong-token")
    assert refused(lambda: shop.resolve("main")) == ErrorCode.AUTH_REQUIRED
    log_in(context, server.host, TOKEN)
    assert shop.resolve("main") == commit
    with shop.checkout(commit) as tree:
        assert (tree / "page").read_text() == "one"
        assert _holders(context.settings.home, TOKEN) == []
    absent = repository(context, f"https://{server.host}/none.git")
    assert refused(lambda: absent.resolve("main")) == ErrorCode.SOURCE_UNAVAILABLE
    elsewhere_root = tmp_path / "elsewhere"
    elsewhere_root.mkdir()
    with serving_git(elsewhere_root) as elsewhere:
        log_in(context, elsewhere.host, "for-elsewhere-only")
        elsewhere.redirect_to = f"https://{server.host}"
        server.asked.clear()
        moved = f"https://{elsewhere.host}/{served.path.name}/.git"
        monkeypatch.setenv("GIT_SSL_CAINFO", str(_both(tmp_path, server, elsewhere)))
        assert refused(lambda: repository(context, moved).resolve("main")) == ErrorCode.AUTH_REQUIRED
        assert [with_login for _, with_login in server.asked] == [False]
    assert _holders(context.settings.home, TOKEN) == []


def test_the_address_of_nobody_and_a_protocol_that_is_not_allowed(context: Context) -> None:
    nobody = repository(context, "https://127.0.0.1:1/shop.git")
    assert refused(lambda: nobody.resolve("main")) == ErrorCode.SOURCE_UNAVAILABLE
    assert refused(lambda: repository(context, "http://127.0.0.1:1/shop.git")) == ErrorCode.INVALID_SOURCE
    ssh = repository(context, "ssh://git@127.0.0.1:1/shop.git")
    assert refused(lambda: ssh.resolve("main")) == ErrorCode.SOURCE_UNAVAILABLE


def test_nothing_that_a_repository_brings_along_is_executed(
    context: Context, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filters, hooks and the configuration of the user are armed; each would leave a file behind."""
    trap = tmp_path / "sprung"
    spring = f"touch {trap}; cat"
    person = tmp_path / "person"
    person.mkdir()
    (person / ".gitconfig").write_text(
        f'[filter "lfs"]\nsmudge = {spring}\nprocess = {spring}\nrequired\n[core]\nfsmonitor = touch {trap}\n'
        f"hooksPath = {person}\n[init]\ntemplateDir = {person}\n[uploadpack]\npackObjectsHook = {spring}\n"
    )
    for hook in ("post-checkout", "post-index-change", "reference-transaction"):
        (person / hook).write_text(f"#!/bin/sh\ntouch {trap}\n")
        (person / hook).chmod(0o755)
    monkeypatch.setenv("HOME", str(person))
    other = new_repository(tmp_path / "served" / "other", {"secret": "of another repository"})
    served.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.url, "module")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"
    commit = served.commit({".gitattributes": "*.bin filter=lfs\n", "big.bin": pointer})
    shop = repository(context, served.url)
    with shop.checkout(commit) as tree:
        assert (tree / "big.bin").read_text() == pointer
        assert list((tree / "module").iterdir()) == []
    assert not trap.exists()


def test_what_is_too_large_is_refused(context: Context, served: Served) -> None:
    context.settings = context.settings.model_copy(update={"source_max_mb": 1})
    zeros = served.commit({"zeros": b"\0" * 1_100_000})  # small on the way, large when it is unpacked
    noise = served.commit({"zeros": "", "noise": os.urandom(9_000_000)})
    shop = repository(context, served.url)
    with pytest.raises(Failure) as caught, shop.checkout(zeros):
        pass
    assert caught.value.code == ErrorCode.INVALID_SOURCE
    with pytest.raises(Failure) as caught, shop.checkout(noise):
        pass
    assert caught.value.code == ErrorCode.INVALID_SOURCE


def test_a_few_objects_that_are_a_thousand_million_files_are_refused_without_listing_them(
    context: Context, served: Served
) -> None:
    tree, kind = served.git("rev-parse", "HEAD:page"), "100644 blob"
    for _ in range(9):
        listed = "".join(f"{kind} {tree}\tf{number}\n" for number in range(10))
        tree, kind = served.git("mktree", stdin=listed), "040000 tree"
    commit = served.git("commit-tree", tree, "-m", "many")
    served.git("update-ref", "refs/heads/many", commit)
    shop, began = repository(context, served.url), time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(Failure) as caught, shop.checkout(commit):
            pass
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert (caught.value.code, time.monotonic() - began < 60) == (ErrorCode.INVALID_SOURCE, True)
    assert list(context.settings.work.iterdir()) == []


def test_a_redirect_does_not_lead_to_a_protocol_that_is_not_allowed(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, serving_git(tmp_path) as server:
        monkeypatch.setenv("GIT_SSL_CAINFO", str(server.certificate))
        server.redirect_to = f"http://127.0.0.1:{listener.getsockname()[1]}"
        moved = repository(context, f"https://{server.host}/shop.git")
        assert refused(lambda: moved.resolve("main")) == ErrorCode.SOURCE_UNAVAILABLE
        assert server.asked
        listener.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_step_of_git_that_takes_too_long_is_ended(
    context: Context, tmp_path: Path, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "bin"
    slow.mkdir()
    (slow / "git").write_text("#!/bin/sh\nexec sleep 321\n")
    (slow / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow}:{os.environ['PATH']}")
    context.settings = context.settings.model_copy(update={"git_timeout": 1})
    began = time.monotonic()
    assert refused(lambda: repository(context, served.url).resolve("main")) == ErrorCode.SOURCE_UNAVAILABLE
    assert 1 <= time.monotonic() - began < 30


def test_a_cancel_ends_git_and_all_that_it_started(
    context: Context, tmp_path: Path, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "bin"
    slow.mkdir()
    sleep = f"sleep 321.{os.getpid()}"  # no other run on this machine has it
    (slow / "git").write_text(f"#!/bin/sh\n{sleep} & {sleep}\n")
    (slow / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow}:{os.environ['PATH']}")

    def cancelled() -> None:
        raise Failure(ErrorCode.CANCELLED, "cancel")

    began = time.monotonic()
    assert refused(lambda: repository(context, served.url, cancelled).resolve("main")) == ErrorCode.CANCELLED
    assert time.monotonic() - began < 10
    wait_until(lambda: sleep not in _processes(), 5, "what git started is still there")


def test_a_key_opens_an_ssh_server_and_is_on_no_disk(context: Context, served: Served, tmp_path: Path) -> None:
    key = private_key()
    with serving_ssh(tmp_path / "ssh", key) as server:
        shop = repository(context, server.url(served))
        assert refused(lambda: shop.resolve("main")) == ErrorCode.AUTH_REQUIRED
        show_key(context, server.host, private_key())
        assert refused(lambda: shop.resolve("main")) == ErrorCode.AUTH_REQUIRED
        show_key(context, server.host, key)
        commit = served.git("rev-parse", "HEAD")
        assert shop.resolve("main") == commit
        with shop.checkout(commit) as tree:
            assert (tree / "page").read_text() == "one"
            assert _holders(context.settings.home, key.splitlines()[2]) == []
        # Such a server speaks the old protocol, which gives only what has a name.
        gone = served.commit({"page": "gone"})
        newer = served.commit({"page": "newer"})
        served.git("tag", "newest")
        assert shop.bring(gone) is True
        served.force_back({"page": "instead"})
        assert shop.bring(newer) is True
        assert refused(lambda: shop.bring("1" * 40)) == ErrorCode.REFERENCE_NOT_FOUND
        absent = repository(context, f"{server.url(served)}/none")
        assert refused(lambda: absent.resolve("main")) == ErrorCode.SOURCE_UNAVAILABLE
    assert refused(lambda: shop.resolve("main")) == ErrorCode.SOURCE_UNAVAILABLE
    for one, page in ((commit, "one"), (gone, "gone"), (newer, "newer")):
        with shop.checkout(one) as tree:
            assert (tree / "page").read_text() == page
    assert _holders(context.settings.home, key.splitlines()[2]) == []
    assert not [path for path in Path("/proc/self/fd").iterdir() if "memfd:key" in os.path.realpath(path)]


def test_an_ssh_server_has_to_keep_the_key_that_it_was_first_met_with(
    context: Context, served: Served, tmp_path: Path
) -> None:
    key, first = private_key(), private_key()
    with serving_ssh(tmp_path / "first", key, host_key=first) as server:
        shop = repository(context, server.url(served))
        # It is noted at the very first meeting, though nobody can log in yet.
        assert refused(lambda: shop.resolve("main")) == ErrorCode.AUTH_REQUIRED
        show_key(context, server.host, key)
    known_hosts = context.settings.git / "known_hosts"
    noted = known_hosts.read_text()
    assert noted == f"[127.0.0.1]:{server.port} {public_key(first)}\n"
    for other in (private_key(), ecdsa_key()):  # the second is of another type
        with serving_ssh(tmp_path / "other", key, port=server.port, host_key=other) as impostor:
            assert refused(lambda: shop.resolve("main")) == ErrorCode.HOST_KEY_CHANGED
            assert refused(lambda: shop.bring("1" * 40)) == ErrorCode.HOST_KEY_CHANGED
            assert "publickey" not in impostor.log.read_text()  # our key was not shown to it
    assert known_hosts.read_text() == noted
    # A person says that the new key is right; names may be hashed.
    known_hosts.write_text(noted.replace(public_key(first), public_key(other)))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known_hosts)], capture_output=True, check=True)
    with serving_ssh(tmp_path / "other", key, port=server.port, host_key=other):
        assert shop.resolve("main") == served.git("rev-parse", "HEAD")
    with serving_ssh(tmp_path / "first", key, port=server.port, host_key=first):
        assert refused(lambda: shop.resolve("main")) == ErrorCode.HOST_KEY_CHANGED


def _holders(directory: Path, secret: str) -> list[str]:
    return [str(path) for path in directory.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def _both(directory: Path, *servers: GitServer) -> Path:
    path = directory / "both.pem"
    path.write_text("".join(server.certificate.read_text() for server in servers))
    return path


def _processes() -> str:
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout

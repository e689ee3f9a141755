"""Git repositories: a ref into a commit, a commit into a directory. Runs what tasks.git.commands composes.

Fetched commits are kept, one at a time and without history, in HOME/git, so that a pin can be checked out again when
the branch has moved on, was force-pushed, or the server is down. tasks.git.cache removes what no release needs.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from db.messages.events import Told, tell
from db.states import ErrorCode
from tasks.context import Context
from tasks.credentials import GitLogin
from tasks.failures import Failure
from tasks.git import commands, errors
from tasks.git.module_addresses import Link, addresses
from tasks.sources.addresses import is_commit, parse_address
from tasks.sources.credential_names import names_for, names_for_part
from tasks.system.file_locks import locked
from tasks.system.processes import Finished, run

MEGABYTE = 1_000_000
MOST_LINKS = 1000
MOST_LISTED = 64 * MEGABYTE  # bytes of the list of a commit's files: more than half a million of them


class Repository:
    """One repository by its address. `look` is called each half second while git runs and may raise to end it. `note`
    takes a line for the event log. `names` are those that credentials may be stored under, the first one that has some
    is used; by default all that fit the address.

    Raises Failure(invalid_source) for an address that the settings do not allow.
    """

    def __init__(
        self,
        context: Context,
        url: str,
        look: Callable[[], None],
        note: Callable[[Told], None] | None = None,
        *,
        names: Sequence[str] | None = None,
    ) -> None:
        address = parse_address(url)
        if address is None or address.protocol not in context.settings.git_protocols_allowed:
            raise Failure(ErrorCode.INVALID_SOURCE, "protocol")
        self._context, self._url, self._look, self._address = context, url, look, address
        self._names = names_for(address) if names is None else names
        self._note, self._login = note, GitLogin()
        self._cache = cache_of(context, url)

    @property
    def url(self) -> str:
        """Its address."""
        return self._url

    def resolve(self, ref: str) -> str:
        """Return the current commit of a branch or a tag on the server; see `locate`."""
        return self.locate(ref)[1]

    def locate(self, ref: str) -> tuple[str, str]:
        """Return a ref and its current commit on the server: the branch when a tag has the same name, and for HEAD the
        branch that it stands for, if it is one.

        A full hash stands for itself. Raises Failure: reference_not_found, auth_required, source_unavailable,
        host_key_changed.
        """
        if is_commit(ref):
            return ref, ref
        done = self._ask_server(commands.list_refs(self._url, ref))
        listed = done.stdout.decode(errors="replace")
        found = errors.commit_of(listed, ref)
        if done.code == 2 or (done.code == 0 and found is None):
            raise Failure(ErrorCode.REFERENCE_NOT_FOUND, "ref")
        if done.code != 0 or found is None:
            raise self._refused(done)
        return (errors.branch_of_head(listed) or ref) if ref == "HEAD" else ref, found

    def bring(self, commit: str) -> bool:
        """Ensure that the commit is in HOME/git; return whether the server had to be contacted.

        Works for a commit on no branch, as long as the server still has it. Raises Failure: reference_not_found (no
        such commit), auth_required, source_unavailable, invalid_source (too large).
        """
        with self._locked():
            return self._bring(commit)

    def _bring(self, commit: str) -> bool:
        if self.has(commit):
            return False
        if not (self._cache / "HEAD").exists():
            self._expect(self._run(commands.init(self._cache)))
        limit = self._context.settings.source_max_mb * MEGABYTE + _size(self._cache)
        done = self._ask_server(commands.fetch(self._cache, self._url, commit), limit)
        if done.code != 0 and errors.gives_names_only(_words(done)):
            done = self._bring_all(commit, limit)
        if done.code != 0:
            raise self._refused(done)
        if not self.has(commit):
            self._run(commands.forget(self._cache, commit))
            raise Failure(ErrorCode.REFERENCE_NOT_FOUND, "commit")
        return True

    def _bring_all(self, commit: str, limit: int) -> Finished:
        """Fetch all names: by the old protocol (plain sshd does not pass on the new one) a server serves only those."""
        try:
            done = self._ask_server(commands.fetch_all(self._cache, self._url), limit)
            self._run(commands.keep(self._cache, commit))
        finally:
            names = self._run(commands.seen(self._cache))
            self._run(commands.obey(self._cache), stdin=names.stdout)
        return done

    def has(self, commit: str) -> bool:
        """Return whether the commit is in HOME/git, so that no server is needed for it."""
        if not (self._cache / "HEAD").exists():
            return False
        done = self._run(commands.has(self._cache, commit))
        return done.code == 0 and done.stdout.decode().strip() == commit

    @contextmanager
    def checkout(self, commit: str) -> Iterator[Path]:
        """Check out the files of a commit into a directory that is removed after the block. Brings the commit first.

        Submodules are empty directories (tasks.kinds.submodules), files of Git LFS stay pointers. Raises Failure as
        `bring` does.
        """
        with working_directory(self._context) as directory:
            tree, index = directory / "tree", directory / "index"
            tree.mkdir()
            with self._locked():
                self._bring(commit)
                if self.size(commit) > self._context.settings.source_max_mb * MEGABYTE:
                    raise Failure(ErrorCode.INVALID_SOURCE, "size")
                env = {"GIT_INDEX_FILE": str(index)}
                self._expect(self._run(commands.read_tree(self._cache, commit), env=env))
                self._expect(self._run(commands.check_out(self._cache, tree), env=env))
            yield tree

    def size(self, commit: str) -> int:
        """Return the bytes of all files of a fetched commit, without submodules."""
        return self._listed(commit).size

    def submodules(self, commit: str) -> list[Link]:
        """Return the submodules of a fetched commit, MOST_LINKS of them at most."""
        return self._listed(commit).links

    def module_addresses(self, commit: str) -> dict[str, str]:
        """Return path -> address of a fetched commit's submodules, as written there."""
        if not 0 < self._listed(commit).names_size <= MEGABYTE:
            return {}
        done = self._run(commands.module_addresses(self._cache, commit))
        return addresses(done.stdout.decode(errors="replace")) if done.code == 0 else {}

    def _listed(self, commit: str) -> errors.Listed:
        """Return the contents of a commit. A few git objects can be a thousand million files, so their list goes to the
        disk, bounded by that of a large repository."""
        self._context.settings.work.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self._context.settings.work) as listed:

            def measure() -> None:
                self._look()
                if os.fstat(listed.fileno()).st_size > MOST_LISTED:
                    raise Failure(ErrorCode.INVALID_SOURCE, "size")

            self._expect(self._run(commands.sizes(self._cache, commit), into=listed, meanwhile=measure))
            measure()
            listed.seek(0)
            return errors.listed(listed, MOST_LINKS)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with locked(self._cache.with_suffix(".lock"), self._look):
            yield

    def _ask_server(self, argv: list[str], limit: int | None = None) -> Finished:
        def meanwhile() -> None:
            self._look()
            if limit is not None and _size(self._cache) > limit:
                raise Failure(ErrorCode.INVALID_SOURCE, "size")

        login = self._login = self._context.git_login(*self._names, by_ssh=self._address.protocol == "ssh")
        self._context.settings.git.mkdir(mode=0o700, exist_ok=True)  # ssh records a new server's key there
        with _in_memory(login.ssh_key if self._address.protocol == "ssh" else None) as key_path:
            return self._run(argv, env=self._environment(login, key_path), meanwhile=meanwhile)

    def _run(
        self,
        argv: list[str],
        *,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        into: IO[bytes] | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> Finished:
        whole, look = {**self._environment(GitLogin(), None), **(env or {})}, meanwhile or self._look
        done = None
        with suppress(OSError):
            done = run(argv, self._context.settings.git_timeout, env=whole, stdin=stdin, meanwhile=look, into=into)
        if done is None:
            self._context.log.error("git cannot be run: is it installed?")
            raise Failure(ErrorCode.SOURCE_UNAVAILABLE, "git")
        return done

    def _environment(self, login: GitLogin, key_path: str | None) -> dict[str, str]:
        settings = self._context.settings
        allowed = settings.git_protocols_allowed
        return commands.environment(os.environ, settings.git, self._address, login, allowed, key_path)

    def _expect(self, done: Finished) -> Finished:
        if done.code != 0:
            self._log(done, ErrorCode.INTERNAL)
            raise Failure(ErrorCode.INTERNAL, "git")
        return done

    def _refused(self, done: Finished) -> Failure:
        code = ErrorCode.SOURCE_UNAVAILABLE if done.timed_out else errors.error_code_for(_words(done))
        self._log(done, code)
        if self._note is not None and self._address.host and errors.may_be_login(_words(done)):
            host, name = self._address.host, self._login.name
            self._note(
                tell("git_login_refused", host=host, name=name) if name else tell("git_login_missing", host=host)
            )
        return Failure(code, "git")

    def _log(self, done: Finished, code: ErrorCode) -> None:
        extra = {"url": self._url, "code": str(code), "exit": done.code, "timed_out": done.timed_out}
        self._context.log.warning("git failed", extra={**extra, "output": _words(done)[-4000:]})


def submodule_of(
    context: Context, main: str, url: str, look: Callable[[], None], note: Callable[[Told], None] | None = None
) -> Repository:
    """Return the repository of a submodule (or `main` itself), for which not all stored credentials may be used."""
    return Repository(context, url, look, note, names=names_for_part(main, url))


def cache_of(context: Context, url: str) -> Path:
    """Return the directory that keeps the commits of a repository."""
    return context.settings.git / f"{hashlib.sha256(url.encode()).hexdigest()[:24]}.git"


@contextmanager
def working_directory(context: Context) -> Iterator[Path]:
    """Create an empty engine directory, removed after the block; after a crash the next start removes it."""
    context.settings.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=context.settings.work))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _in_memory(secret: str | None) -> Iterator[str | None]:
    """Yield the path of a file that exists in memory only, readable by this user alone, during the block."""
    if secret is None:
        yield None
        return
    descriptor = os.memfd_create("key", os.MFD_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, secret.encode())
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _size(directory: Path) -> int:
    total = 0
    for path in directory.rglob("*"):
        try:
            total += path.lstat().st_size
        except OSError:  # git renames its temporary files when complete
            continue
    return total


def _words(done: Finished) -> str:
    return done.stderr.decode(errors="replace")

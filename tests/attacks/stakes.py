"""What an attack could reach on the host, and whether it did."""

import os
import secrets
import select
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

SECRET = "LUMO_ATTACK_SECRET"  # noqa: S105 - a name
CANARY = f"canary-of-{secrets.token_hex(12)}"
"""Stands in files, in the environment and in the memory of the host, and must stand nowhere else."""
PACKAGES = "site-packages"


class Stakes:
    """Files, processes and sockets of the host for one attack at a time.

    Args:
        folder: where the files are made; every user may enter it.
        packages: a folder of packages that sessions may read.
    """

    def __init__(self, folder: Path, packages: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(dir=folder))
        self._folder.chmod(0o755)
        self._markers = self._folder / "open to all"
        self._markers.mkdir()
        self._markers.chmod(0o777)
        self._file = self._folder / "file"
        self._file.write_text(CANARY)
        self._owned = self._folder / "owned"
        self._link = self._folder / "link"
        self._link.symlink_to(f"/{CANARY}")
        self._readable = packages / f"{self._folder.name}.py"
        self._renew()
        self._victim = self._start_victim()
        self._sockets = self._listen()

    def fill(self, text: str) -> str:
        """Put what is at stake into the text of an attack."""
        places = {
            "FILE": self._file, "MARKER": self._marker, "MARKERS": self._markers, "SECRET": SECRET, "HOST": os.getpid(),
            "VICTIM": self._victim.pid, "OWNED": self._owned, "LINK": self._link, "READABLE": self._readable,
            "STREAM": self._folder / "stream", "DATAGRAM": self._folder / "datagram", "ABSTRACT": self._abstract,
            "PORT": self._port,
        }  # fmt: skip
        for name, place in places.items():
            text = text.replace(f"@{name}@", str(place))
        return text

    @property
    def _marker(self) -> Path:
        return self._markers / "marker"

    @property
    def _abstract(self) -> str:
        return f"lumo-{self._folder.name}-{os.getpid()}"

    def damages(self) -> list[str]:
        """What has been done to them, each in a few words. They are whole again afterwards."""
        found: list[str] = []
        if made := sorted(path.name for path in self._markers.iterdir()):
            found.append(f"made on the host: {made}")
        if _state(self._owned) != self._owned_state:
            found.append("a host file was changed")
        if _state(self._readable) != self._readable_state:
            found.append("a file that code may read was changed")
        if not self._can_write(self._readable):
            found.append("a file that code may read is held by a lease")
        found += self._find_messages()
        found += self._look_at_victim()
        if found:
            self._renew()
        return found

    def close(self) -> None:
        """End what runs, and close what listens."""
        self._victim.kill()
        self._victim.wait()
        for end in self._sockets.values():
            end.close()

    def _renew(self) -> None:
        for path in self._markers.iterdir():
            with suppress(OSError):
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        for path in (self._owned, self._readable):
            path.unlink(missing_ok=True)
            path.write_text("# a file of the host\n")
            path.chmod(0o644)
        with suppress(OSError):  # not every filesystem has them
            os.setxattr(self._owned, "user.secret", CANARY.encode())
        self._owned_state, self._readable_state = _state(self._owned), _state(self._readable)

    @staticmethod
    def _can_write(path: Path) -> bool:
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except BlockingIOError:
            return False
        except OSError:  # it is gone, which its state tells
            return True
        return True

    @staticmethod
    def _start_victim() -> "subprocess.Popen[bytes]":
        code = f"import time; secret = {CANARY!r}; time.sleep(3600)"
        return subprocess.Popen([sys.executable, "-S", "-c", code], start_new_session=True)

    def _look_at_victim(self) -> list[str]:
        pid = self._victim.pid
        if self._victim.poll() is not None:
            found = [f"a host process was ended: {self._victim.returncode}"]
        else:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            limit = Path(f"/proc/{pid}/limits").read_text().count(" 7 ")
            found = ["a host process was stopped"] if state in "Tt" else []
            if os.getpriority(os.PRIO_PROCESS, pid) != 0 or os.getpriority(os.PRIO_PROCESS, 0) != 0:
                found.append("the priority of a host process was changed")
            if os.sched_getscheduler(pid) != os.SCHED_OTHER or limit:
                found.append("limits of a host process were changed")
            if os.sched_getaffinity(pid) != os.sched_getaffinity(0):
                found.append("processors of a host process were changed")
        if found:
            with suppress(ProcessLookupError):
                self._victim.send_signal(signal.SIGKILL)
            self._victim.wait()
            self._victim = self._start_victim()
            with suppress(PermissionError):
                os.setpriority(os.PRIO_PROCESS, 0, 0)
        return found

    def _listen(self) -> dict[str, socket.socket]:
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self._port = self._tcp.getsockname()[1]
        made = {"port": self._tcp}
        for name, kind, address in (
            ("stream", socket.SOCK_STREAM, str(self._folder / "stream")),
            ("datagram", socket.SOCK_DGRAM, str(self._folder / "datagram")),
            ("abstract stream", socket.SOCK_STREAM, f"\0{self._abstract}"),
            ("abstract datagram", socket.SOCK_DGRAM, f"\0{self._abstract}-datagram"),
        ):
            made[name] = socket.socket(socket.AF_UNIX, kind)
            made[name].bind(address)
            if not address.startswith("\0"):
                Path(address).chmod(0o777)
            if kind == socket.SOCK_STREAM:
                made[name].listen()
        return made

    def _find_messages(self) -> list[str]:
        found: list[str] = []
        for name, end in self._sockets.items():
            while select.select([end], [], [], 0)[0]:
                if end.type == socket.SOCK_STREAM:
                    end.accept()[0].close()
                else:
                    end.recv(4096)
                found.append(f"something has arrived at a socket of the host: {name}")
        return sorted(set(found))


def _state(path: Path) -> tuple[object, ...]:
    try:
        about = path.stat()
        named = tuple(os.listxattr(path))
    except OSError as failure:
        return (str(failure),)
    # Not its times: the jails of files say that those of what may be read can be changed.
    return (stat.filemode(about.st_mode), about.st_size, about.st_uid, about.st_nlink, path.read_text(), named)

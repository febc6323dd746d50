"""What the embedded Valkey leaves on disk: its lock, its socket, and where to find the socket."""

import fcntl
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

#: Bytes of a Unix socket's path (sockaddr_un, less the closing zero).
SOCKET_PATH_LIMIT = 107 if sys.platform == "linux" else 103
#: Seconds to wait for a predecessor that is just dying to let go of the data.
LOCK_TIMEOUT = 2.0


class EmbeddedStoreError(Exception):
    """The embedded Valkey cannot be started; the message says what to do."""


def valkey_dir(data_dir: Path) -> Path:
    """Return where Valkey keeps its data."""
    return data_dir / "valkey"


def socket_url(socket_path: str) -> str:
    """Return the URL of a socket."""
    return f"unix://{quote(socket_path)}"


def read_socket_url(data_dir: Path) -> str | None:
    """Return the URL of the Valkey that a server runs on this data, `None` when none does."""
    try:
        path = _pointer(data_dir).read_text()
        with closing(socket.socket(socket.AF_UNIX)) as probe:
            probe.connect(path)
    except OSError:
        return None
    return socket_url(path)


@contextmanager
def locked(data_dir: Path) -> Iterator[int]:
    """Hold the lock of the data; yields its file descriptor.

    Raises:
        EmbeddedStoreError: another server holds it.
    """
    directory = valkey_dir(data_dir)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + LOCK_TIMEOUT
        while not _try_lock(lock):
            if time.monotonic() > deadline:
                raise EmbeddedStoreError(f"Another server already runs on the data in {data_dir}.")
            time.sleep(0.02)
        _sweep(data_dir)
        yield lock
    finally:
        os.close(lock)


@contextmanager
def private_socket() -> Iterator[str]:
    """Yield the path for a socket in a directory that only this user can enter.

    Raises:
        EmbeddedStoreError: it is longer than a socket's path can be.
    """
    with tempfile.TemporaryDirectory(prefix="pairing-", ignore_cleanup_errors=True) as directory:
        path = str(Path(directory) / "valkey.sock")
        if len(os.fsencode(path)) > SOCKET_PATH_LIMIT:
            raise EmbeddedStoreError(
                f"The path of the Unix socket is longer than {SOCKET_PATH_LIMIT} bytes: {path}."
                "  Set TMPDIR to a shorter directory."
            )
        yield path


@contextmanager
def pointed_to(data_dir: Path, socket_path: str) -> Iterator[None]:
    """Let programs beside the server find the socket."""
    pointer = _pointer(data_dir)
    unfinished = pointer.with_suffix(".new")
    unfinished.write_text(socket_path)
    unfinished.replace(pointer)
    try:
        yield
    finally:
        pointer.unlink(missing_ok=True)


def _pointer(data_dir: Path) -> Path:
    return valkey_dir(data_dir) / "socket"


def _sweep(data_dir: Path) -> None:
    """Remove the socket of a server that was killed; the lock shows that it is gone."""
    with suppress(OSError):
        left_behind = Path(_pointer(data_dir).read_text())
        _pointer(data_dir).unlink()
        left_behind.unlink()
        left_behind.parent.rmdir()


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

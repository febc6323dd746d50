"""Where a phone in software is kept: one private file for each, changed by one at a time."""

import asyncio
import json
import os
import re
import stat
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiohttp
import msgspec

from clients.desktop_settings import data_home
from clients.phone import SoftwarePhone
from clients.wire import origin_of

#: Seconds to wait for another program that signs with the same key: as long as its calls take.
PATIENCE = 60
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OTHERS = 0o077
_LOOK_AGAIN = 0.05


class StateRefused(Exception):  # noqa: N818 - what became of the state.
    """The file of a phone is not there, not private or not whole; says what to do."""


@dataclass(frozen=True, slots=True)
class PhoneFile:
    """The file of one phone by its name."""

    directory: Path
    name: str

    @classmethod
    def named(cls, name: str, environment: Mapping[str, str]) -> Self:
        """Name the file of a phone below `$XDG_DATA_HOME`.

        Raises:
            ValueError: no name for a file.
        """
        if not _NAME.fullmatch(name):
            raise ValueError("a phone's name is letters, digits, dots, dashes: at most 64")
        return cls(data_home(environment) / "zorgid-phone", name)

    @property
    def path(self) -> Path:
        """Where the phone is kept."""
        return self.directory / f"{self.name}.json"

    def exists(self) -> bool:
        """Tell whether there is a phone of this name."""
        return self.path.exists()

    def names(self) -> list[str]:
        """List the phones that are kept here."""
        return sorted(file.stem for file in self.directory.glob("*.json"))

    def read(self, http: aiohttp.ClientSession) -> SoftwarePhone:
        """Take up the phone.

        Raises:
            StateRefused: not there, open to others, or not whole.
        """
        try:
            phone = SoftwarePhone.from_json(http, json.loads(self.read_bytes()))
            origin_of(phone.base)
        except (ValueError, msgspec.ValidationError) as error:
            raise StateRefused(
                f"{self.path} is not the file of a phone. Move it away and pair again."
            ) from error
        return phone

    def read_bytes(self) -> bytes:
        """Read what is kept, from a file that is nobody else's.

        Raises:
            StateRefused: not there, or open to others.
        """
        try:
            _private(self.directory, self.directory.stat())
            descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError as error:
            raise StateRefused(self._unknown()) from error
        except OSError as error:
            raise StateRefused(f"{self.path} cannot be read: {error.strerror}.") from error
        with os.fdopen(descriptor, "rb") as file:
            _private(self.path, os.fstat(file.fileno()))
            return file.read()

    def write(self, phone: SoftwarePhone) -> None:
        """Keep the phone: on the disk, whole, and never readable by others."""
        self.write_bytes(json.dumps(phone.to_json(), indent=1).encode())

    def write_bytes(self, content: bytes) -> None:
        """Replace what is kept at once.

        Raises:
            StateRefused: the disk does not take it.
        """
        try:
            self._make_directory()
            descriptor, draft = tempfile.mkstemp(dir=self.directory, prefix=f".{self.name}.")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(draft).replace(self.path)
            except BaseException:
                Path(draft).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StateRefused(f"{self.path} cannot be written: {error.strerror}.") from error

    def remove(self) -> None:
        """Forget the phone."""
        self.path.unlink(missing_ok=True)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Be the only program that signs with this key: two with one count look like a copy.

        Raises:
            StateRefused: another program does not let go of it.
        """
        self._make_directory()
        lock = os.open(self.directory / f".{self.name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            until = time.monotonic() + PATIENCE
            while not _lock(lock):
                if time.monotonic() > until:
                    raise StateRefused(f"Another zorgid-phone is busy with phone {self.name}.")
                await asyncio.sleep(_LOOK_AGAIN)
            yield
        finally:
            os.close(lock)

    def _make_directory(self) -> None:
        with suppress(FileExistsError):
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            self.directory.mkdir(mode=0o700)
        _private(self.directory, self.directory.stat())

    def _unknown(self) -> str:
        known = ", ".join(self.names())
        others = f" There is: {known}." if known else ""
        return f"No phone is kept here by the name {self.name}: pair one first.{others}"


def _private(path: Path, status: os.stat_result) -> None:
    """Refuse what others can open.

    Raises:
        StateRefused: others can open it, or it is another's.
    """
    if sys.platform == "win32":
        return
    if status.st_uid != os.getuid():
        raise StateRefused(f"{path} belongs to somebody else.")
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OTHERS:
        right = "700" if stat.S_ISDIR(status.st_mode) else "600"
        raise StateRefused(
            f"{path} is open to others (mode {mode:03o}): chmod {right} it."
            " If somebody may have read it, revoke the phone and pair again."
        )


def _lock(descriptor: int) -> bool:
    """Take the lock if it is free; it is let go of when the file is closed."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - on Windows alone.

        take = msvcrt.locking, (descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415 - not on Windows.

        take = fcntl.flock, (descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    call, arguments = take
    try:
        call(*arguments)
    except OSError:
        return False
    return True

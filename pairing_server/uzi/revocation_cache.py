"""Fetched revocation lists on disk, so that a restart while the publisher is away costs nothing.

Nothing here is believed for lying there: lists are signed, and what a broken disk or a crash left
behind is passed over.  Everything blocks: call it in a thread.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

_LIST, _ADDRESS, _AUTHORITY, _DRAFT = ".crl", ".url", ".cer", ".part"
_NAME_CHARACTERS = 32

_log = structlog.get_logger("uzi.revocation")


@dataclass(frozen=True, slots=True)
class Kept:
    """A list as it came from its address."""

    url: str
    data: bytes = field(repr=False)


class ListCache:
    """A directory of the server's own: lists by the digest of their address, and authorities."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def lists(self) -> Iterator[Kept]:
        """Read what is there; unreadable files are passed over."""
        for file in self._files(_LIST):
            try:
                url = file.with_suffix(_ADDRESS).read_bytes().decode("ascii")
                # The name says whose list it is: an address that was damaged names no other's.
                if _name(url) == file.stem:
                    yield Kept(url, file.read_bytes())
            except (OSError, UnicodeError) as error:
                _log.warning("cached_list_unreadable", reason=type(error).__name__)

    def authorities(self) -> Iterator[x509.Certificate]:
        """Read the authorities that cards have shown, and that led to an anchor."""
        for file in self._files(_AUTHORITY):
            try:
                data = file.read_bytes()
            except OSError as error:
                _log.warning("cached_authority_unreadable", reason=type(error).__name__)
                continue
            # As it was kept: one that is damaged might parse, and fail where it is looked at.
            if _digest(data) == file.stem:
                yield x509.load_der_x509_certificate(data)
            else:
                _log.warning("cached_authority_unreadable", reason="damaged")

    def keep_list(self, kept: Kept) -> None:
        """Put a list in the place of the one before, in one step."""
        name = _name(kept.url)
        self._write(name + _ADDRESS, kept.url.encode("ascii"))
        self._write(name + _LIST, kept.data)

    def keep_authority(self, certificate: x509.Certificate) -> None:
        """Remember an authority."""
        data = certificate.public_bytes(Encoding.DER)
        self._write(_digest(data) + _AUTHORITY, data)

    def _files(self, suffix: str) -> list[Path]:
        try:
            return sorted(file for file in self._directory.iterdir() if file.suffix == suffix)
        except OSError:
            return []

    def _write(self, name: str, data: bytes) -> None:
        """Write a file so that a crash leaves the old one or the new one, never half of it."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = self._directory / (name + _DRAFT)
            with draft.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(self._directory / name)
        except OSError as error:
            # A full disk costs the next restart its head start, and no login.
            _log.error("list_not_kept", reason=error.strerror)


def _name(url: str) -> str:
    return _digest(url.encode())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_NAME_CHARACTERS]

"""Makers' roots as files: those that ship, and those in the operator's directory.

The operator's are read anew while the server runs, for what Google has called back changes daily.
"""

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

import msgspec
import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from pairing_server.background import in_background
from pairing_server.clock import from_milliseconds
from pairing_server.keys.attestation.chain import public_key, require_authority
from pairing_server.keys.attestation.roots import CHAINED, AttestationRoots
from pairing_server.settings import PREFIX, Settings, SettingsError

SETTING: Final = f"{PREFIX}ATTESTATION_DIR"

#: Google's list of attestation certificates that no longer count, as it publishes it:
#: https://android.googleapis.com/attestation/status
STATUS_FILE: Final = "android-status.json"
#: Larger than any list or bundle; a file that is none is not read to its end.
MAX_FILE_BYTES: Final = 16 << 20
REFRESH: Final = timedelta(minutes=5)

_CALLED_BACK: Final = frozenset({"REVOKED", "SUSPENDED"})
_PEM: Final = b"-----BEGIN CERTIFICATE-----"

_log = structlog.get_logger("keys.attestation")


class AttestationRootsError(Exception):
    """What is wrong with roots, one sentence a mistake."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class ShippedRoot(msgspec.Struct):
    """A root that ships: `sha256` of its DER in hex, `certificate` in PEM."""

    format: str
    name: str
    source: str
    sha256: str
    certificate: str


class _Shipped(msgspec.Struct):
    roots: list[ShippedRoot]


class _Entry(msgspec.Struct):
    status: str


class _Status(msgspec.Struct):
    entries: dict[str, _Entry]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in a directory.

    Attributes:
        files: The roots by the file that holds them.
        status_at: When the list of what was called back was last written, if there is one.
    """

    roots: AttestationRoots
    files: tuple[tuple[Path, x509.Certificate], ...] = ()
    status_at: datetime | None = None


@cache
def shipped() -> tuple[ShippedRoot, ...]:
    """Read which roots ship, and where they are published."""
    file = resources.files("pairing_server") / "keys" / "attestation" / "roots.toml"
    values = tomllib.loads(file.read_text("utf-8"))
    return tuple(msgspec.convert(values, _Shipped).roots)


@cache
def shipped_roots() -> AttestationRoots:
    """Return the roots that ship.

    Raises:
        AttestationRootsError: one of them is not the certificate that it is said to be.
    """
    held: dict[str, list[x509.Certificate]] = {}
    for root in shipped():
        certificate = x509.load_pem_x509_certificate(root.certificate.encode())
        if certificate.fingerprint(hashes.SHA256()).hex() != root.sha256:
            raise AttestationRootsError([f"{root.name} that ships has another SHA-256."])
        held.setdefault(root.format, []).append(certificate)
    return AttestationRoots(held)


def read_directory(directory: Path | None) -> Found:
    """Read the operator's directory, and put its roots beside those that ship.

    Raises:
        AttestationRootsError: with all mistakes at once.
    """
    ours = shipped_roots()
    if directory is None:
        return Found(ours)
    mistakes: list[str] = []
    files: list[tuple[Path, x509.Certificate]] = []
    called_back: frozenset[int] = frozenset()
    status_at = None
    for path in _listed(directory, mistakes):
        if path.is_dir() and path.name in CHAINED:
            files += _read_roots(path, mistakes)
        elif path.name == STATUS_FILE:
            called_back = _read_status(path, mistakes)
            with suppress(OSError):
                status_at = from_milliseconds(path.stat().st_mtime_ns // 10**6)
        else:
            known = ", ".join(f"{name}/" for name in CHAINED)
            mistakes.append(f"{path} is none of {known} and {STATUS_FILE}: rename or remove it.")
    if mistakes:
        raise AttestationRootsError(mistakes)
    theirs = {
        name: (*ours.of(name), *(held for path, held in files if path.parent.name == name))
        for name in CHAINED
    }
    return Found(AttestationRoots(theirs, called_back), tuple(files), status_at)


class AttestationDirectory:
    """The roots of now: call it."""

    def __init__(self, directory: Path | None) -> None:
        """Read the directory.

        Raises:
            AttestationRootsError: with all mistakes at once.
        """
        self._directory = directory
        self._roots = read_directory(directory).roots

    def __call__(self) -> AttestationRoots:
        """Return what was read last."""
        return self._roots

    def refresh(self) -> None:
        """Read the directory anew; what cannot be read loses nothing that was read before."""
        try:
            self._roots = read_directory(self._directory).roots
        except AttestationRootsError as error:
            # What was called back stays so, whatever a half-written list says.
            _log.error("attestation_roots_unreadable", mistakes=len(error.mistakes))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read the directory anew every few minutes, as long as the block runs."""
        async with in_background(self._keep_fresh()):
            yield

    async def _keep_fresh(self) -> None:
        while self._directory is not None:
            await asyncio.sleep(REFRESH.total_seconds())
            await asyncio.to_thread(self.refresh)


def attestation_directory(settings: Settings) -> AttestationDirectory:
    """Read the roots that the settings name.

    Raises:
        SettingsError: with all mistakes at once.
    """
    try:
        return AttestationDirectory(settings.attestation_dir)
    except AttestationRootsError as error:
        raise SettingsError([f"{SETTING}: {mistake}" for mistake in error.mistakes]) from error


def _listed(directory: Path, mistakes: list[str]) -> list[Path]:
    try:
        return [path for path in sorted(directory.iterdir()) if not path.name.startswith(".")]
    except OSError as error:
        mistakes.append(f"{directory} cannot be read: {error.strerror}.")
        return []


def _read(path: Path, mistakes: list[str]) -> bytes | None:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        mistakes.append(f"{path} cannot be read: {error.strerror}.")
        return None
    if len(data) > MAX_FILE_BYTES:
        mistakes.append(f"{path} is too large.")
        return None
    return data


def _read_roots(directory: Path, mistakes: list[str]) -> Iterator[tuple[Path, x509.Certificate]]:
    for path in _listed(directory, mistakes):
        data = _read(path, mistakes)
        if data is None:
            continue
        try:
            for certificate in _certificates(data):
                public_key(certificate)
                require_authority(certificate)
                yield path, certificate
        except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
            mistakes.append(
                f"{path} is no root certificate, in PEM or DER, with a key that makers use: "
                f"{type(error).__name__}."
            )


def _certificates(data: bytes) -> list[x509.Certificate]:
    if _PEM in data:
        return x509.load_pem_x509_certificates(data)
    return [x509.load_der_x509_certificate(data)]


def _read_status(path: Path, mistakes: list[str]) -> frozenset[int]:
    data = _read(path, mistakes)
    if data is None:
        return frozenset()
    try:
        entries = msgspec.convert(json.loads(data), _Status).entries
        return frozenset(
            int(serial, 16) for serial, entry in entries.items() if entry.status in _CALLED_BACK
        )
    except ValueError:
        mistakes.append(f"{path} is not Google's list of attestation statuses, in JSON.")
        return frozenset()

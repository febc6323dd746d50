"""Whether a card still holds: revocation lists, closed on every doubt (RFC 5280 section 6.3).

Reading the directory blocks and stands apart from the rule; fetching lists is not done here.
"""

import asyncio
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pairing_server.uzi.certificate import UNREADABLE
from pairing_server.uzi.refusals import CardRevoked, RevocationUnknown, UntrustedIssuer

#: CPS section 7.2: nextUpdate is 48 hours after thisUpdate; no list is believed for longer.
MAX_AGE = timedelta(hours=48)
#: How far ahead of ours an issuer's clock may run.
CLOCK_SKEW = timedelta(minutes=5)

_PEM = b"-----BEGIN"
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
#: Of a list of its whole issuer, that is: neither indirect nor partitioned nor a delta.
_PARTIAL = (x509.IssuingDistributionPoint, x509.DeltaCRLIndicator)

_log = structlog.get_logger("uzi.revocation")


class UnusableList(ValueError):  # noqa: N818  (named as what it is, like a refusal)
    """The bytes are no complete revocation list that the rules can read."""


@dataclass(frozen=True, slots=True, eq=False)
class RevocationList:
    """One list, parsed once; whether its signature is right is known once an issuer is."""

    crl: x509.CertificateRevocationList
    issuer: x509.Name
    this_update: datetime
    next_update: datetime
    serials: frozenset[int]
    _verdicts: dict[bytes, bool] = field(default_factory=dict)

    def is_fresh(self, at: datetime) -> bool:
        """Whether the list speaks for that time."""
        return (
            self.this_update <= at + CLOCK_SKEW
            and at < self.next_update
            and at < self.this_update + MAX_AGE
        )

    def is_from(self, issuer: x509.Certificate) -> bool:
        """Whether that authority made the list: by name, right and signature."""
        if issuer.subject != self.issuer or not _may_sign_lists(issuer):
            return False
        key = issuer.public_key()
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            return False
        # A large list takes some 30 ms to verify; the verdict on one key never changes.
        encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if encoded not in self._verdicts:
            self._verdicts[encoded] = self.crl.is_signature_valid(key)
        return self._verdicts[encoded]


def read_revocation_list(data: bytes) -> RevocationList:
    """Read a DER or PEM list.

    Raises:
        UnusableList: It is no list, or one of a kind that is not read: indirect, partitioned,
            delta, or with a critical extension.
    """
    load = x509.load_pem_x509_crl if data.startswith(_PEM) else x509.load_der_x509_crl
    try:
        return _complete_list(load(data))
    except UnusableList:
        raise
    except UNREADABLE as error:
        raise UnusableList(type(error).__name__) from error


def check_revocation(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    lists: Iterable[RevocationList],
    at: datetime,
) -> None:
    """Check a card's certificate against its issuer's lists.

    Raises:
        CardRevoked: A list of the issuer, even a stale one, names it: nothing is unrevoked.
        RevocationUnknown: No fresh list of the issuer is there.
    """
    own = [one for one in lists if one.is_from(issuer)]
    if any(certificate.serial_number in one.serials for one in own):
        raise CardRevoked
    if not any(one.is_fresh(at) for one in own):
        raise RevocationUnknown(f"{len(own)} stale lists of the issuer")


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was found, and the last list that could be read of it."""

    version: tuple[int, ...]
    content: RevocationList | None


class RevocationLists:
    """The lists in a directory, which somebody else keeps fresh.

    Without a directory, and while it is empty, every card is refused.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._lists: dict[Path, _File] = {}
        self._refreshing = threading.Lock()

    def refresh(self) -> None:
        """Read what is new or changed.  Blocks: call it in a thread."""
        if self._directory is None:
            return
        with self._refreshing:
            try:
                files = [
                    path
                    for path in sorted(self._directory.iterdir())
                    if path.is_file() and not path.name.startswith(".")
                ]
            except OSError as error:
                # What was read before grows stale by itself.
                _log.error("revocation_lists_unreadable", reason=type(error).__name__)
                return
            # One assignment, so that a check in another thread sees all or nothing.
            self._lists = {path: self._read(path) for path in files}

    async def check(self, path: Sequence[x509.Certificate], at: datetime) -> Mapping[str, Any]:
        """Check a path against what the directory holds now; see `belief.Revocation`."""
        return await asyncio.to_thread(self._check, path, at)

    def _check(self, path: Sequence[x509.Certificate], at: datetime) -> Mapping[str, Any]:
        self.refresh()
        check_revocation(path[0], path[1], self._usable(), at)
        for authority, issuer in pairwise(path[1:]):
            if self._names(authority, issuer):
                raise UntrustedIssuer("an authority is revoked")
        return {"source": "crl"}

    def _names(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        """Whether a list of its issuer names the certificate of an authority."""
        serial = certificate.serial_number
        return any(serial in one.serials and one.is_from(issuer) for one in self._usable())

    def _usable(self) -> list[RevocationList]:
        return [file.content for file in self._lists.values() if file.content is not None]

    def _read(self, path: Path) -> _File:
        """Read a file, or keep what was read of it: a file caught half-written loses nothing."""
        before = self._lists.get(path, _File((), None))
        version: tuple[int, ...] = ()
        try:
            stat = path.stat()
            version = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if version == before.version:
                return before
            return _File(version, read_revocation_list(path.read_bytes()))
        except (OSError, UnusableList) as error:
            _log.warning("revocation_list_unusable", file=path.name, reason=str(error))
            return _File(version, before.content)


def _may_sign_lists(issuer: x509.Certificate) -> bool:
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return False


def _complete_list(crl: x509.CertificateRevocationList) -> RevocationList:
    next_update = crl.next_update_utc
    if next_update is None:
        raise UnusableList("no nextUpdate")
    if not isinstance(crl.signature_hash_algorithm, _HASHES):
        raise UnusableList("signature algorithm")
    for extension in crl.extensions:
        if extension.critical or isinstance(extension.value, _PARTIAL):
            raise UnusableList("extension", extension.oid.dotted_string)
    return RevocationList(
        crl, crl.issuer, crl.last_update_utc, next_update, frozenset(_serials(crl))
    )


def _serials(crl: x509.CertificateRevocationList) -> Iterable[int]:
    for entry in crl:
        # RFC 5280 section 5.3: a list with a critical entry extension that is not understood
        # must not be used; certificateIssuer, of an indirect list, is one.
        if any(extension.critical for extension in entry.extensions):
            raise UnusableList("entry extension")
        yield entry.serial_number

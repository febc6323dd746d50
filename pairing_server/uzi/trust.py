"""Whom this installation trusts: what its hierarchy ships, and what its operator configures."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from pairing_server.uzi.anchors import TrustAnchors, is_for_tests
from pairing_server.uzi.hierarchy import (
    Environment,
    Hierarchy,
    HierarchyError,
    load_hierarchy,
    load_hierarchy_file,
)
from pairing_server.uzi.path import load_anchors

PRODUCTION: Environment = "production"
#: What ships for tests; a server in production trusts nothing that is in one of them.
_FOR_TESTS: tuple[Environment, ...] = ("acceptance", "test")
#: As openssl prints it, or without the colons.
_SHA_256 = re.compile(r"[0-9A-Fa-f]{2}(?::?[0-9A-Fa-f]{2}){31}", re.ASCII)
_MAX_FILE_BYTES = 1 << 20


class AnchorError(Exception):
    """What is wrong with the configured anchors, one sentence a mistake."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def choose_hierarchy(environment: str, file: Path | None = None) -> Hierarchy:
    """Read the hierarchy of an environment: the operator's own, or the one that ships.

    Raises:
        HierarchyError: The file is none, or of another environment.
    """
    if file is None:
        return load_hierarchy(environment)
    hierarchy = load_hierarchy_file(file)
    if hierarchy.environment != environment:
        # Otherwise a file for tests would be enough to make a server of real people believe them.
        raise HierarchyError(
            [f"{file} is of environment {hierarchy.environment}, and this one is {environment}."]
        )
    return hierarchy


def trust_anchors(hierarchy: Hierarchy, configured: Iterable[Path]) -> TrustAnchors:
    """Put together what the hierarchy ships and what the operator configures.

    Args:
        configured: PEM or DER files; an entry that is 64 hex digits is no file but the SHA-256
            of a certificate that the presented chain must hold.

    Raises:
        AnchorError: An entry is neither, or names an authority for tests in production.
    """
    given = _read(configured)
    shipped = [(anchor, anchor.load()) for anchor in hierarchy.anchors]
    fingerprints = {
        *given.fingerprints,
        *(bytes.fromhex(anchor.sha256) for anchor, one in shipped if one is None),
    }
    certificates = (*(one for _, one in shipped if one is not None), *given.certificates)
    real_only = hierarchy.environment == PRODUCTION
    if real_only:
        _refuse_tests(certificates, fingerprints)
    return TrustAnchors(tuple(dict.fromkeys(certificates)), frozenset(fingerprints), real_only)


@dataclass(frozen=True, slots=True)
class _Given:
    certificates: list[x509.Certificate]
    fingerprints: set[bytes]


def _read(configured: Iterable[Path]) -> _Given:
    given, mistakes = _Given([], set()), list[str]()
    for entry in configured:
        if _SHA_256.fullmatch(str(entry)):
            given.fingerprints.add(bytes.fromhex(str(entry).replace(":", "")))
            continue
        try:
            given.certificates.extend(_load(entry))
        except ValueError as error:
            mistakes.append(f"{entry} {error}.")
    if mistakes:
        raise AnchorError(mistakes)
    return given


def _load(file: Path) -> list[x509.Certificate]:
    """Read the certificates of a file, which must be authorities'.

    Raises:
        ValueError: What is wrong with it, to be told after its name.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_FILE_BYTES)
    except OSError as error:
        raise ValueError(
            f"cannot be read ({error.strerror}): name a PEM or DER file, or 64 hex digits of a "
            "SHA-256"
        ) from error
    try:
        certificates = load_anchors(data)
    except ValueError as error:
        raise ValueError(
            "holds no certificate that can be read: name a PEM or DER file"
        ) from error
    if any(_is_no_authority(certificate) for certificate in certificates):
        raise ValueError("holds a certificate that is no authority's")
    return certificates


def _is_no_authority(certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False  # The oldest roots have no extensions.
    return not constraints.value.ca


def _refuse_tests(certificates: Iterable[x509.Certificate], fingerprints: set[bytes]) -> None:
    """Refuse to trust tests in production.

    Raises:
        AnchorError: With each of them.
    """
    known = dict(_known_tests())
    named = {
        certificate.fingerprint(hashes.SHA256()): certificate.subject.rfc4514_string()
        for certificate in certificates
        if is_for_tests(certificate)
    }
    everything = {*fingerprints, *(one.fingerprint(hashes.SHA256()) for one in certificates)}
    found = {**known, **named}
    mistakes = [
        f"{found[digest]} (SHA-256 {digest.hex()}) issues for tests: "
        "a server in production never trusts it. Take it out."
        for digest in sorted(everything & found.keys())
    ]
    if mistakes:
        raise AnchorError(mistakes)


def _known_tests() -> Iterator[tuple[bytes, str]]:
    for environment in _FOR_TESTS:
        hierarchy = load_hierarchy(environment)
        for fingerprint, name in hierarchy.known_anchors.items():
            yield bytes.fromhex(fingerprint), name
        for anchor in hierarchy.anchors:
            yield bytes.fromhex(anchor.sha256), anchor.name

"""Which cards are UZI cards: the hierarchy's names and numbers, which are data and not code.

No public document says under which hierarchy cards are issued after November 2025, so a new one
must need a new file, under `hierarchies/` or of the operator's own, and nothing else.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from pairing_server.destination import AllowList, read_entry

Environment = Literal["production", "acceptance", "test"]

#: Allows every policy (RFC 5280 section 4.2.1.4), so that it tells no certificate from another.
ANY_POLICY = "2.5.29.32.0"

#: Larger than any; a file that is none is not read to its end.
MAX_FILE_BYTES = 1 << 20

_OID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+", re.ASCII)
_SHA_256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
#: As `certificate.UNREADABLE`, which is above this.
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
#: CPS section 7.1.4: an M or S has a new UZI number at each issue, so that it names nobody.
_NOBODY = frozenset({"M", "S"})


class HierarchyError(Exception):
    """What is wrong with a hierarchy's file, one sentence a mistake."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class IssuerName:
    """The attributes that the names of all issuing authorities share (CPS tables 7 and 8)."""

    country: str
    organisation: str
    organisation_identifier: str


@dataclass(frozen=True, slots=True)
class IssuingAuthority:
    """One product of the UZI-register, by its three names (CPS tables 8 and 10)."""

    card_type: str
    oid_ca: str
    common_name: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """A root that the hierarchy itself names.

    Attributes:
        sha256: Of the DER of its certificate, in lower-case hex.
        certificate: The certificate in PEM; without it, who presents a chain must present it.
        source: Where its issuer publishes it.
    """

    name: str
    sha256: str
    certificate: str | None = None
    source: str | None = None

    def load(self) -> x509.Certificate | None:
        """Return the certificate, if the hierarchy has it.

        Raises:
            ValueError: It is none, or cannot be read in every part.
        """
        if self.certificate is None:
            return None
        try:
            one = x509.load_pem_x509_certificate(self.certificate.encode())
            _ = one.subject, one.issuer, one.extensions, one.public_key()
        except _UNREADABLE as error:
            raise ValueError("unreadable") from error
        return one


@dataclass(frozen=True, slots=True)
class RevocationSources:
    """Where it is told whether a card still holds (CPS sections 7.2 and 7.3).

    Attributes:
        hosts: The only ones that may be called, whatever a certificate names.
        crl_urls: Lists to fetch ahead.
        ocsp_urls: Responders, beside the one that a certificate names.
        crl_max_age: How long an issuing authority's list is believed.
    """

    hosts: tuple[str, ...] = ()
    crl_urls: tuple[str, ...] = ()
    ocsp_urls: tuple[str, ...] = ()
    crl_max_age: timedelta = timedelta(hours=48)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """The facts by which a card is recognised.

    Attributes:
        name: For people to read.
        issuer: What all issuing authorities are called.
        issuing_authorities: Every product, accepted here or not.
        authenticity_policies: Dotted OIDs, one of which the authentication certificate has.
        accepted_card_types: The letters of the cards that name a person.
        anchors: What a card's path may lead to, besides what the operator configures.
        known_anchors: Names of published authorities by the SHA-256 of their DER, in hex.
        card_name_type: Dotted OID of the otherName that says whose card it is; the drafts of G4
            allow 1.3.6.1.4.1.1466.115.121.1.26, too.
        account_name_required: Whether each authentication certificate has a Microsoft UPN, as
            CPS table 8 says; in the drafts of G4 it may.
    """

    name: str
    environment: Environment
    issuer: IssuerName
    issuing_authorities: tuple[IssuingAuthority, ...]
    authenticity_policies: frozenset[str]
    accepted_card_types: frozenset[str]
    anchors: tuple[Anchor, ...] = ()
    known_anchors: Mapping[str, str] = field(default_factory=dict)
    card_name_type: str = "2.5.5.5"
    account_name_required: bool = True
    revocation: RevocationSources = field(default_factory=RevocationSources)

    def authority(self, common_name: str) -> IssuingAuthority | None:
        """Return the issuing authority of that name."""
        for authority in self.issuing_authorities:
            if authority.common_name == common_name:
                return authority
        return None

    def anchor_name(self, certificate: x509.Certificate) -> str | None:
        """Return the published name of a certificate, or `None` when it is not a published one.

        An anchor without a name is what the operator chose to trust; `check` says so.
        """
        return self.known_anchors.get(certificate.fingerprint(hashes.SHA256()).hex())


@cache
def load_hierarchy(environment: str) -> Hierarchy:
    """Read a hierarchy that comes with the package: `production`, `acceptance` or `test`.

    Raises:
        FileNotFoundError: There is no hierarchy of that name.
    """
    file = resources.files("pairing_server") / "uzi" / "hierarchies" / f"{environment}.toml"
    return read_hierarchy(file.read_bytes())


def load_hierarchy_file(file: Path) -> Hierarchy:
    """Read a hierarchy of the operator's own.

    Raises:
        HierarchyError: The file cannot be read, or is none.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise HierarchyError([f"{file} cannot be read: {error.strerror}."]) from error
    if len(data) > MAX_FILE_BYTES:
        raise HierarchyError([f"{file} is too large to be a hierarchy."])
    return read_hierarchy(data)


def read_hierarchy(data: bytes) -> Hierarchy:
    """Read a hierarchy from TOML in UTF-8.

    Raises:
        HierarchyError: With all mistakes at once, but for those of form, which stop the reading.
    """
    try:
        values = tomllib.loads(data.decode("utf-8"))
    except ValueError as error:
        raise HierarchyError([f"It is not TOML in UTF-8: {error}."]) from error
    try:
        hierarchy = msgspec.convert(values, Hierarchy)
    except msgspec.ValidationError as error:
        raise HierarchyError([f"It has another form: {error}."]) from error
    mistakes = [
        *_unknown(values),
        *_products(hierarchy),
        *_anchors(hierarchy),
        *_sources(hierarchy.revocation),
    ]
    if mistakes:
        raise HierarchyError(mistakes)
    return hierarchy


def _unknown(values: Mapping[str, Any]) -> Iterator[str]:
    """Name the members that nothing reads: a misspelt one would silently not hold."""
    tables: list[tuple[type[Any], Mapping[str, Any]]] = [(Hierarchy, values)]
    tables += [(IssuerName, values["issuer"])]
    tables += [(IssuingAuthority, one) for one in values["issuing_authorities"]]
    tables += [(Anchor, one) for one in values.get("anchors", ())]
    tables += [(RevocationSources, values.get("revocation", {}))]
    for kind, table in tables:
        known = {one.name for one in fields(kind)}
        yield from (
            f"{name!r} is no member of {kind.__name__}." for name in table if name not in known
        )


def _products(hierarchy: Hierarchy) -> Iterator[str]:
    authorities = hierarchy.issuing_authorities
    oids = [
        hierarchy.card_name_type,
        *hierarchy.authenticity_policies,
        *(authority.oid_ca for authority in authorities),
    ]
    yield from (f"{oid!r} is not a dotted OID." for oid in sorted(oids) if not _OID.fullmatch(oid))
    names = [authority.common_name for authority in authorities]
    yield from (
        f"There are two issuing authorities {name!r}: one name is one product."
        for name in sorted(set(names))
        if names.count(name) > 1
    )
    if not hierarchy.authenticity_policies:
        yield "There is no authenticity policy: every certificate would be refused."
    if ANY_POLICY in hierarchy.authenticity_policies:
        yield "anyPolicy is no authenticity policy: it does not tell the certificates apart."
    if not hierarchy.accepted_card_types:
        yield "No card type is accepted: every card would be refused."
    for card_type in sorted(hierarchy.accepted_card_types):
        if card_type in _NOBODY:
            yield f"Card type {card_type} cannot be accepted: its UZI number names no person."
        elif card_type not in {authority.card_type for authority in authorities}:
            yield f"Card type {card_type!r} is accepted and no issuing authority has it."


def _anchors(hierarchy: Hierarchy) -> Iterator[str]:
    for sha_256 in (*hierarchy.known_anchors, *(anchor.sha256 for anchor in hierarchy.anchors)):
        if not _SHA_256.fullmatch(sha_256):
            yield f"{sha_256!r} is not a SHA-256 in 64 lower-case hex digits."
    for anchor in hierarchy.anchors:
        try:
            certificate = anchor.load()
        except ValueError:
            yield f"The anchor {anchor.name!r} has a certificate that is none in PEM."
            continue
        if certificate and certificate.fingerprint(hashes.SHA256()).hex() != anchor.sha256:
            yield f"The anchor {anchor.name!r} has a certificate with another SHA-256."


def _sources(revocation: RevocationSources) -> Iterator[str]:
    for host in revocation.hosts:
        try:
            read_entry(host)
        except ValueError:
            yield f"{host!r} is not a host's name in lower case, or host:port."
            return
    allowed = AllowList.of(revocation.hosts, plain_http=True)
    yield from (
        f"{url!r} is not an http URL on one of the hosts that may be called."
        for url in (*revocation.crl_urls, *revocation.ocsp_urls)
        if not allowed.allows(url)
    )
    if revocation.crl_max_age <= timedelta(0):
        yield "crl_max_age must be longer than nothing."

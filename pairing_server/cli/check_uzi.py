"""The part of `pairing-server check` that is about whose cards are believed."""

from collections.abc import Iterator
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from pairing_server.clock import utc_now, wire_time
from pairing_server.settings import PREFIX, Settings, SettingsError, UziEnvironment
from pairing_server.uzi.anchors import TrustAnchors
from pairing_server.uzi.hierarchy import Hierarchy
from pairing_server.uzi.trust_setup import read_anchors, read_hierarchy

ANCHORS = f"{PREFIX}UZI_ANCHORS"


def examine_trust(settings: Settings, mistakes: list[str], remarks: list[str]) -> None:
    """Say which hierarchy and which anchors are in force, and what is wrong with them.

    Reads files, so call it in a thread.
    """
    try:
        hierarchy = read_hierarchy(settings)
        remarks.append(_in_force(settings, hierarchy))
        anchors = read_anchors(settings, hierarchy)
    except SettingsError as error:
        mistakes += error.mistakes
        return
    if not anchors.certificates and not anchors.fingerprints:
        mistakes.append(_none(hierarchy))
    now = utc_now()
    for certificate in anchors.certificates:
        remarks.append(_known(certificate, hierarchy))
        mistakes += _outside_validity(certificate, now)
    remarks += _by_fingerprint(anchors, hierarchy)


def _in_force(settings: Settings, hierarchy: Hierarchy) -> str:
    file = settings.uzi_hierarchy_file
    where = "the one that ships" if file is None else f"your own, {file}"
    said = f"UZI hierarchy: {hierarchy.name}, for {hierarchy.environment}; {where}."
    if settings.uzi_environment is not UziEnvironment.PRODUCTION:
        said += " It is for tests: real cards are refused."
    return said


def _known(certificate: x509.Certificate, hierarchy: Hierarchy) -> str:
    name = hierarchy.anchor_name(certificate) or "not a published one"
    until = wire_time(certificate.not_valid_after_utc)
    return f"UZI anchor: {name}, until {until}, SHA-256 {_sha_256(certificate)}."


def _outside_validity(certificate: x509.Certificate, now: datetime) -> Iterator[str]:
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        yield (
            f"{ANCHORS}: the anchor with SHA-256 {_sha_256(certificate)} is not valid now: every "
            "card below it is refused. Fetch the root that followed it."
        )


def _by_fingerprint(anchors: TrustAnchors, hierarchy: Hierarchy) -> Iterator[str]:
    known = {_sha_256(certificate) for certificate in anchors.certificates}
    sources = {anchor.sha256: anchor.source for anchor in hierarchy.anchors}
    for fingerprint in sorted(anchors.fingerprints):
        digest = fingerprint.hex()
        if digest in known:
            continue
        name = hierarchy.known_anchors.get(digest, "a root that is not a published one")
        source = sources.get(digest)
        fetched = "fetch it" + (f" from {source}" if source else " from its issuer")
        yield (
            f"UZI anchor by its fingerprint: {name}, SHA-256 {digest}. A card must present it "
            f"with its chain; where cards or proxies leave it out, {fetched}, compare the "
            f"SHA-256 and name the file in {ANCHORS}."
        )


def _none(hierarchy: Hierarchy) -> str:
    known = "; ".join(
        f"{name}, SHA-256 {digest}" for digest, name in sorted(hierarchy.known_anchors.items())
    )
    compare = f"compare it with {known}" if known else "compare its SHA-256 with a second source"
    return (
        f"{ANCHORS}: without a root certificate every card is refused. The hierarchy names none: "
        f"fetch it from who issues your cards, {compare}, and name the file."
    )


def _sha_256(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()

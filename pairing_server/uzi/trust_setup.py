"""What the settings make of trust: the hierarchy, its anchors, and what a handshake asks for."""

from collections.abc import Sequence
from pathlib import Path

from cryptography import x509

from pairing_server.settings import PREFIX, Settings, SettingsError
from pairing_server.tls import CardContext, card_context
from pairing_server.uzi.anchors import TrustAnchors
from pairing_server.uzi.hierarchy import Hierarchy, HierarchyError
from pairing_server.uzi.path import load_anchors
from pairing_server.uzi.trust import AnchorError, choose_hierarchy, trust_anchors


def read_hierarchy(settings: Settings) -> Hierarchy:
    """Read the hierarchy of the cards that are accepted.

    Raises:
        SettingsError: The operator's own is none, or of another environment.
    """
    try:
        return choose_hierarchy(settings.uzi_environment, settings.uzi_hierarchy_file)
    except HierarchyError as error:
        setting = f"{PREFIX}UZI_HIERARCHY_FILE"
        raise SettingsError([f"{setting}: {mistake}" for mistake in error.mistakes]) from error


def read_anchors(settings: Settings, hierarchy: Hierarchy | None = None) -> TrustAnchors:
    """Put together the trust anchors that ship and those that are configured.

    Raises:
        SettingsError: One of them is none, or must not be trusted here.
    """
    try:
        return trust_anchors(hierarchy or read_hierarchy(settings), settings.uzi_anchors)
    except AnchorError as error:
        setting = f"{PREFIX}UZI_ANCHORS"
        raise SettingsError([f"{setting}: {mistake}" for mistake in error.mistakes]) from error


def read_issuers(settings: Settings) -> list[x509.Certificate]:
    """Read the configured authorities that cards come without.

    Raises:
        SettingsError: A file cannot be read, or holds no certificate.
    """
    return _read("UZI_ISSUERS", settings.uzi_issuers)


def read_client_authorities(settings: Settings) -> list[x509.Certificate]:
    """Read the authorities whose certificates clients may show (RFC 8705).

    Raises:
        SettingsError: A file cannot be read, or holds no certificate.
    """
    return _read("CLIENT_AUTHORITIES", settings.client_authorities)


def read_card_context(settings: Settings) -> CardContext | None:
    """Return what the TLS listener for cards listens with, if there is to be one.

    Raises:
        SettingsError: No anchor is known as a certificate, which a handshake needs.
        TlsError: The listener's certificate or key cannot be used.
    """
    certificate, key = settings.tls_certificate_file, settings.tls_key_file
    if certificate is None or key is None:
        return None
    issuers = read_issuers(settings)
    anchors = read_anchors(settings).among(issuers)
    clients = read_client_authorities(settings)
    if not anchors:
        mistake = f"{PREFIX}UZI_ANCHORS: a TLS listener needs an anchor's certificate, as a file."
        raise SettingsError([mistake])
    return card_context(certificate, key, [*anchors, *issuers, *clients])


def _read(name: str, files: Sequence[Path]) -> list[x509.Certificate]:
    found: list[x509.Certificate] = []
    for file in files:
        try:
            found += load_anchors(file.read_bytes())
        except (OSError, ValueError) as error:
            mistake = f"{PREFIX}{name}: {file} is no certificate that can be read."
            raise SettingsError([mistake]) from error
    return found

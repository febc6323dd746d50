"""What `pairing-server check` says of the places where browsers show cards."""

from pairing_server.settings import PREFIX, Settings, SettingsError
from pairing_server.tls import TlsError
from pairing_server.uzi.trust_setup import read_card_context, read_issuers


def examine_cards(settings: Settings, mistakes: list[str], remarks: list[str]) -> None:
    """Add what keeps browsers from showing cards, and who may say that they did."""
    try:
        read_issuers(settings)
        read_card_context(settings)
    except SettingsError as error:
        # The anchors are told of with all else that is about them.
        mistakes += [mistake for mistake in error.mistakes if mistake not in mistakes]
    except TlsError as error:
        reason, file = error.strerror, error.filename or settings.tls_certificate_file
        mistakes.append(
            f"{PREFIX}TLS_CERTIFICATE_FILE: {file}: {reason}. Name a certificate in PEM with its "
            f"issuers, and in {PREFIX}TLS_KEY_FILE the key that it was made for, in PEM without a "
            "password."
        )
    if settings.mtls_origin is not None:
        remarks.append(f"Browsers show cards at {settings.mtls_origin}.")
    if settings.client_cert_proxies:
        named = ", ".join(map(str, settings.client_cert_proxies))
        remarks.append(f"Whoever connects from {named} can log in as anybody.")
        if settings.mtls_host == settings.host:
            remarks.append(
                "So can everybody through a proxy that lets a browser's own Client-Cert pass: "
                f"show cards at a port of its own, in {PREFIX}MTLS_PORT."
            )

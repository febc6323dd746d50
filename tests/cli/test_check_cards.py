"""`pairing-server check` of the places where browsers show cards."""

import pytest

from pairing_server.settings import PREFIX
from tests.card_tls import ServerCertificate


@pytest.fixture
def configured(command, monkeypatch, tmp_path):
    """Let the command check a TLS listener for cards, with these settings changed."""
    directory = tmp_path / "tls"
    directory.mkdir()
    server = ServerCertificate(directory)

    def check(**changed):
        settings = {
            "TLS_CERTIFICATE_FILE": server.certificate,
            "TLS_KEY_FILE": server.key,
            "MTLS_PORT": "8443",
            **changed,
        }
        for name, value in settings.items():
            monkeypatch.setenv(PREFIX + name, str(value))
        return command("check")

    return check


def test_it_is_said_where_browsers_show_cards(configured):
    status, output = configured()

    assert "Browsers show cards at https://localhost:8443." in output
    assert (status, output.splitlines()[-1]) == (0, "Nothing is wrong.")


def test_a_certificate_that_cannot_be_used_is_told(configured):
    status, output = configured(TLS_CERTIFICATE_FILE="/no/such/file.pem")

    assert status == 1
    assert (
        f"{PREFIX}TLS_CERTIFICATE_FILE: /no/such/file.pem: no certificate with its key" in output
    )


def test_a_key_of_another_certificate_is_told_once_with_what_to_do(configured, tmp_path):
    (tmp_path / "other").mkdir()
    other = ServerCertificate(tmp_path / "other")

    status, output = configured(TLS_KEY_FILE=other.key)

    assert status == 1
    (mistake,) = [line for line in output.splitlines() if line.startswith(" !")]
    assert "key values mismatch" in mistake.replace("_", " ").lower()
    assert f"in {PREFIX}TLS_KEY_FILE the key that it was made for" in mistake


def test_issuers_that_cannot_be_read_are_told(configured):
    status, output = configured(UZI_ISSUERS="/no/such/issuer.pem")

    assert status == 1
    assert f"{PREFIX}UZI_ISSUERS: /no/such/issuer.pem is no certificate" in output


def test_it_is_said_whom_the_server_believes(configured):
    _, output = configured(CLIENT_CERT_PROXIES="10.0.0.5/32")

    assert "Whoever connects from 10.0.0.5/32 can log in as anybody." in output


def test_it_is_said_that_the_ordinary_entrance_takes_cards_too(configured):
    _, apart = configured(CLIENT_CERT_PROXIES="10.0.0.5/32")
    away = dict.fromkeys(("TLS_CERTIFICATE_FILE", "TLS_KEY_FILE", "MTLS_PORT"), "")
    _, same = configured(CLIENT_CERT_PROXIES="10.0.0.5/32", **away)

    said = f"show cards at a port of its own, in {PREFIX}MTLS_PORT."
    assert said not in apart
    assert said in same

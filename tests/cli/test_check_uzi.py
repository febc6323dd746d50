"""`pairing-server check`: whose cards are believed."""

import re
from datetime import UTC, datetime, timedelta
from importlib import resources

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from clients.test_ca import KeyKind, Style, UziTestCa
from pairing_server.settings import PREFIX

STATE_ROOT = "3c4fb0b95ab8b30032f432b86f535fe172c185d0fd39865837cf36187fa6f428"
TEST_ROOT = "66311cb10c39060b92b699b38887fd2bef18ba9fdaf99336196da0c38d90e79f"
SHIPPED = resources.files("pairing_server") / "uzi" / "hierarchies"


@pytest.fixture
def checked(command, monkeypatch):
    """Check with these settings: the mistakes and the remarks."""

    def check(**values):
        for name, value in values.items():
            monkeypatch.setenv(PREFIX + name.upper(), str(value))
        _, output = command("check")
        lines = output.splitlines()
        return (
            "\n".join(line for line in lines if line.startswith(" !")),
            "\n".join(line for line in lines if not line.startswith(" !")),
        )

    return check


def own(tmp_path, environment, change=str):
    file = tmp_path / "own.toml"
    file.write_text(change((SHIPPED / f"{environment}.toml").read_text("utf-8")))
    return file


def without_anchors(text):
    return re.sub(r"\[\[anchors\]\].*?(?=\n\n)", "", text, flags=re.DOTALL)


def test_production_works_without_a_file_and_says_what_a_card_must_present(checked):
    mistakes, remarks = checked(uzi_environment="production", uzi_anchors="")

    assert "UZI_ANCHORS" not in mistakes
    assert "UZI hierarchy: UZI-register G3, for production; the one that ships." in remarks
    assert f"Staat der Nederlanden Root CA - G3, SHA-256 {STATE_ROOT}. A card must pre" in remarks
    assert "fetch it from http://cert.pkioverheid.nl/, compare the SHA-256" in remarks
    assert f"name the file in {PREFIX}UZI_ANCHORS" in remarks


@pytest.mark.parametrize("environment", ["acceptance", "test"])
def test_the_test_root_ships_and_the_operators_is_told_apart(checked, register, environment):
    mistakes, remarks = checked(uzi_environment=environment)
    mine = register.ca.root.certificate.fingerprint(hashes.SHA256()).hex()

    assert mistakes == ""
    assert "It is for tests: real cards are refused." in remarks
    assert (
        "UZI anchor: TEST Zorg CSP Root CA G3, until 2028-11-14T00:00:00Z, "
        f"SHA-256 {TEST_ROOT}." in remarks
    )
    assert "UZI anchor: not a published one, until " in remarks
    assert mine in remarks


def test_a_configured_fingerprint_is_told_with_what_a_card_must_present(checked):
    _, remarks = checked(uzi_anchors="ab" * 32)

    assert f"a root that is not a published one, SHA-256 {'ab' * 32}. A card must" in remarks
    assert "leave it out, fetch it from its issuer, compare" in remarks


def test_a_fingerprint_whose_certificate_is_there_needs_no_card_to_present_it(checked):
    _, remarks = checked(uzi_environment="test", uzi_anchors=TEST_ROOT)

    assert TEST_ROOT in remarks
    assert "by its fingerprint" not in remarks


def test_a_test_anchor_in_production_is_a_mistake(checked, register):
    mistakes, _ = checked(uzi_environment="production")

    assert f"{PREFIX}UZI_ANCHORS: CN=TEST Zorg CSP Root CA G3" in mistakes
    assert "a server in production never trusts it. Take it out." in mistakes


def test_a_hierarchy_without_an_anchor_says_which_file_to_fetch(checked, tmp_path):
    file = own(tmp_path, "production", without_anchors)
    mistakes, _ = checked(uzi_environment="production", uzi_anchors="", uzi_hierarchy_file=file)

    assert "without a root certificate every card is refused" in mistakes
    assert "fetch it from who issues your cards" in mistakes
    assert f"Staat der Nederlanden Root CA - G3, SHA-256 {STATE_ROOT}" in mistakes


def test_where_no_anchor_is_published_a_second_source_is_asked_for(checked, tmp_path):
    file = own(
        tmp_path,
        "production",
        lambda text: re.sub(r"\[known_anchors\].*", "", without_anchors(text), flags=re.DOTALL),
    )
    mistakes, _ = checked(uzi_environment="production", uzi_anchors="", uzi_hierarchy_file=file)

    assert "compare its SHA-256 with a second source" in mistakes


def test_a_hierarchy_of_ones_own_is_named_with_its_file(checked, tmp_path):
    file = own(tmp_path, "test", lambda text: text.replace("CIBG TEST, and", "Ours, and"))
    mistakes, remarks = checked(uzi_hierarchy_file=file)

    assert mistakes == ""
    assert f"UZI hierarchy: Ours, and registers that imitate it, for test; your own, {file}" in (
        remarks
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace('["Z", "N"]', '["M"]'), "Card type M cannot be accepted"),
        (lambda _: "nothing", "It is not TOML"),
        (lambda text: text.replace('"test"', '"acceptance"'), "is of environment acceptance"),
    ],
    ids=["card-type", "toml", "environment"],
)
def test_what_is_wrong_with_a_hierarchy_is_told_by_check_and_at_start(
    checked, command, tmp_path, change, told
):
    mistakes, _ = checked(uzi_hierarchy_file=own(tmp_path, "test", change))
    status, output = command("serve")

    assert f"{PREFIX}UZI_HIERARCHY_FILE: " in mistakes
    assert told in mistakes
    assert (status, told in output) == (2, True)


def test_an_anchor_that_is_away_is_told_by_check_and_at_start(checked, command):
    mistakes, _ = checked(uzi_anchors="/no/such/file.pem")
    status, output = command("serve")

    assert f"{PREFIX}UZI_ANCHORS: /no/such/file.pem cannot be read (No such file" in mistakes
    assert (status, "/no/such/file.pem cannot be read" in output) == (2, True)


def test_a_server_in_production_does_not_start_with_a_test_anchor(checked, command):
    checked(uzi_environment="production")
    status, output = command("serve")

    assert (status, "never trusts it" in output) == (2, True)


def test_an_anchor_outside_its_validity_is_a_mistake(checked, tmp_path):
    long_ago = datetime.now(UTC) - timedelta(days=30 * 365)
    old = UziTestCa.create(long_ago, Style(KeyKind.P_256)).root.certificate
    file = tmp_path / "old.der"
    file.write_bytes(old.public_bytes(Encoding.DER))

    mistakes, _ = checked(uzi_anchors=file)

    assert "is not valid now: every card below it is refused" in mistakes


def test_what_keeps_the_tls_listener_for_cards_from_listening_is_told(checked):
    files = {
        "tls_certificate_file": "/no/such.pem",
        "tls_key_file": "/no/such.key",
        "mtls_port": 8444,
    }

    mistakes, _ = checked(uzi_environment="production", uzi_anchors="", **files)
    assert f"{PREFIX}UZI_ANCHORS: a TLS listener needs an anchor's certificate" in mistakes
    mistakes, _ = checked(uzi_environment="test", **files)
    assert f"{PREFIX}TLS_CERTIFICATE_FILE: /no/such.pem: " in mistakes


def test_an_issuer_that_cannot_be_read_is_told(checked):
    mistakes, _ = checked(uzi_issuers="/no/such.pem")

    assert f"{PREFIX}UZI_ISSUERS: /no/such.pem is no certificate that can be read" in mistakes

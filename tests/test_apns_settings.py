"""What settings about APNs may hold."""

import pytest

from pairing_server.settings import SettingsError, load

APNS = {
    "PAIRING_APNS_KEY_FILE": "AuthKey_ABC123DEFG.p8",
    "PAIRING_APNS_KEY_ID": "ABC123DEFG",
    "PAIRING_APNS_TEAM_ID": "TEAM123456",
    "PAIRING_APNS_TOPIC": "nl.example.login",
}


def test_apns_is_where_apple_says():
    assert load(APNS).apns_address == "https://api.push.apple.com"
    sandbox = APNS | {"PAIRING_APNS_ENVIRONMENT": "sandbox"}
    assert load(sandbox).apns_address == "https://api.sandbox.push.apple.com"


def test_another_address_goes_before():
    assert load(APNS | {"PAIRING_APNS_URL": "https://localhost:8443"}).apns_address == (
        "https://localhost:8443"
    )


def test_without_a_key_apns_wakes_nobody():
    assert load({}).apns_key_file is None


@pytest.mark.parametrize("missing", APNS)
def test_what_belongs_together_is_set_together(missing):
    with pytest.raises(SettingsError) as refused:
        load({name: value for name, value in APNS.items() if name != missing})
    (mistake,) = refused.value.mistakes
    assert mistake.startswith("PAIRING_APNS_TOPIC: must be set with PAIRING_APNS_KEY_FILE")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEY_ID", "geheim"),
        ("KEY_ID", "abc123defg"),
        ("TEAM_ID", "geheimgeheim"),
        ("TOPIC", "geheim"),
        ("TOPIC", "nl.geheim.*"),
        ("TOPIC", "nl.geheim.login\r\n"),
        ("ENVIRONMENT", "geheim"),
        ("URL", "http://geheim.example.nl"),
        ("URL", "https://geheim.example.nl/path"),
    ],
)
def test_a_mistake_is_told_once_and_without_its_value(name, value):
    with pytest.raises(SettingsError) as refused:
        load(APNS | {f"PAIRING_APNS_{name}": value})
    (mistake,) = refused.value.mistakes
    assert mistake.startswith(f"PAIRING_APNS_{name}: ")
    assert "geheim" not in mistake

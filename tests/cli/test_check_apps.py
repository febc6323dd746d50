"""What `pairing-server check` says of native apps."""

import pytest

from pairing_server.settings import PREFIX

HASHES, PACKAGE = f"{PREFIX}ANDROID_APK_KEY_HASHES", f"{PREFIX}ANDROID_PACKAGE"
APP_IDS, BASE_URL = f"{PREFIX}IOS_APP_IDS", f"{PREFIX}BASE_URL"
APP_ID = "ABCDE12345.nl.example.app"


@pytest.mark.parametrize(
    ("given", "value", "missing"),
    [(PACKAGE, "nl.example.app", HASHES), (HASHES, "A" * 43, PACKAGE)],
)
def test_half_an_android_app_is_a_mistake(command, monkeypatch, given, value, missing):
    monkeypatch.setenv(given, value)

    status, output = command("check")

    assert status == 1
    assert f" ! {missing}" in output


def test_an_app_that_is_whole_is_named(command, monkeypatch):
    for name, value in {PACKAGE: "nl.example.app", HASHES: "A" * 43, APP_IDS: APP_ID}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(BASE_URL, "https://login.example.nl")

    status, output = command("check")

    assert status == 0
    assert f"Apps that claim links of this server: nl.example.app, {APP_ID}." in output
    assert "port 443" not in output


@pytest.mark.parametrize("base_url", ["http://localhost:8080", "https://login.example.nl:8443"])
def test_where_phones_do_not_look_is_told(command, monkeypatch, base_url):
    monkeypatch.setenv(APP_IDS, APP_ID)
    monkeypatch.setenv(BASE_URL, base_url)

    status, output = command("check")

    assert status == 0
    assert "port 443" in output


def test_without_apps_nothing_is_said_of_them(command):
    _, output = command("check")

    assert "Apps that" not in output
    assert "port 443" not in output

"""Which apps may claim this server's links, and what is published where there are none."""

import hashlib

import pytest

from clients.wire import b64url
from pairing_server.app_links import asset_links, site_association

DIGEST = hashlib.sha256(b"the app's certificate").digest()
KEY_HASH = b64url(DIGEST)
APP_ID = "ABCDE12345.nl.example.app"
ANDROID = "/.well-known/assetlinks.json"
IOS = "/.well-known/apple-app-site-association"


def test_an_android_app_is_named_with_its_certificates_in_hex():
    (statement,) = asset_links("nl.example.app", [KEY_HASH])
    (fingerprint,) = statement["target"]["sha256_cert_fingerprints"]

    assert statement["target"]["namespace"] == "android_app"
    assert statement["target"]["package_name"] == "nl.example.app"
    assert bytes.fromhex(fingerprint.replace(":", "")) == DIGEST
    assert fingerprint == fingerprint.upper()
    assert len(fingerprint.split(":")) == 32


def test_an_android_app_may_open_links_and_hold_passkeys():
    (statement,) = asset_links("nl.example.app", [KEY_HASH])

    assert statement["relation"] == [
        "delegate_permission/common.handle_all_urls",
        "delegate_permission/common.get_login_creds",
    ]


def test_an_ios_app_opens_the_apps_links_whatever_their_fragment_and_no_other():
    (detail,) = site_association([APP_ID])["applinks"]["details"]
    (component,) = detail["components"]

    assert detail["appIDs"] == [APP_ID]
    assert component["/"] == "/app/*"
    # A "#" would have to match: without one, any fragment does.
    assert component.keys() == {"/", "comment"}


def test_an_ios_app_may_hold_passkeys():
    assert site_association([APP_ID])["webcredentials"] == {"apps": [APP_ID]}


async def test_apps_that_the_settings_name_are_published(make_house):
    async with make_house(
        android_package="nl.example.app",
        android_apk_key_hashes=(KEY_HASH,),
        ios_app_ids=(APP_ID,),
    ) as house:
        async with house.http.get(house.base_url + ANDROID) as response:
            assert (response.status, response.content_type) == (200, "application/json")
            assert response.headers["Cache-Control"] == "public, max-age=3600"
            assert await response.json() == asset_links("nl.example.app", [KEY_HASH])
        async with house.http.get(house.base_url + IOS) as response:
            # Apple's name has no extension, and its servers look at the type.
            assert (response.status, response.content_type) == (200, "application/json")
            assert await response.json() == site_association([APP_ID])


@pytest.mark.parametrize("path", [ANDROID, IOS])
async def test_where_no_app_is_named_there_is_nothing(house, path):
    async with house.http.get(house.base_url + path) as response:
        assert response.status == 404


@pytest.mark.parametrize(
    "half", [{"android_package": "nl.example.app"}, {"android_apk_key_hashes": (KEY_HASH,)}]
)
async def test_half_an_android_app_is_none(make_house, half):
    async with make_house(**half) as house, house.http.get(house.base_url + ANDROID) as response:
        assert response.status == 404

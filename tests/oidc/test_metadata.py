"""What the server says of itself is what it does."""

import re

from pairing_server.oidc.access_routes import AccessRoutes
from pairing_server.oidc.device_routes import DeviceRoutes
from pairing_server.oidc.metadata import SCOPES, discovery
from pairing_server.oidc.par_routes import ParRoutes
from pairing_server.oidc.routes import LoginRoutes

ISSUER = "https://login.example"


async def served(house):
    url = house.base_url + "/.well-known/openid-configuration"
    async with house.http.get(url) as response:
        assert response.status == 200
        assert response.headers["Cache-Control"] == "public, max-age=300"
        return await response.json()


async def test_the_document_is_served_under_the_issuer(house):
    assert await served(house) == discovery(house.base_url)


async def test_every_endpoint_that_is_named_exists(house):
    document = await served(house)
    endpoints = {
        name: url for name, url in document.items() if name.endswith(("_endpoint", "_uri"))
    }
    assert all(url.startswith(house.base_url + "/") for url in endpoints.values())
    statuses = {}
    for name, url in endpoints.items():
        method = "GET" if name == "jwks_uri" else "POST"
        async with house.http.request(method, url) as response:
            statuses[name] = response.status
    assert statuses == {
        "jwks_uri": 200,
        "token_endpoint": 415,
        "backchannel_authentication_endpoint": 415,
        "device_authorization_endpoint": 415,
        "userinfo_endpoint": 401,
        "introspection_endpoint": 415,
        "authorization_endpoint": 415,
        "pushed_authorization_request_endpoint": 415,
        "end_session_endpoint": 415,
    }


def test_every_endpoint_that_exists_is_named():
    tables = (
        LoginRoutes(None, None, None, None, ISSUER),
        DeviceRoutes(None, None),
        AccessRoutes(None, None, None, ""),
        ParRoutes(None, None),
    )
    paths = {route.path for each in tables for route in each.table()}
    named = {str(url).removeprefix(ISSUER) for url in discovery(ISSUER).values()}
    assert paths - named == {"/.well-known/openid-configuration"}


def test_nothing_is_promised_that_is_not_there():
    document = discovery(ISSUER)
    assert document["backchannel_token_delivery_modes_supported"] == ["poll", "ping"]
    signing = document["backchannel_authentication_request_signing_alg_values_supported"]
    assert signing == ["ES256", "PS256", "EdDSA"]
    assert document["grant_types_supported"] == [
        "urn:openid:params:grant-type:ciba",
        "urn:ietf:params:oauth:grant-type:device_code",
        "authorization_code",
        "client_credentials",
    ]
    assert document["response_types_supported"] == ["code"]
    assert document["response_modes_supported"] == ["query"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    algorithms = document["token_endpoint_auth_signing_alg_values_supported"]
    assert algorithms == ["ES256", "PS256", "EdDSA"]
    assert document["subject_types_supported"] == ["pairwise"]
    assert document["scopes_supported"] == [*SCOPES, "ssf.read", "ssf.manage", "admin"]
    assert not [url for url in document.values() if re.match("http:", str(url))]

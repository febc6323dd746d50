"""What a client is registered with: by the standards' names, and only what can work."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.registry.client_metadata import (
    AuthMethod,
    ClientMetadata,
    GrantType,
    check_redirect,
    read,
)

PING = {
    "backchannel_token_delivery_mode": "ping",
    "backchannel_client_notification_endpoint": "https://xis.example/hoor",
}
BY_DN = {
    "token_endpoint_auth_method": "tls_client_auth",
    "tls_client_auth_subject_dn": "CN=xis.example,O=De Linde,C=NL",
}

BY_CN = {
    "token_endpoint_auth_method": "tls_client_auth",
    "tls_client_auth_subject_cn": "xis.example",
}


def test_where_nothing_is_said_a_client_signs_and_asks_for_what_there_is():
    metadata = read({})

    assert metadata == ClientMetadata()
    assert metadata.token_endpoint_auth_method is AuthMethod.PRIVATE_KEY_JWT
    assert set(GrantType) - set(metadata.grant_types) == {GrantType.CLIENT_CREDENTIALS}


@pytest.mark.parametrize(
    "members",
    [
        PING,
        BY_DN,
        {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "xis.nl"},
        {"jwks_uri": "https://xis.example/keys.json"},
        {"jwks_uri": "http://localhost:8123/keys.json"},
        {"backchannel_logout_uri": "https://xis.example/uit"},
        {"post_logout_redirect_uris": ["https://xis.example/", "http://127.0.0.1:1/weg"]},
        {"grant_types": ["authorization_code"]},
        {"userinfo_signed_response_alg": "ES256"},
        {"dpop_bound_access_tokens": True},
    ],
)
def test_what_can_work_is_read_and_kept(members):
    metadata = read(members)

    assert json.loads(msgspec.json.encode(metadata)) == members


@pytest.mark.parametrize(
    "members",
    [
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"dpop_bound_access_token": True},
        {"dpop_bound_access_tokens": "yes"},
        {"dpop_bound_access_tokens": True, "tls_client_certificate_bound_access_tokens": True},
        {"token_endpoint_auth_method": "tls_client_auth"},
        BY_DN | {"tls_client_auth_san_dns": "xis.example"},
        BY_DN | {"tls_client_auth_subject_dn": "xis.example"},
        BY_DN | {"token_endpoint_auth_method": "private_key_jwt"},
        BY_DN | {"tls_client_auth_subject_cn": "xis.example"},
        {"tls_client_auth_subject_cn": "xis.example"},
        BY_CN | {"tls_client_auth_subject_cn": "xis"},
        BY_CN | {"tls_client_auth_subject_cn": "Jan Jansen"},
        BY_CN | {"tls_client_auth_subject_cn": "*.example"},
        BY_CN | {"tls_client_auth_subject_cn": "xis.example\n"},
        BY_CN | {"tls_client_auth_subject_cn": "xis..example"},
        BY_CN | {"tls_client_auth_subject_cn": "xis.example."},
        BY_CN | {"tls_client_auth_subject_cn": "x" * 60 + ".example"},
        {"backchannel_token_delivery_mode": "push"},
        {"backchannel_token_delivery_mode": "ping"},
        PING | {"backchannel_token_delivery_mode": "poll"},
        {"jwks_uri": "http://xis.example/keys.json"},
        {"jwks_uri": "https://user@xis.example/keys.json"},
        {"jwks_uri": "https://10.0.0.1/keys.json"},
        {"backchannel_logout_uri": "https://xis.example/uit#x"},
        {"post_logout_redirect_uris": ["https://xis.example/#x"]},
        {"post_logout_redirect_uris": ["http://xis.example/"]},
        {"post_logout_redirect_uris": ["javascript:alert(1)"]},
        {"id_token_signed_response_alg": "none"},
        {"userinfo_signed_response_alg": "RS256"},
        {"backchannel_authentication_request_signing_alg": "none"},
        {"grant_types": ["password"]},
        {"ssf_delivery_endpoint": "http://siem.example/events"},
    ],
)
def test_what_cannot_work_is_refused(members):
    with pytest.raises(ValueError, match=r"\w"):
        read(members)


@pytest.mark.parametrize(
    "uri",
    ["", "/back", "https://", "https://u@xis.example/", "https://xis.example/é", "https://["],
)
def test_a_browser_is_sent_to_whole_urls_alone(uri):
    with pytest.raises(ValueError, match=r"redirect_uri|URL"):
        check_redirect("redirect_uri", uri)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(ClientMetadata.__struct_fields__), json_values))
def test_any_members_are_metadata_or_refused(members):
    try:
        metadata = read(members)
    except ValueError:
        return
    assert read(msgspec.to_builtins(metadata)) == metadata

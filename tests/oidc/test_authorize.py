"""An authorization request: the code flow with PKCE, to a page that was registered, or none."""

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.errors import InvalidRequest, Refusal
from pairing_server.oidc.authorize import answer_uri, parse, redirect_uri
from pairing_server.oidc.refusals import (
    InvalidScope,
    LoginRequired,
    RequestNotSupported,
    UnauthorizedClient,
    UnsupportedResponseType,
)
from pairing_server.registry.client_metadata import ClientMetadata, GrantType
from pairing_server.registry.clients import Client, ClientStatus

PAGE = "https://his.example/cb"
CLIENT = Client(
    id="his",
    name="HIS",
    jwks={"keys": []},
    uras=("90000001",),
    redirect_uris=(PAGE, "https://his.example/other?x=1"),
    policy={},
    metadata=ClientMetadata(),
    status=ClientStatus.ACTIVE,
    created_at=datetime(2026, 11, 26, tzinfo=UTC),
)
FORM = {
    "client_id": "his",
    "response_type": "code",
    "redirect_uri": PAGE,
    "scope": "openid uzi more",
    "state": "s" * 22,
    "nonce": "n" * 22,
    "code_challenge": "c" * 43,
    "code_challenge_method": "S256",
}


def changed(**fields):
    return {name: value for name, value in (FORM | fields).items() if value is not None}


def test_a_whole_request_is_read():
    read = parse(
        changed(
            login_hint="uzi:900000001",
            acr_values="b a b",
            max_age="0",
            prompt="login consent",
            response_mode="query",
            ui_locales="nl",
            claims='{"id_token": {"uzi_number": null}}',
        ),
        CLIENT,
    )

    assert read.scope == "openid uzi"
    assert (read.state, read.nonce, read.code_challenge) == ("s" * 22, "n" * 22, "c" * 43)
    assert (read.login_hint, read.acr_values) == ("uzi:900000001", ("b", "a"))
    assert read.claims.id_token == ("uzi_number",)
    assert (read.ura, read.redirect_uri) == ("90000001", PAGE)


def test_the_redirect_uri_is_one_of_the_clients_letter_for_letter():
    assert redirect_uri(FORM, CLIENT) == PAGE
    for uri in (
        None, f"{PAGE}/", f"{PAGE}?x=1", PAGE.upper(), "https://his.example/CB",
        f"{PAGE}#f", "https://his.example.evil.example/cb", f" {PAGE}", "https://his.example",
    ):  # fmt: skip
        with pytest.raises(InvalidRequest):
            parse(changed(redirect_uri=uri), CLIENT)


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"response_type": None}, InvalidRequest),
        ({"response_type": "token"}, UnsupportedResponseType),
        ({"response_type": "code id_token"}, UnsupportedResponseType),
        ({"response_mode": "fragment"}, InvalidRequest),
        ({"scope": None}, InvalidScope),
        ({"scope": "uzi"}, InvalidScope),
        ({"code_challenge": None}, InvalidRequest),
        ({"code_challenge": "c" * 42}, InvalidRequest),
        ({"code_challenge": "c" * 42 + "="}, InvalidRequest),
        ({"code_challenge_method": None}, InvalidRequest),
        ({"code_challenge_method": "plain"}, InvalidRequest),
        ({"state": "s" * 1025}, InvalidRequest),
        ({"state": "\u00e9"}, InvalidRequest),
        ({"nonce": "n" * 513}, InvalidRequest),
        ({"login_hint": "x" * 201}, InvalidRequest),
        ({"prompt": "none"}, LoginRequired),
        ({"prompt": "none login"}, InvalidRequest),
        ({"prompt": "create"}, InvalidRequest),
        ({"max_age": "-1"}, InvalidRequest),
        ({"max_age": "\u0661"}, InvalidRequest),
        ({"acr_values": " ".join("abcdefghijk")}, InvalidRequest),
        ({"claims": "{"}, InvalidRequest),
        ({"request": "eyJ"}, RequestNotSupported),
        ({"request_uri": "urn:x"}, RequestNotSupported),
        ({"ura": "90000009"}, InvalidRequest),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_name(fields, refusal):
    with pytest.raises(refusal) as caught:
        parse(changed(**fields), CLIENT)
    assert type(caught.value) is refusal


def test_a_client_of_several_organisations_says_which():
    client = replace(CLIENT, uras=("90000001", "90000002"))

    with pytest.raises(InvalidRequest):
        parse(FORM, client)
    assert parse(changed(ura="90000002"), client).ura == "90000002"


def test_a_client_that_is_not_registered_for_it_is_refused():
    client = replace(CLIENT, metadata=ClientMetadata(grant_types=(GrantType.CIBA,)))

    with pytest.raises(UnauthorizedClient):
        parse(FORM, client)


@pytest.mark.parametrize("name", ["state", "nonce"])
def test_under_the_nl_gov_profile_state_and_nonce_have_128_bits(name):
    client = replace(CLIENT, policy={"profile": "nl-gov"})

    assert parse(FORM, client)
    for value in (None, "x" * 21):
        with pytest.raises(InvalidRequest):
            parse(changed(**{name: value}), client)
        assert parse(changed(**{name: value}), CLIENT)


def test_the_answer_says_who_gives_it_and_keeps_what_stood_in_the_uri():
    uri = answer_uri("https://his.example/other?x=1", "https://op.example", "a&b=c", code="1 2")

    parts = urlsplit(uri)
    assert (parts.netloc, parts.path) == ("his.example", "/other")
    assert parse_qs(parts.query, strict_parsing=True) == {
        "x": ["1"],
        "code": ["1 2"],
        "state": ["a&b=c"],
        "iss": ["https://op.example"],
    }
    assert answer_uri(PAGE, "https://op.example", "", error="e").count("state") == 0


@given(st.dictionaries(st.sampled_from([*FORM, "claims", "prompt", "ura"]), st.text()))
def test_whatever_is_sent_is_read_or_refused(fields):
    try:
        read = parse({**FORM, **fields}, CLIENT)
    except Refusal:
        return
    assert read.redirect_uri in CLIENT.redirect_uris

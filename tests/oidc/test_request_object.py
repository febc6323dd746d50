"""A request that the client signed: every claim, and nothing beside it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.errors import InvalidRequest
from pairing_server.oidc.request_object import PARAMETERS, check_alone, read

ISSUER = "https://login.example"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
GOOD = {
    "iss": "his",
    "aud": ISSUER,
    "iat": SECONDS,
    "nbf": SECONDS,
    "exp": SECONDS + 60,
    "jti": "one",
    "scope": "openid uzi",
    "login_hint": "uzi:900000001",
}
MINUTE = 60
moments = st.integers(-2 * 3600, 2 * 3600)


def made(**changed):
    """The claims of a good request; what is changed to `None` is left out."""
    return {name: value for name, value in (GOOD | changed).items() if value is not None}


def form(**changed):
    return read(made(**changed), "his", ISSUER, NOW).form


def nested(depth):
    value = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def test_a_good_request_is_read_as_a_form():
    request = read(GOOD, "his", ISSUER, NOW)
    assert request.form == {"scope": "openid uzi", "login_hint": "uzi:900000001"}
    assert (request.jti, request.expires_at) == ("one", NOW + timedelta(seconds=60))


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "nbf", "iat", "jti"])
def test_each_claim_has_to_be_there(name):
    with pytest.raises(InvalidRequest) as refused:
        form(**{name: None})
    assert name in refused.value.description


BAD = {
    "iss of another": {"iss": "other"},
    "iss in a list": {"iss": ["his"]},
    "client_id of another": {"client_id": "other"},
    "sub that would authenticate": {"sub": "his"},
    "aud of another": {"aud": "https://other.example"},
    "aud with a slash": {"aud": ISSUER + "/"},
    "aud of others": {"aud": ["https://other.example"]},
    "no aud at all": {"aud": []},
    "exp is over": {"exp": SECONDS},
    "exp as text": {"exp": str(SECONDS + 60)},
    "exp true": {"exp": True},
    "exp without end": {"exp": float("inf")},
    "exp that is no number": {"exp": float("nan")},
    "exp beyond the calendar": {"exp": 10**18},
    "exp 70 minutes ahead": {"exp": SECONDS + 70 * MINUTE},
    "exp 60 minutes and a second after nbf": {"exp": SECONDS + 60 * MINUTE + 1},
    "nbf 10 minutes ahead": {"nbf": SECONDS + 10 * MINUTE, "exp": SECONDS + 11 * MINUTE},
    "nbf 11 seconds ahead": {"nbf": SECONDS + 11},
    "nbf 70 minutes ago": {"nbf": SECONDS - 70 * MINUTE},
    "nbf as text": {"nbf": str(SECONDS)},
    "iat 11 seconds ahead": {"iat": SECONDS + 11},
    "iat as text": {"iat": "now"},
    "jti as a number": {"jti": 1},
    "jti empty": {"jti": ""},
    "jti too long": {"jti": "x" * 257},
    "jti of no use": {"jti": "\ud800"},
    "a request inside": {"request": "eyJ"},
    "a request_uri inside": {"request_uri": "https://other.example"},
    "a scope in a list": {"scope": ["openid"]},
    "a hint of no text": {"login_hint": {"uzi": "1"}},
    "a hint with NUL": {"login_hint": "a\0"},
    "a hint of half a character": {"login_hint": "\ud800"},
    "an expiry that is true": {"requested_expiry": True},
    "an expiry of a half": {"requested_expiry": 0.5},
    "a context in a list": {"request_context": []},
    "a context of half a character": {"request_context": {"location": "\ud800"}},
    "a context without end": {"request_context": nested(100_000)},
}


@pytest.mark.parametrize("changed", BAD.values(), ids=BAD)
def test_a_bad_request_is_refused(changed):
    with pytest.raises(InvalidRequest):
        form(**changed)


FINE = {
    "aud among others": {"aud": ["https://other.example", ISSUER]},
    "client_id is the client": {"client_id": "his"},
    "sub is a person": {"sub": "someone"},
    "a clock 10 seconds ahead": {"nbf": SECONDS + 10, "iat": SECONDS + 10},
    "60 minutes long": {"exp": SECONDS + 60 * MINUTE},
    "60 minutes old": {"nbf": SECONDS - 60 * MINUTE + 60, "iat": 0},
    "what nobody knows": {"resource": ["https://other.example"]},
}


@pytest.mark.parametrize("changed", FINE.values(), ids=FINE)
def test_what_the_standard_allows_is_taken(changed):
    assert form(**changed)["scope"] == "openid uzi"


@pytest.mark.parametrize("expiry", [90, "90"])
def test_an_expiry_is_a_number_or_a_text(expiry):
    assert form(requested_expiry=expiry)["requested_expiry"] == "90"


@pytest.mark.parametrize("context", [{"workstation": "Balie 1"}, '{"workstation":"Balie 1"}'])
def test_a_context_is_an_object_or_its_text(context):
    assert form(request_context=context)["request_context"] == '{"workstation":"Balie 1"}'


def test_an_empty_parameter_counts_as_absent():
    assert "binding_message" not in form(binding_message="")


def test_what_is_no_parameter_does_not_come_through():
    assert form(client_assertion="x", grant_type="y", code="z") == form()


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_nothing_is_asked_beside_the_request(name):
    with pytest.raises(InvalidRequest):
        check_alone({"request": "eyJ", "client_assertion": "eyJ", name: "x"})


def test_what_authenticates_the_client_stands_beside_the_request():
    check_alone({"request": "e", "client_id": "his", "client_assertion": "e", "more": "x"})


@given(exp=moments, nbf=moments, iat=moments)
def test_a_request_lives_for_an_hour_at_most_and_is_no_older(exp, nbf, iat):
    try:
        request = read(
            made(exp=SECONDS + exp, nbf=SECONDS + nbf, iat=SECONDS + iat), "his", ISSUER, NOW
        )
    except InvalidRequest:
        assert exp <= 0 or exp - nbf > 3600 or not -3600 <= nbf <= 10 or iat > 10
    else:
        assert NOW < request.expires_at <= NOW + timedelta(minutes=60, seconds=10)


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(sorted({*GOOD, *PARAMETERS})), values))
def test_whatever_stands_there_is_read_or_refused(claims):
    try:
        request = read(GOOD | claims, "his", ISSUER, NOW)
    except InvalidRequest:
        return
    assert all(isinstance(value, str) and value for value in request.form.values())
    assert set(request.form) <= PARAMETERS

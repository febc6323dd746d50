"""Whom a client means: one hint, of three kinds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.errors import InvalidRequest, Refusal
from pairing_server.oidc import hints
from pairing_server.oidc.hints import EarlierLogin, UserName, UziNumber, only_one
from pairing_server.oidc.refusals import ExpiredLoginHintToken

ISSUER = "https://login.example:8443"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
GOOD = {
    "iss": "his",
    "aud": ISSUER,
    "iat": SECONDS,
    "exp": SECONDS + 60,
    "sub_id": {"format": "opaque", "id": "uzi:900000001"},
}
ID_TOKEN = {"iss": ISSUER, "aud": "his", "sub": "pairwise", "jti": "one", "exp": 1}


def token(**changed):
    made = {name: value for name, value in (GOOD | changed).items() if value is not None}
    return hints.login_hint_token(made, "his", ISSUER, NOW)


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"login_hint": "x", "login_hint_token": "t"},
        {"login_hint": "x", "id_token_hint": "t"},
        {"login_hint_token": "t", "id_token_hint": "t"},
        {"login_hint": "x", "login_hint_token": "t", "id_token_hint": "t"},
        {"login_hint": "x" * 201},
        {"login_hint_token": "x" * 8193},
        {"id_token_hint": "x" * 8193},
    ],
)
def test_exactly_one_hint_and_not_too_long(form):
    with pytest.raises(InvalidRequest):
        only_one(form)


@pytest.mark.parametrize("name", hints.NAMES)
def test_the_one_hint_is_told_by_its_name(name):
    assert only_one({name: "x", "scope": "openid"}) == (name, "x")


def test_a_uzi_number_is_nine_digits_behind_its_prefix():
    assert hints.login_hint("uzi:900000001") == UziNumber("900000001")


@pytest.mark.parametrize(
    "hint",
    [
        "uzi:90000000",
        "uzi:9000000011",
        "UZI:900000001",
        " uzi:900000001",
        "uzi:\uff1900000001",
        "j.doe",
    ],
)
def test_what_is_no_uzi_number_is_a_user_name(hint):
    assert hints.login_hint(hint) == UserName(hint)


SUBJECTS = {
    "opaque, a UZI number": ({"format": "opaque", "id": "uzi:900000001"}, UziNumber("900000001")),
    "opaque, a user name": ({"format": "opaque", "id": "jansen"}, UserName("jansen")),
    "account": ({"format": "account", "uri": "acct:jansen@login.example"}, UserName("jansen")),
    "account, escaped": (
        {"format": "account", "uri": "ACCT:j%40x@LOGIN.example"},
        UserName("j@x"),
    ),
    "aliases": (
        {
            "format": "aliases",
            "identifiers": [
                {"format": "email", "email": "j@hospital.example"},
                {"format": "account", "uri": "acct:jansen@elsewhere.example"},
                {"format": "opaque", "id": "jansen"},
            ],
        },
        UserName("jansen"),
    ),
}


@pytest.mark.parametrize(("subject", "hint"), SUBJECTS.values(), ids=SUBJECTS)
def test_a_subject_identifier_names_a_person(subject, hint):
    assert token(sub_id=subject) == hint


BAD_SUBJECTS = {
    "missing": None,
    "a text": "uzi:900000001",
    "no format": {"id": "jansen"},
    "email": {"format": "email", "email": "j@hospital.example"},
    "iss_sub": {"format": "iss_sub", "iss": ISSUER, "sub": "x"},
    "opaque without id": {"format": "opaque"},
    "opaque, a number": {"format": "opaque", "id": 900000001},
    "opaque, empty": {"format": "opaque", "id": ""},
    "opaque, too long": {"format": "opaque", "id": "x" * 201},
    "opaque, NUL": {"format": "opaque", "id": "a\0"},
    "opaque, half a character": {"format": "opaque", "id": "\ud800"},
    "account elsewhere": {"format": "account", "uri": "acct:jansen@elsewhere.example"},
    "account nowhere": {"format": "account", "uri": "acct:jansen"},
    "account of nobody": {"format": "account", "uri": "acct:@login.example"},
    "account of another scheme": {"format": "account", "uri": "mailto:jansen@login.example"},
    "account, not UTF-8": {"format": "account", "uri": "acct:%ff@login.example"},
    "account, NUL": {"format": "account", "uri": "acct:%00@login.example"},
    "no aliases": {"format": "aliases", "identifiers": []},
    "aliases of aliases": {
        "format": "aliases",
        "identifiers": [
            {"format": "aliases", "identifiers": [{"format": "opaque", "id": "jansen"}]}
        ],
    },
    "aliases without end": {
        "format": "aliases",
        "identifiers": [{}] * 10 + [{"format": "opaque", "id": "jansen"}],
    },
}


@pytest.mark.parametrize("subject", BAD_SUBJECTS.values(), ids=BAD_SUBJECTS)
def test_what_names_nobody_here_is_refused(subject):
    with pytest.raises(InvalidRequest):
        token(sub_id=subject)


BAD = {
    "iss of another": {"iss": "other"},
    "no iss": {"iss": None},
    "aud of another": {"aud": "https://other.example"},
    "no aud": {"aud": None},
    "no exp": {"exp": None},
    "exp as text": {"exp": "soon"},
    "exp true": {"exp": True},
    "exp too far ahead": {"exp": SECONDS + 3601},
    "exp without end": {"exp": float("inf")},
    "iat ahead": {"iat": SECONDS + 11},
    "nbf ahead": {"nbf": SECONDS + 11},
    "nbf as text": {"nbf": "x"},
}


@pytest.mark.parametrize("changed", BAD.values(), ids=BAD)
def test_a_token_that_is_not_for_here_and_now_is_refused(changed):
    with pytest.raises(InvalidRequest):
        token(**changed)


def test_a_token_among_other_audiences_and_without_iat_is_taken():
    assert token(aud=["https://other.example", ISSUER], iat=None, exp=SECONDS + 3600)


@pytest.mark.parametrize("exp", [SECONDS, SECONDS - 1, 0])
def test_a_token_that_is_over_is_refused_by_its_own_name(exp):
    with pytest.raises(ExpiredLoginHintToken):
        token(exp=exp)


def test_an_id_token_is_taken_long_after_it_expired():
    assert hints.id_token_hint(ID_TOKEN, "his", ISSUER) == EarlierLogin("one", "pairwise")
    shared = ID_TOKEN | {"aud": ["his"]}
    assert hints.id_token_hint(shared, "his", ISSUER) == EarlierLogin("one", "pairwise")


BAD_ID_TOKENS = {
    "of another client": {"aud": "other"},
    "of other clients": {"aud": ["other"]},
    "of another server": {"iss": "https://other.example"},
    "without jti": {"jti": None},
    "without sub": {"sub": None},
    "with a number for sub": {"sub": 1},
}


@pytest.mark.parametrize("changed", BAD_ID_TOKENS.values(), ids=BAD_ID_TOKENS)
def test_an_id_token_that_this_client_was_not_given_is_refused(changed):
    with pytest.raises(InvalidRequest):
        hints.id_token_hint(ID_TOKEN | changed, "his", ISSUER)


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "nbf"]), values))
def test_whatever_stands_in_a_token_is_read_or_refused(claims):
    try:
        hint = hints.login_hint_token(GOOD | claims, "his", ISSUER, NOW)
    except Refusal:
        return
    assert 0 < len(hint.value) <= 200


@given(st.integers(-(10**6), 10**6))
def test_a_token_counts_until_it_expires_and_for_an_hour_at_most(seconds):
    try:
        token(exp=SECONDS + seconds)
    except ExpiredLoginHintToken:
        assert seconds <= 0
    except InvalidRequest:
        assert timedelta(seconds=seconds) > hints.MAX_TOKEN_LIFETIME
    else:
        assert 0 < seconds <= 3600

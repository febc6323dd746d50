"""The `claims` parameter: single claims, an essential level, and who it has to be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.errors import InvalidRequest
from pairing_server.oidc.claims_request import MAX_CHARACTERS, WantedClaims, reaches, read_claims
from pairing_server.settings import AssuranceLevel

LOW, SUBSTANTIAL, HIGH = AssuranceLevel


def claims(**asked):
    return read_claims(json.dumps(asked))


def test_without_it_nothing_is_asked():
    assert read_claims(None) == read_claims("{}") == WantedClaims()


def test_claims_of_the_person_are_read_for_either_place_and_others_passed_over():
    read = claims(
        id_token={"uzi_number": None, "birthdate": {"essential": True}, "ura": {"value": "x"}},
        userinfo={"name": {"essential": True}, "acr": None},
        other={"name": None},
    )

    assert set(read.id_token) == {"uzi_number", "ura"}
    assert read.userinfo == ("name",)


def test_a_level_counts_where_it_is_essential():
    assert claims(id_token={"acr": {"values": [SUBSTANTIAL]}}).acr == ()
    read = claims(id_token={"acr": {"essential": True, "values": [SUBSTANTIAL, HIGH, 3]}})
    assert read.acr == (SUBSTANTIAL, HIGH)
    assert claims(id_token={"acr": {"essential": True, "value": LOW}}).acr == (LOW,)


def test_a_person_is_named_once():
    assert claims(id_token={"sub": {"value": "a"}}).sub == "a"
    assert claims(id_token={"sub": {"value": "a"}}, userinfo={"sub": {"value": "a"}}).sub == "a"
    assert claims(id_token={"sub": None}).sub == ""
    with pytest.raises(InvalidRequest):
        claims(id_token={"sub": {"value": "a"}}, userinfo={"sub": {"value": "b"}})


@pytest.mark.parametrize(
    "text",
    ["", "[]", '"x"', '{"id_token": []}', '{"id_token": {"acr": 1}}', "[" * 100_000,
     '{"id_token": {"acr": {"values": 1}}}', " " * (MAX_CHARACTERS + 1)],
)  # fmt: skip
def test_what_is_not_of_the_form_is_refused(text):
    with pytest.raises(InvalidRequest):
        read_claims(text)


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        read_claims(text)
    except InvalidRequest:
        return


def test_a_level_reaches_itself_and_what_is_below():
    assert [reaches(level, (SUBSTANTIAL,)) for level in AssuranceLevel] == [False, True, True]
    assert reaches(LOW, ())
    assert not reaches(HIGH, ("elsewhere",))
    assert reaches(LOW, (HIGH, LOW))

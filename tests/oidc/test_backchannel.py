"""What a client may ask: every parameter, every refusal by its name."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.errors import InvalidRequest, Refusal
from pairing_server.oidc.backchannel import Binding, binding, parse
from pairing_server.oidc.refusals import InvalidBindingMessage, InvalidScope
from pairing_server.registry.client_metadata import ClientMetadata, DeliveryMode
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.settings import AssuranceLevel

GOOD = {"scope": "openid uzi", "login_hint": "uzi:900000001"}


def client(*uras, policy=None):
    return Client(
        id="c",
        name="HIS",
        jwks={},
        uras=uras or ("90000001",),
        redirect_uris=(),
        policy={} if policy is None else policy,
        status=ClientStatus.ACTIVE,
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
    )


def parsed(*uras, **form):
    return parse(GOOD | form, client(*uras))


def test_the_least_that_is_asked():
    request = parse(GOOD, client())
    assert request.hint == ("login_hint", "uzi:900000001")
    assert (request.ura, request.scope) == ("90000001", "openid uzi")
    assert request.binding == Binding("", None)
    assert request.lifetime == timedelta(minutes=2)
    assert request.context.workstation_id == request.context.location == ""


@pytest.mark.parametrize("scope", ["", "uzi", "OPENID", "openidx", "openid\tuzi", "xopenid"])
def test_a_scope_without_openid(scope):
    with pytest.raises(InvalidScope):
        parse({**GOOD, "scope": scope}, client())
    with pytest.raises(InvalidScope):
        parse({"login_hint": "x"}, client())


def test_scopes_that_are_not_known_are_not_granted():
    assert parsed(scope="bsn uzi admin openid openid").scope == "openid uzi"


@pytest.mark.parametrize(
    "hints",
    [
        {},
        {"login_hint": "x", "login_hint_token": "t"},
        {"login_hint": "x", "id_token_hint": "t"},
        {"login_hint_token": "t", "id_token_hint": "t"},
        {"login_hint": "x" * 201},
    ],
)
def test_exactly_one_hint(hints):
    with pytest.raises(InvalidRequest):
        parse({"scope": "openid"} | hints, client())


@pytest.mark.parametrize("name", ["login_hint", "login_hint_token", "id_token_hint"])
def test_each_hint_will_do(name):
    assert parse({"scope": "openid", name: "x"}, client()).hint == (name, "x")


def test_the_levels_that_are_known_here_are_asked_for():
    assert parsed(acr_values="http://eidas.europa.eu/LoA/high gold").acr == (AssuranceLevel.HIGH,)
    assert parsed().acr == ()


PING = ClientMetadata(
    backchannel_token_delivery_mode=DeliveryMode.PING,
    backchannel_client_notification_endpoint="https://his.example/ping",
)


def test_in_ping_mode_alone_there_has_to_be_a_notification_token():
    in_ping_mode = replace(client(), metadata=PING)
    token = {"client_notification_token": "x" * 22}
    assert parse(GOOD | token, in_ping_mode).notification_token == "x" * 22
    with pytest.raises(InvalidRequest):
        parse(GOOD, in_ping_mode)
    assert parse(GOOD | token, client()).notification_token == ""
    assert parsed(client_notification_token="short").notification_token == ""


def test_a_client_of_several_organisations_says_which():
    both = ("90000001", "90000002")
    assert parsed(*both, ura="90000002").ura == "90000002"
    for form in ({}, {"ura": "90000003"}, {"ura": "9000000"}, {"ura": "\uff190000001"}):
        with pytest.raises(InvalidRequest):
            parsed(*both, **form)


def test_a_foreign_organisation_is_refused_to_a_client_of_one():
    with pytest.raises(InvalidRequest):
        parsed(ura="90000002")


def test_a_client_of_no_organisation_asks_nobody():
    nowhere = Client(**{**{f: getattr(client(), f) for f in Client.__slots__}, "uras": ()})
    with pytest.raises(InvalidRequest):
        parse(GOOD, nowhere)


@pytest.mark.parametrize("code", ["042917", "1234567", "00000000"])
def test_six_to_eight_digits_are_the_clients_own_code(code):
    assert binding(code, 6) == Binding("", code)


@pytest.mark.parametrize("code", ["1", "12345", "123456789", "1" * 100])
def test_fewer_or_more_digits_are_refused(code):
    with pytest.raises(InvalidBindingMessage):
        binding(code, 6)


@pytest.mark.parametrize("text", ["x", "12 34 56", "042917a", "Recept é 🏥", "x" * 100, "-123456"])
def test_other_text_is_shown(text):
    assert binding(text, 6) == Binding(text, None)


UNSHOWABLE = {
    "101 characters": "x" * 101,
    "line feed": "a\nb",
    "tab": "a\tb",
    "nul": "a\0",
    "delete": "a\x7f",
    "C1": "a\x85",
    "right-to-left override": "a\u202eb",
    "isolate": "a\u2066b",
    "right-to-left mark": "a\u200f",
    "zero width space": "12\u200b3456",
    "zero width joiner": "a\u200db",
    "byte order mark": "\ufeffa",
    "soft hyphen": "a\u00adb",
    "line separator": "a\u2028b",
    "surrogate": "a\ud800",
    "private use": "a\ue000",
    "unassigned": "a\u0378",
    "tag": "a\U000e0041",
    "Hangul filler": "\u3164",
    "grapheme joiner": "12345\u034f",
    "Arabic digits": "\u0661\u0662\u0663\u0664\u0665\u0666",
    "fullwidth digits": "\uff11\uff12\uff13\uff14\uff15\uff16",
    "superscript digits": "\u00b2\u00b3\u00b9\u00b2\u00b3\u00b9",
    "mixed digits": "12345\u0666",
}


@pytest.mark.parametrize("text", UNSHOWABLE.values(), ids=UNSHOWABLE)
def test_what_cannot_be_shown_or_typed_is_refused(text):
    with pytest.raises(InvalidBindingMessage):
        binding(text, 6)


def test_a_policy_counts_for_the_clients_own_code_too():
    four = client(policy={"code_digits": 4})
    assert parse(GOOD | {"binding_message": "1234"}, four).binding.code == "1234"
    with pytest.raises(InvalidBindingMessage):
        parse(GOOD | {"binding_message": "123"}, four)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1", 1), ("120", 120), ("300", 300), ("301", 300), ("9" * 400, 300), ("0" * 20 + "7", 7)],
)
def test_the_client_chooses_how_long_up_to_five_minutes(text, seconds):
    assert parsed(requested_expiry=text).lifetime == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["0", "000", "-1", "+1", "1.5", "1e3", "1e400", "NaN", "ten", " 1", "0x10", "\uff1120", "1_0"],
)
def test_an_expiry_is_a_positive_whole_number(text):
    with pytest.raises(InvalidRequest):
        parsed(requested_expiry=text)


def test_a_context_says_where():
    context = {"workstation_id": "w", "workstation": "Balie é", "location": "Hal", "more": 1}
    read = parsed(request_context=json.dumps(context)).context
    assert (read.workstation_id, read.workstation, read.location) == ("w", "Balie é", "Hal")


CONTEXTS = {
    "no JSON": "{",
    "a list": "[]",
    "a text": '"w"',
    "null": "null",
    "a number inside": '{"workstation_id": 1}',
    "null inside": '{"workstation": null}',
    "too long": json.dumps({"location": "x" * 101}),
    "controls": json.dumps({"workstation": "a\nb"}),
    "override": json.dumps({"location": "a\u202eb"}),
    "invisible identifier": json.dumps({"workstation_id": "ws-1\u200b"}),
    "half a character": '{"workstation": "\\ud800"}',
    "deep": '{"x": ' + "[" * 5000,
}


@pytest.mark.parametrize("text", CONTEXTS.values(), ids=CONTEXTS)
def test_a_malformed_context_is_refused(text):
    with pytest.raises(InvalidRequest):
        parsed(request_context=text)


NAMES = ["scope", "login_hint", "ura", "binding_message", "requested_expiry", "request_context"]


@given(st.dictionaries(st.sampled_from(NAMES), st.text(min_size=1)))
def test_whatever_is_sent_is_read_or_refused(form):
    try:
        request = parse(GOOD | form, client())
    except Refusal:
        return
    assert request.ura == "90000001"
    assert "openid" in request.scope.split(" ")
    assert timedelta(0) < request.lifetime <= timedelta(minutes=5)
    assert request.binding.code is None or request.binding.message == ""

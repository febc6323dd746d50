"""WebAuthn: an honest key is taken, and each thing done wrongly is refused for just that."""

import contextlib
import json
import secrets
from dataclasses import replace

import cbor2
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given, settings
from hypothesis import strategies as st
from webauthn.helpers.structs import AttestationFormat

from clients.authenticator import Attestation, Authenticator
from clients.client_data import HONEST, Flags, Twist
from pairing_server.errors import Refusal
from pairing_server.keys.attestation.chain import Chain
from pairing_server.keys.attestation.judge import Judgement
from pairing_server.keys.attestation.roots import CHAINED
from pairing_server.keys.ceremony import (
    ALGORITHMS,
    AuthenticationResponse,
    RegistrationResponse,
    RelyingParty,
    creation_options,
    request_options,
    verify_assertion,
    verify_registration,
)
from pairing_server.keys.credential import AttestationVerdict
from pairing_server.keys.refusals import (
    AttestationNotAccepted,
    InvalidAssertion,
    InvalidCredential,
    SignCountRegressed,
)
from pairing_server.tokens import b64url, b64url_decode
from tests.keys.handset import CHALLENGE, ORIGIN, RP, registration
from tests.keys.makers import Authority, Making, trusting
from tests.keys.statements import STATEMENTS, packed, tlv

APK = "android:apk-key-hash:" + "A" * 43
KEY_STARTS_AT = 37 + 16 + 2 + 32

ONE_THING_WRONG = {
    "challenge": (Twist(challenge=b"another" * 4), "challenge"),
    "origin": (Twist(origin="https://evil.example"), "origin"),
    "origin below ours": (Twist(origin=ORIGIN + ".evil.example"), "origin"),
    "app that is not configured": (Twist(origin=APK), "origin"),
    "rp id": (Twist(rp_id="evil.example"), "RP ID"),
    "type": (Twist(type="payment.get"), "type"),
    "framed": (Twist(cross_origin=True), "crossOrigin"),
    "framed, says the top": (Twist(top_origin=ORIGIN), "topOrigin"),
    "nobody there": (Twist(clear_flags=Flags.UP), "presen"),
    "nobody verified": (Twist(clear_flags=Flags.UV), "verif"),
    "backed up but not eligible": (Twist(set_flags=Flags.BS), "back"),
}


def registered(response, rp=RP):
    return verify_registration(rp, response, CHALLENGE)


@pytest.fixture(scope="module")
def phone():
    authenticator = Authenticator()
    return authenticator, registered(registration(authenticator))


def assertion(phone, twist=HONEST, challenge=CHALLENGE):
    made = phone[0].get(challenge, RP.id, ORIGIN, twist)
    return msgspec.convert(made, AuthenticationResponse)


def asserted(phone, response, sign_count=0, rp=RP, **known):
    return verify_assertion(
        rp,
        response,
        challenge=CHALLENGE,
        credential_id=phone[1].credential_id,
        public_key=phone[1].public_key,
        sign_count=sign_count,
        **known,
    )


def rewritten(response, change):
    """Change the attestation object of a registration."""
    attested = cbor2.loads(b64url_decode(response.response.attestation_object))
    raw = b64url(cbor2.dumps(change(attested), canonical=True))
    inner = msgspec.structs.replace(response.response, attestation_object=raw)
    return msgspec.structs.replace(response, response=inner)


def with_key(cose):
    """Put another public key in the place of the one that was made."""
    return rewritten(
        registration(Authenticator()),
        lambda made: {**made, "authData": made["authData"][:KEY_STARTS_AT] + cose},
    )


def cose_of(curve, algorithm=-7, crv=1):
    point = ec.generate_private_key(curve).public_key().public_numbers()
    size = (curve.key_size + 7) // 8
    x, y = point.x.to_bytes(size, "big"), point.y.to_bytes(size, "big")
    return cbor2.dumps({1: 2, 3: algorithm, -1: crv, -2: x, -3: y}, canonical=True)


def rsa_cose(bits, exponent=65537):
    modulus = (secrets.randbits(bits) | 1 << (bits - 1) | 1).to_bytes(bits // 8)
    public = exponent.to_bytes(5).lstrip(b"\0")
    return cbor2.dumps({1: 3, 3: -257, -1: modulus, -2: public}, canonical=True)


@pytest.mark.parametrize("attestation", Attestation)
def test_an_honest_key_is_taken(attestation):
    authenticator = Authenticator(attestation=attestation, aaguid=bytes(range(16)))
    key = registered(registration(authenticator))
    assert key.credential_id == authenticator.credentials[0].credential_id
    assert key.aaguid == "00010203-0405-0607-0809-0a0b0c0d0e0f"
    assert key.attestation_format == attestation
    assert key.attestation_verdict is AttestationVerdict.UNKNOWN
    assert (key.sign_count, key.backup_eligible, key.backed_up) == (0, False, False)


def test_a_synced_key_says_so():
    authenticator = Authenticator(backup=Flags.BE | Flags.BS)
    key = registered(registration(authenticator))
    assert (key.backup_eligible, key.backed_up) == (True, True)


@pytest.mark.parametrize("attestation", Attestation)
@pytest.mark.parametrize(("twist", "complaint"), ONE_THING_WRONG.values(), ids=ONE_THING_WRONG)
def test_one_thing_wrong_refuses_a_key(attestation, twist, complaint):
    response = registration(Authenticator(attestation=attestation), twist)
    with pytest.raises(InvalidCredential) as refused:
        registered(response)
    assert complaint in refused.value.args[0]


@pytest.mark.parametrize(("twist", "complaint"), ONE_THING_WRONG.values(), ids=ONE_THING_WRONG)
def test_one_thing_wrong_refuses_an_assertion(phone, twist, complaint):
    response = assertion(phone, twist)
    with pytest.raises(InvalidAssertion) as refused:
        asserted(phone, response)
    assert complaint in refused.value.args[0]


def test_a_registration_is_no_assertion_nor_the_other_way_round(phone):
    with pytest.raises(InvalidCredential, match="type"):
        registered(registration(Authenticator(), Twist(type="webauthn.get")))
    with pytest.raises(InvalidAssertion, match="type"):
        asserted(phone, assertion(phone, Twist(type="webauthn.create")))


def test_an_app_is_taken_where_it_is_configured(phone):
    rp = RelyingParty(RP.id, [ORIGIN, APK])
    assert registered(registration(Authenticator(), origin=APK), rp)
    assert asserted(phone, assertion(phone, Twist(origin=APK)), rp=rp)


def test_a_spoilt_signature_is_refused(phone):
    with pytest.raises(InvalidAssertion, match="signature"):
        asserted(phone, assertion(phone, Twist(spoil_signature=True)))
    packed = Authenticator(attestation=Attestation.PACKED)
    with pytest.raises(InvalidCredential, match="signature"):
        registered(registration(packed, Twist(spoil_signature=True)))


def test_a_packed_statement_of_another_algorithm_is_refused():
    packed = registration(Authenticator(attestation=Attestation.PACKED))
    with pytest.raises(InvalidCredential):
        registered(
            rewritten(packed, lambda made: {**made, "attStmt": made["attStmt"] | {"alg": -8}})
        )


@pytest.mark.parametrize(
    "name",
    [*sorted({*AttestationFormat} - {"none", *CHAINED}), "compound", "None", "", 7, None, [], {}],
)
def test_no_other_kind_of_attestation_is_taken(name):
    made = registration(Authenticator(attestation=Attestation.PACKED))
    with pytest.raises(AttestationNotAccepted):
        registered(rewritten(made, lambda attested: {**attested, "fmt": name}))


@pytest.mark.parametrize("kind", CHAINED)
def test_without_roots_no_chain_is_taken(kind):
    making = Making()
    response = making.response(kind, STATEMENTS[kind](making, Authority.root()))
    with pytest.raises(AttestationNotAccepted):
        registered(response)


@pytest.mark.parametrize("chain", [[], b"", 0, None, [1], ["a"], {}])
def test_what_is_said_to_be_a_chain_is_followed(chain):
    made = registration(Authenticator(attestation=Attestation.PACKED))
    with pytest.raises(InvalidCredential):
        registered(rewritten(made, lambda at: {**at, "attStmt": at["attStmt"] | {"x5c": chain}}))


@pytest.mark.parametrize("kind", CHAINED)
@pytest.mark.parametrize(("twist", "complaint"), ONE_THING_WRONG.values(), ids=ONE_THING_WRONG)
def test_no_attestation_makes_up_for_one_thing_wrong(kind, twist, complaint):
    root = Authority.root()
    making = Making(twist=twist)
    response = making.response(kind, STATEMENTS[kind](making, root))
    with pytest.raises(InvalidCredential) as refused:
        registered(response, trusting(root))
    assert complaint in refused.value.args[0]


@pytest.mark.parametrize("kind", CHAINED)
def test_the_attestation_of_another_ceremony_is_refused(kind):
    """Who recorded a pairing has its attestation, but not one over this challenge."""
    root = Authority.root()
    then = Making(twist=Twist(challenge=b"then" * 8))
    now = replace(then, twist=HONEST)
    response = now.response(kind, STATEMENTS[kind](then, root))
    with pytest.raises(InvalidCredential, match="attestation"):
        registered(response, trusting(root))


@pytest.mark.parametrize("kind", CHAINED)
def test_the_attestation_of_another_key_is_refused(kind):
    root = Authority.root()
    one, other = Making(), Making()
    response = other.response(kind, STATEMENTS[kind](one, root))
    with pytest.raises(InvalidCredential, match="attestation"):
        registered(response, trusting(root))


SPOILT = {
    "packed": {"signed": b"another"},
    "apple": {"nonce": tlv(0x30, tlv(0xA1, tlv(4, bytes(32))))},
    "tpm": {"extra_data": bytes(32)},
}


@pytest.mark.parametrize(("kind", "wrong"), SPOILT.items(), ids=SPOILT)
def test_a_second_verifier_must_agree(kind, wrong, monkeypatch):
    """Ours is made to accept: `webauthn` then refuses."""
    root, making = Authority.root(), Making()
    statement = STATEMENTS[kind](making, root, **wrong)
    leaf = x509.load_der_x509_certificate(statement["x5c"][0])
    judged = Judgement(AttestationVerdict.HARDWARE, Chain((leaf,), root.certificate))
    monkeypatch.setattr("pairing_server.keys.ceremony.judge", lambda *_: judged)
    with pytest.raises(InvalidCredential, match="InvalidRegistrationResponse"):
        registered(making.response(kind, statement), trusting(root))


@pytest.mark.parametrize("kind", CHAINED)
def test_a_second_verifier_must_find_the_same_root(kind, monkeypatch):
    """Ours is made to find a root that has signed nothing: OpenSSL then refuses."""
    root, other, making = Authority.root(), Authority.root("Another"), Making()
    statement = STATEMENTS[kind](making, root)
    leaf = x509.load_der_x509_certificate(statement["x5c"][0])
    judged = Judgement(AttestationVerdict.HARDWARE, Chain((leaf,), other.certificate))
    monkeypatch.setattr("pairing_server.keys.ceremony.judge", lambda *_: judged)
    with pytest.raises(AttestationNotAccepted, match="issuer"):
        registered(making.response(kind, statement), trusting(root))


def test_a_chain_is_followed_after_everything_else_was_checked(monkeypatch):
    def follow(*_):
        pytest.fail("a stranger's certificates were read")

    monkeypatch.setattr("pairing_server.keys.ceremony.judge", follow)
    making = Making(twist=Twist(challenge=b"another" * 4))
    with pytest.raises(InvalidCredential, match="challenge"):
        registered(making.response("packed", packed(making, Authority.root())))


@pytest.mark.parametrize("statement", [{"sig": b"x"}, {"a": 1}, [], None, b"", "text"])
def test_no_attestation_comes_with_no_statement(statement):
    made = registration(Authenticator())
    with pytest.raises(InvalidCredential, match="statement"):
        registered(rewritten(made, lambda attested: {**attested, "attStmt": statement}))


def test_every_offered_algorithm_is_taken():
    public = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    okp = cbor2.dumps({1: 1, 3: -8, -1: 6, -2: public}, canonical=True)
    offered = {-7: cose_of(ec.SECP256R1()), -8: okp, -257: rsa_cose(2048)}
    assert set(offered) == set(ALGORITHMS)
    assert all(registered(with_key(cose)).public_key == cose for cose in offered.values())


NO_KEY = {
    "on no curve": cbor2.dumps({1: 2, 3: -7, -1: 1, -2: b"x" * 32, -3: b"y" * 32}),
    "on another curve": cose_of(ec.SECP384R1(), crv=2),
    "of an algorithm not offered": cose_of(ec.SECP384R1(), algorithm=-35, crv=2),
    "that says another algorithm": cose_of(ec.SECP256R1(), algorithm=-257),
    "that says another type": cose_of(ec.SECP256R1(), algorithm=-8),
    "too short": rsa_cose(1024),
    "too long": rsa_cose(4224),
    "too slow to check": rsa_cose(2048, exponent=2**32 + 1),
}


@pytest.mark.parametrize("cose", NO_KEY.values(), ids=NO_KEY)
def test_a_key_that_could_never_answer_is_refused(cose):
    with pytest.raises(InvalidCredential):
        registered(with_key(cose))


def with_credential_id(length):
    def change(made):
        data, identifier = made["authData"], bytes(length)
        head = data[: KEY_STARTS_AT - 34] + length.to_bytes(2, "big")
        return {**made, "authData": head + identifier + data[KEY_STARTS_AT:]}

    return rewritten(registration(Authenticator()), change)


def test_a_credential_id_has_1023_bytes_at_most():
    assert registered(with_credential_id(1023)).credential_id == b64url(bytes(1023))
    with pytest.raises(InvalidCredential, match="long"):
        registered(with_credential_id(1024))


def test_the_assertion_of_another_key_is_refused(phone):
    other = Authenticator()
    registered(registration(other))
    response = assertion((other, None))
    with pytest.raises(InvalidAssertion, match="another credential"):
        asserted(phone, response)
    own = phone[1].credential_id
    with pytest.raises(InvalidAssertion, match="signature"):
        asserted(phone, msgspec.structs.replace(response, id=own, raw_id=own))


def test_the_two_spellings_of_an_id_are_one(phone):
    with pytest.raises(InvalidAssertion, match="raw_id"):
        asserted(phone, msgspec.structs.replace(assertion(phone), raw_id="AAAA"))


COUNTS = st.one_of(st.integers(0, 3), st.integers(0, 2**32 - 1))


@settings(max_examples=50, deadline=None)
@given(stored=COUNTS, sent=COUNTS)
def test_the_sign_count_grows_or_is_not_counted(phone, stored, sent):
    response = assertion(phone, Twist(sign_count=sent))
    grows = sent > stored or sent == stored == 0
    with contextlib.nullcontext() if grows else pytest.raises(SignCountRegressed, match="count"):
        assert asserted(phone, response, stored).sign_count == sent


def test_the_count_is_compared_after_the_signature(phone):
    forged = assertion(phone, Twist(sign_count=1, spoil_signature=True))
    with pytest.raises(InvalidAssertion, match="signature") as refused:
        asserted(phone, forged, sign_count=9)
    assert not isinstance(refused.value, SignCountRegressed)


@pytest.mark.parametrize(
    "wrong", [twist for twist, _ in ONE_THING_WRONG.values()], ids=ONE_THING_WRONG
)
def test_nothing_but_the_count_tells_of_a_copied_key(phone, wrong):
    with pytest.raises(InvalidAssertion) as refused:
        asserted(phone, assertion(phone, replace(wrong, sign_count=1)), sign_count=9)
    assert not isinstance(refused.value, SignCountRegressed)


def test_a_copied_key_is_told_as_any_other_wrong_signature():
    assert SignCountRegressed.code == InvalidAssertion.code
    assert SignCountRegressed.description == InvalidAssertion.description


@pytest.mark.parametrize(("stored", "said"), [(True, Flags(0)), (False, Flags.BE)])
def test_a_key_does_not_change_whether_it_may_be_backed_up(phone, stored, said):
    response = assertion(phone, Twist(set_flags=said))
    assert asserted(phone, response, backup_eligible=not stored)
    with pytest.raises(InvalidAssertion, match="eligib"):
        asserted(phone, response, backup_eligible=stored)


@pytest.mark.parametrize("said", [Flags.BE, Flags.BE | Flags.BS])
def test_an_assertion_says_whether_the_key_is_backed_up(phone, said):
    response = assertion(phone, Twist(set_flags=said))
    verified = asserted(phone, response, backup_eligible=True)
    assert verified.backed_up is (Flags.BS in said)


@pytest.mark.parametrize("crossed", ["false", None, 0, 1, True, [], {}])
def test_only_an_honest_false_is_not_framed(phone, crossed):
    made = registration(Authenticator())
    client_data = json.loads(b64url_decode(made.response.client_data_json))
    raw = b64url(json.dumps(client_data | {"crossOrigin": crossed}).encode())
    inner = msgspec.structs.replace(made.response, client_data_json=raw)
    with pytest.raises(InvalidCredential, match="crossOrigin"):
        registered(msgspec.structs.replace(made, response=inner))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
CBOR = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.binary()
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.integers(-9, 9) | st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
CLIENT_DATA = st.one_of(
    st.binary(),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {"type": JSON | st.just("webauthn.create") | st.just("webauthn.get")},
        optional={
            "challenge": JSON | st.just(b64url(CHALLENGE)),
            "origin": JSON | st.just(ORIGIN),
            "crossOrigin": JSON,
            "tokenBinding": JSON,
        },
    ).map(lambda value: json.dumps(value).encode()),
)
COSE = st.dictionaries(
    st.sampled_from([1, 3, -1, -2, -3]), CBOR | st.sampled_from([1, 2, 3, -7, -8, -257, b"x" * 32])
).map(cbor2.dumps)
TEXT = st.text() | st.binary().map(b64url)
never_else = settings(max_examples=150, deadline=None)


def refusing():
    return contextlib.suppress(Refusal)


@never_else
@given(CLIENT_DATA)
def test_malformed_client_data_is_only_ever_refused(phone, raw):
    made = registration(Authenticator())
    inner = msgspec.structs.replace(made.response, client_data_json=b64url(raw))
    with refusing():
        registered(msgspec.structs.replace(made, response=inner))
    signed = assertion(phone)
    inner = msgspec.structs.replace(signed.response, client_data_json=b64url(raw))
    with refusing():
        asserted(phone, msgspec.structs.replace(signed, response=inner))


@never_else
@given(st.sampled_from(["id", "raw_id", "type"]), TEXT)
def test_malformed_members_are_only_ever_refused(phone, name, value):
    with refusing():
        registered(msgspec.structs.replace(registration(Authenticator()), **{name: value}))
    with pytest.raises(Refusal):
        asserted(phone, msgspec.structs.replace(assertion(phone), **{name: value}))


@never_else
@given(st.sampled_from(["client_data_json", "authenticator_data", "signature"]), TEXT)
def test_malformed_assertions_are_only_ever_refused(phone, name, value):
    signed = assertion(phone)
    inner = msgspec.structs.replace(signed.response, **{name: value})
    with pytest.raises(Refusal):
        asserted(phone, msgspec.structs.replace(signed, response=inner))


@never_else
@given(TEXT | CBOR.map(lambda value: b64url(cbor2.dumps(value))))
def test_a_malformed_attestation_object_is_only_ever_refused(value):
    made = registration(Authenticator())
    inner = msgspec.structs.replace(made.response, attestation_object=value)
    with pytest.raises(Refusal):
        registered(msgspec.structs.replace(made, response=inner))


@never_else
@given(st.sampled_from(["fmt", "attStmt", "authData"]), CBOR, st.sampled_from(Attestation))
def test_malformed_attestations_are_only_ever_refused(name, value, attestation):
    made = registration(Authenticator(attestation=attestation))
    with refusing():
        registered(rewritten(made, lambda attested: {**attested, name: value}))


@never_else
@given(st.dictionaries(st.sampled_from(["alg", "sig", "x5c", "ver"]), CBOR))
def test_malformed_statements_are_only_ever_refused(statement):
    made = registration(Authenticator(attestation=Attestation.PACKED))
    with pytest.raises(Refusal):
        registered(rewritten(made, lambda attested: {**attested, "attStmt": statement}))


@never_else
@given(COSE | st.binary())
def test_malformed_keys_are_only_ever_refused(cose):
    with pytest.raises(Refusal):
        registered(with_key(cose))


@never_else
@given(st.integers(0, 250), st.binary(max_size=4), st.integers(0, 4))
def test_damaged_authenticator_data_is_only_ever_refused(place, put, taken):
    def damage(made):
        data = made["authData"]
        return {**made, "authData": data[:place] + put + data[place + taken :]}

    with refusing():
        registered(rewritten(registration(Authenticator()), damage))


def test_deep_nesting_is_refused():
    deep = b64url(b"\x81" * 20_000)
    made = registration(Authenticator())
    inner = msgspec.structs.replace(made.response, attestation_object=deep)
    with pytest.raises(InvalidCredential):
        registered(msgspec.structs.replace(made, response=inner))
    inner = msgspec.structs.replace(made.response, client_data_json=b64url(b"[" * 20_000))
    with pytest.raises(InvalidCredential):
        registered(msgspec.structs.replace(made, response=inner))


def test_what_was_malformed_is_not_repeated_at_length():
    made = registration(Authenticator(), Twist(origin="https://" + "x" * 2500))
    with pytest.raises(InvalidCredential) as refused:
        registered(made)
    assert len(refused.value.args[0]) == 200


@pytest.mark.parametrize("name", ["", "a b", "AAAA\n", "\x00", "ä", "A" * 1365])
@pytest.mark.parametrize("shape", [RegistrationResponse, AuthenticationResponse])
def test_what_is_no_credential_id_does_not_come_in(shape, name):
    inner = {"clientDataJSON": "", "attestationObject": "", "authenticatorData": ""}
    body = {"rawId": "A", "type": "public-key", "response": inner | {"signature": ""}}
    assert msgspec.convert(body | {"id": "A" * 1364}, shape)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body | {"id": name}, shape)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body | {"id": "A", "rawId": name}, shape)


def test_creation_options_ask_for_what_is_checked():
    options = creation_options(
        RP, challenge=CHALLENGE, user_id=b"u" * 32, user_name="jansen", display_name="Jan Jansen"
    )
    assert options["rp"]["id"] == "localhost"
    assert options["challenge"] == b64url(CHALLENGE)
    assert options["user"]["id"] == b64url(b"u" * 32)
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert [entry["alg"] for entry in options["pubKeyCredParams"]] == [-7, -8, -257]


def test_creation_options_ask_for_an_attestation_where_they_are_told_to():
    options = creation_options(
        RP, challenge=CHALLENGE, user_id=b"u", user_name="j", display_name="J", attested=True
    )
    assert options["attestation"] == "direct"


def test_a_key_is_made_with_its_attested_credential_data():
    making = Making(flags=Flags.UP | Flags.UV)
    with pytest.raises(InvalidCredential):
        registered(making.response("none", {}))
    data = making.authenticator_data[:37]
    bare = rewritten(making.response("none", {}), lambda made: {**made, "authData": data})
    with pytest.raises(InvalidCredential, match="attested credential data"):
        registered(bare)


EXTENSIONS = cbor2.dumps({"credProtect": 3}, canonical=True)


def test_what_an_authenticator_says_unasked_is_passed_over():
    flags = Flags.UP | Flags.UV | Flags.AT | Flags.ED
    assert registered(Making(flags=flags, extensions=EXTENSIONS).response("none", {}))


UNFIT_EXTENSIONS = {
    "that the flags do not tell of": (Flags(0), EXTENSIONS),
    "that are not there": (Flags.ED, b""),
    "that are not canonical": (Flags.ED, b"\xa1\x6bcredProtect\x18\x03"),
    "with something behind them": (Flags.ED, EXTENSIONS + b"\x00"),
    "with a tag": (Flags.ED, cbor2.dumps({"a": cbor2.CBORTag(0, "2026-11-26T00:00:00Z")})),
}


@pytest.mark.parametrize(("flag", "data"), UNFIT_EXTENSIONS.values(), ids=UNFIT_EXTENSIONS)
def test_extensions_of_another_form_are_refused(flag, data):
    flags = Flags.UP | Flags.UV | Flags.AT | flag
    with pytest.raises(InvalidCredential):
        registered(Making(flags=flags, extensions=data).response("none", {}))


def test_request_options_name_one_credential():
    options = request_options(RP, challenge=CHALLENGE, credential_id="AAAA")
    assert [entry["id"] for entry in options["allowCredentials"]] == ["AAAA"]
    assert options["userVerification"] == "required"
    assert (options["rpId"], options["challenge"]) == ("localhost", b64url(CHALLENGE))


def test_a_tag_in_an_assertion_is_refused_before_it_is_acted_on(phone):
    costly = "(?i)" + "".join(f"[{chr(0x100 + n)}-\U0010ffff]" for n in range(100))
    tail = cbor2.dumps(cbor2.CBORTag(35, costly))
    signed = assertion(phone)
    data = b64url_decode(signed.response.authenticator_data)
    tagged = b64url(data[:32] + bytes([data[32] | 0x80]) + data[33:] + tail)
    inner = msgspec.structs.replace(signed.response, authenticator_data=tagged)

    with pytest.raises(InvalidAssertion) as refused:
        asserted(phone, msgspec.structs.replace(signed, response=inner))
    assert "CTAP2" in refused.value.args[0]


def test_a_tag_in_an_attestation_is_refused_before_it_is_acted_on():
    made = registration(Authenticator())
    tail = cbor2.dumps(cbor2.CBORTag(35, "a"))
    tagged = rewritten(made, lambda held: {**held, "authData": held["authData"] + tail})

    with pytest.raises(InvalidCredential) as refused:
        registered(tagged)
    assert "CTAP2" in refused.value.args[0]

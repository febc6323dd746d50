"""What a card signed, checked again with one thing changed at a time."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from clients.card_profile import Holder
from clients.desktop import Card
from clients.test_ca import KeyKind, Style, UziTestCa
from pairing_server.audit.chain import Facts
from pairing_server.clock import to_milliseconds
from pairing_server.evidence import NoEvidenceError
from pairing_server.evidence.card import BY_CARD, OF_PHONES, check_card, is_of_card, read_statement
from pairing_server.uzi.anchors import TrustAnchors
from pairing_server.uzi.hierarchy import load_hierarchy
from pairing_server.uzi.path import CardVerifier, load_certificate
from pairing_server.uzi.proof import proof_message
from pairing_server.uzi.session import Purpose

NOW = datetime.now(UTC)
HOLDER = Holder()
HIERARCHY = load_hierarchy("test")
STATEMENTS = {
    Purpose.LOGIN: "Ik log in bij localhost met mijn UZI-pas.",
    Purpose.REGISTER_ORGANISATION: (
        "Ik registreer de organisatie van mijn UZI-pas bij localhost en word daar beheerder van."
    ),
    Purpose.SIGN_REGISTRATION: (
        f"Ik registreer mij bij localhost: {HOLDER.first_names} {HOLDER.last_name}, "
        f"UZI-nummer {HOLDER.uzi_number}, rolcode {HOLDER.role_code}, bij Zorg "
        f"(URA {HOLDER.ura}), als gebruiker jan."
    ),
}
NUMBER = {"uzi_number": HOLDER.uzi_number}


@pytest.fixture(scope="module")
def ca():
    return UziTestCa.create(NOW, Style(KeyKind.P_256))


@pytest.fixture(scope="module")
def sign(ca):
    """Let a card sign a statement; returns the evidence that is kept."""
    cards = {}

    def sign(purpose, holder=HOLDER, statement=None, origin="http://localhost"):
        if holder.uzi_number + holder.ura not in cards:
            issued = ca.issue(holder, NOW, KeyKind.P_256).authentication
            cards[holder.uzi_number + holder.ura] = issued
        issued = cards[holder.uzi_number + holder.ura]
        card = Card(issued.key, issued.certificate, issued.chain)
        statement = statement or STATEMENTS[purpose]
        message = proof_message(origin, "id", "nonce", purpose, statement)
        signature, algorithm = card.sign(message)
        return {
            "origin": origin,
            "id": "id",
            "nonce": "nonce",
            "purpose": purpose,
            "statement": statement,
            "certificate": text(card.certificate.public_bytes(Encoding.DER)),
            "chain": [text(one.public_bytes(Encoding.DER)) for one in card.chain],
            "signature": text(signature),
            "algorithm": algorithm,
            "revocation": {},
        }

    return sign


def text(data):
    return base64.b64encode(data).decode()


def event(action, evidence, **changed):
    return Facts(
        **{
            "chain": "main",
            "sequence": 1,
            "id": "event",
            "time": to_milliseconds(NOW),
            "action": action,
            "actor": f"uzi:{HOLDER.uzi_number}" if "Denied" in action else "person:p",
            "object": "organisation:" + HOLDER.ura if "Organ" in action else "person:p",
            "ura": HOLDER.ura,
            "outcome": "success",
            "evidence": json.dumps(evidence),
            **changed,
        }
    )


@pytest.fixture(scope="module")
def organisation(sign):
    return {**sign(Purpose.REGISTER_ORGANISATION), "registered": NUMBER}


@pytest.fixture(scope="module")
def person(sign):
    registered = {**NUMBER, "user_name": "jan", "outcome": "new"}
    return {**sign(Purpose.SIGN_REGISTRATION), "registered": registered}


@pytest.fixture(scope="module")
def denial(sign):
    return {**sign(Purpose.LOGIN), "denied": {**NUMBER, "person": "p", "user_name": "jan"}}


@pytest.fixture(scope="module")
def broken(ca):
    """Name the checks that do not hold."""

    def check(action, evidence, anchor=None, registered=None, **changed):
        facts = event(action, evidence, **changed)
        verifier = CardVerifier(TrustAnchors((anchor or ca.root.certificate,)), HIERARCHY)
        checks = check_card(
            facts, read_statement(facts), verifier, HIERARCHY, "http://localhost", registered
        )
        assert set(checks) - {"holder"} == {
            "origin",
            "purpose",
            "signature",
            "names",
            "certificate",
            "revocation",
        }
        return {name for name, one in checks.items() if one.holds is False}

    return check


def test_what_was_signed_holds(broken, organisation, person, denial, sign):
    assert broken("OrganisationRegistered", organisation) == set()
    assert broken("PersonRegistered", person) == set()
    assert broken("RegistrationDenied", denial) == set()
    after_registering = {**person, **denial, **sign(Purpose.SIGN_REGISTRATION)}
    assert broken("RegistrationDenied", after_registering) == set()


ACTIONS = sorted(OF_PHONES)
PHONE = {"object": "credential:c", "ura": "90000999"}


@pytest.fixture(scope="module")
def act(sign):
    return {**sign(Purpose.LOGIN), "by": "uzi-pas", "changed": {**NUMBER, "credential": "c"}}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("purpose", STATEMENTS)
def test_what_is_done_with_a_phone_stands_on_any_login_of_its_holder(
    broken, sign, act, person, action, purpose
):
    evidence = {**act, **sign(purpose)}
    registered = event("PersonRegistered", person)

    assert broken(action, evidence, registered=registered, **PHONE) == set()
    # Who was registered before there was a log of it: nobody can tell.
    assert broken(action, evidence, **PHONE) == set()


@pytest.mark.parametrize("action", ACTIONS)
def test_what_is_done_with_a_phone_names_the_phone_and_its_holder(
    broken, sign, act, person, action
):
    registered = event("PersonRegistered", person)
    theirs = {**act, **sign(Purpose.LOGIN, OTHER)}
    changed = {**theirs, "changed": {**act["changed"], "uzi_number": OTHER.uzi_number}}

    def found(evidence, **changed):
        return broken(action, evidence, registered=registered, **{**PHONE, **changed})

    assert found(act, object="credential:other") == {"names"}
    assert found({**act, "changed": {}}) == {"names", "holder"}
    assert found(theirs) == {"names"}
    assert found(changed) == {"holder"}
    assert found(act, actor="person:q") == {"holder"}


LOGIN = "Ik log in bij HIS via localhost met mijn UZI-pas."
AT_HIS = {"object": "auth-request:r", "ura": "90000999"}


@pytest.fixture(scope="module")
def login(sign):
    signed = sign(Purpose.LOGIN, statement=LOGIN)
    approved = {**NUMBER, "card": serial(signed), "client": "HIS", "role_code": "01.015"}
    return {**signed, "approved": approved}


def serial(signed):
    return f"{load_certificate(base64.b64decode(signed['certificate'])).serial_number:x}"


@pytest.fixture(scope="module")
def login_broken(broken, person):
    def check(evidence, **changed):
        registered = event("PersonRegistered", person)
        return broken(BY_CARD, evidence, registered=registered, **{**AT_HIS, **changed})

    return check


def test_a_login_by_card_stands_on_what_the_card_signed(broken, login, login_broken):
    assert login_broken(login) == set()
    assert broken(BY_CARD, login, **AT_HIS) == set()


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"client": "EPD"}, {"names"}),
        ({"client": ""}, {"names"}),
        ({"card": "1f"}, {"names"}),
        ({"uzi_number": "900005678"}, {"names", "holder"}),
    ],
)
def test_a_login_by_card_is_at_that_program_by_that_card(login, login_broken, changed, found):
    assert login_broken({**login, "approved": {**login["approved"], **changed}}) == found


def test_a_login_of_this_server_itself_is_none_at_a_program(sign, login, login_broken):
    signed = sign(Purpose.LOGIN)
    approved = {**login["approved"], "client": ""}
    assert login_broken({**login, **signed, "approved": approved}) == {"names"}
    assert login_broken({**login, **signed}) == {"names"}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"actor": "person:q"}, {"holder"}),
        ({"object": "person:p"}, {"names"}),
        ({"time": to_milliseconds(NOW - timedelta(days=400))}, {"certificate"}),
    ],
)
def test_the_event_of_a_login_by_card_is_of_its_holder(login, login_broken, changed, found):
    assert login_broken(login, **changed) == found


@pytest.mark.parametrize(
    ("member", "value", "found"),
    [
        ("nonce", "another", {"signature"}),
        ("signature", text(b"s" * 64), {"signature"}),
        ("statement", LOGIN.replace("HIS", "EPD"), {"signature", "names"}),
        ("purpose", Purpose.REGISTER_ORGANISATION, {"signature", "purpose", "names"}),
        ("origin", "https://elders.example", {"signature", "origin", "names"}),
        ("revocation", {"source": "crl"}, {"revocation"}),
        ("chain", [], {"certificate"}),
    ],
)
def test_nothing_of_a_login_by_card_can_be_changed(login, login_broken, member, value, found):
    assert login_broken({**login, member: value}) == found


def test_another_persons_card_is_no_evidence_of_ones_login(sign, login, login_broken):
    theirs = sign(Purpose.LOGIN, OTHER, LOGIN)
    assert login_broken({**login, **theirs}) == {"names"}
    approved = {**login["approved"], "uzi_number": OTHER.uzi_number, "card": serial(theirs)}
    assert login_broken({**login, **theirs, "approved": approved}) == {"holder"}


def test_what_a_phone_signed_is_not_a_cards():
    assert not is_of_card(event("AuthenticatorBlocked", {"assertion": {}}))
    assert is_of_card(event("AuthenticatorBlocked", {"signature": ""}))
    assert not is_of_card(event("AuthRequestApproved", {"signature": ""}))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("id", "another"),
        ("nonce", "another"),
        ("signature", text(b"s" * 64)),
        ("signature", "not base64"),
        ("algorithm", "RS256"),
        ("algorithm", "none"),
    ],
)
def test_the_signature_is_over_all_of_it(broken, person, member, value):
    assert broken("PersonRegistered", {**person, member: value}) == {"signature"}


def test_a_signature_for_another_purpose_proves_nothing(broken, sign, person, organisation):
    login = {**person, **sign(Purpose.LOGIN, statement=person["statement"])}
    assert broken("PersonRegistered", login) == {"purpose", "names"}
    assert broken("OrganisationRegistered", {**organisation, **sign(Purpose.LOGIN)}) == {"purpose"}


def test_another_origin_is_not_what_was_signed(broken, person):
    forged = {**person, "origin": "https://elders.example"}
    assert broken("PersonRegistered", forged) == {"origin", "signature", "names"}


@pytest.mark.parametrize("purpose", STATEMENTS)
def test_what_a_card_signed_for_another_server_proves_nothing_here(
    broken, sign, organisation, person, denial, purpose
):
    action, kept = {
        Purpose.LOGIN: ("RegistrationDenied", denial),
        Purpose.REGISTER_ORGANISATION: ("OrganisationRegistered", organisation),
        Purpose.SIGN_REGISTRATION: ("PersonRegistered", person),
    }[purpose]
    there = STATEMENTS[purpose].replace("localhost", "elders.example")
    theirs = sign(purpose, statement=there, origin="https://elders.example")
    assert broken(action, {**kept, **theirs}) == {"origin"}
    # Nor does a server sign in another's name.
    mixed = sign(purpose, statement=there)
    assert broken(action, {**kept, **mixed}) == {"names"}


def test_another_purpose_is_not_what_was_signed(broken, person):
    forged = {**person, "purpose": Purpose.LOGIN}
    assert broken("PersonRegistered", forged) == {"purpose", "signature", "names"}


OTHER = replace(HOLDER, uzi_number="900005678")
ELSEWHERE = replace(HOLDER, ura="90000999")


@pytest.mark.parametrize("holder", [OTHER, ELSEWHERE], ids=["number", "organisation"])
def test_another_card_signed_well_for_somebody_else(broken, sign, person, holder):
    theirs = sign(Purpose.SIGN_REGISTRATION, holder, person["statement"])
    assert broken("PersonRegistered", {**person, **theirs}) == {"names"}


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        (f"UZI-nummer {HOLDER.uzi_number}", "UZI-nummer 900005678"),
        (f"URA {HOLDER.ura}", "URA 90000999"),
        ("rolcode 01.015", "rolcode 01.016"),
        (f"{HOLDER.first_names} {HOLDER.last_name}, ", "Piet Pietersen, "),
        ("gebruiker jan.", "gebruiker piet."),
        ("gebruiker jan.", "gebruiker jan.piet."),
    ],
)
def test_the_statement_names_card_organisation_and_user(broken, sign, person, found, instead):
    assert found in person["statement"]
    statement = person["statement"].replace(found, instead)
    other = {**person, **sign(Purpose.SIGN_REGISTRATION, statement=statement)}
    assert broken("PersonRegistered", other) == {"names"}


@pytest.mark.parametrize(
    "changed",
    [{"ura": "90000999"}, {"ura": None}, {"object": "person:q"}, {"actor": "person:q"}],
)
def test_the_event_names_the_same_person_and_organisation(broken, person, changed):
    assert broken("PersonRegistered", person, **changed) == {"names"}


@pytest.mark.parametrize("changed", [{"ura": "90000999"}, {"object": "organisation:90000999"}])
def test_the_event_names_the_same_organisation(broken, organisation, changed):
    assert broken("OrganisationRegistered", organisation, **changed) == {"names"}


@pytest.mark.parametrize(
    "changed", [{"ura": "90000999"}, {"object": "person:q"}, {"actor": "uzi:900005678"}]
)
def test_the_event_names_who_denied_whom(broken, denial, changed):
    assert broken("RegistrationDenied", denial, **changed) == {"names"}


@pytest.mark.parametrize(
    ("action", "member"),
    [
        ("OrganisationRegistered", "registered"),
        ("PersonRegistered", "registered"),
        ("RegistrationDenied", "denied"),
    ],
)
def test_the_number_that_is_kept_is_the_cards(
    broken, organisation, person, denial, action, member
):
    kept = {**organisation, **person, **denial}
    purposes = {"O": organisation, "P": person, "R": denial}
    kept |= purposes[action[0]]
    assert broken(action, kept) == set()
    assert broken(action, {**kept, member: {**kept[member], "uzi_number": "x"}}) == {"names"}


def test_the_certificate_was_valid_when_it_was_written(broken, person):
    early = to_milliseconds(NOW - timedelta(days=400))
    late = to_milliseconds(NOW + timedelta(days=4000))
    assert broken("PersonRegistered", person, time=early) == {"certificate"}
    assert broken("PersonRegistered", person, time=late) == {"certificate"}


def test_the_path_leads_to_a_trusted_anchor(broken, person):
    other = UziTestCa.create(NOW, Style(KeyKind.P_256)).root.certificate
    assert broken("PersonRegistered", person, other) == {"certificate"}
    assert broken("PersonRegistered", {**person, "chain": []}) == {"certificate"}
    assert broken("PersonRegistered", {**person, "chain": ["x"]}) == {"certificate"}


def test_what_is_no_certificate_proves_nothing(broken, person):
    for certificate in ("", "x", text(b"nothing")):
        kept = {**person, "certificate": certificate}
        assert broken("PersonRegistered", kept) == {"signature", "names", "certificate"}


def test_what_was_kept_of_the_revocation_check_is_checked(broken, person):
    kept = {**person, "revocation": {"source": "crl"}}
    assert broken("PersonRegistered", kept) == {"revocation"}


@pytest.mark.parametrize(
    ("action", "evidence"),
    [
        ("PersonRegistered", {}),
        ("PersonRegistered", {"method": "mtls", "certificate": "x"}),
        ("ClientRegistered", {"signature": "x"}),
    ],
)
def test_where_no_card_signed_there_is_no_evidence(action, evidence):
    with pytest.raises(NoEvidenceError):
        read_statement(event(action, evidence))


@pytest.mark.parametrize("evidence", [[], "x", {"signature": 1}, {"signature": "x"}])
def test_what_is_of_another_form_is_malformed(evidence):
    with pytest.raises(ValueError, match=r"Expected|missing"):
        read_statement(event("PersonRegistered", evidence))

"""Any PKCS#11 module: the right certificate and key are found, and each failure is told apart."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pkcs11 import Attribute, ObjectClass

from clients import smartcard
from clients.card_profile import Holder, Use
from clients.card_signature import check_signature
from clients.desktop_words import Trouble
from clients.smartcard import find_module
from clients.test_ca import KeyKind, Style, UziTestCa, make_key
from tests.smart_card import SmartCard
from tests.softhsm import MODULE, PIN, Readers, store_certificate, store_key

HOLDER = Holder()


@pytest.fixture(scope="module")
def ca():
    return UziTestCa.create(datetime.now(UTC), Style(KeyKind.P_256))


@pytest.fixture(scope="module")
def issued(ca):
    return ca.issue(HOLDER, datetime.now(UTC))


@pytest.fixture(scope="module")
def made(tmp_path_factory, issued):
    return Readers(tmp_path_factory.mktemp("full")).insert(issued)


@pytest.fixture
def full(tmp_path, made):
    """Insert a copy of the card: it remembers a wrong PIN."""
    copied = Readers(tmp_path / "full")
    shutil.copytree(made.tokens, copied.tokens, dirs_exist_ok=True)
    return copied


@pytest.fixture
def empty(tmp_path):
    return Readers(tmp_path)


@pytest.fixture
def opensc():
    """OpenSC, which sees no reader where no smart card service runs."""
    (found,) = Path("/usr/lib").glob("*/opensc-pkcs11.so")
    return found


def cards(readers):
    with readers.here(), smartcard.Readers(MODULE) as opened:
        return opened.cards()


def only_card(opened):
    (card,) = opened.cards()
    return card


def prove(readers, pin=PIN, data=b"data"):
    with readers.here(), smartcard.Readers(MODULE) as opened:
        return only_card(opened).prove(data, pin)


def trouble(readers, act):
    with readers.here(), pytest.raises(Trouble) as caught, smartcard.Readers(MODULE) as opened:
        act(opened)
    return caught.value.code


def test_the_authentication_certificate_is_chosen_among_three(full, issued):
    (card,) = cards(full)

    assert card.certificate == issued.authentication.certificate
    assert card.holder == "Jan Jansen"


def test_the_chain_on_the_card_goes_upward_without_the_root(full, issued):
    (card,) = cards(full)

    assert card.chain == issued.authentication.chain[:-1]


def test_the_authentication_key_signs(full, issued):
    proof = prove(full)

    assert (proof.certificate, proof.algorithm) == (issued.authentication.certificate, "RS256")
    check_signature(issued.authentication.certificate, b"data", proof.signature, "RS256")


@pytest.mark.parametrize(
    ("offered", "algorithm"),
    [
        ("CKM_SHA256_RSA_PKCS,CKM_RSA_PKCS,CKM_RSA_PKCS_PSS", "RS256"),
        ("CKM_RSA_PKCS,CKM_SHA256_RSA_PKCS_PSS", "RS256"),
        ("CKM_SHA256_RSA_PKCS_PSS,CKM_RSA_PKCS_PSS", "PS256"),
        ("CKM_RSA_PKCS_PSS", "PS256"),
    ],
)
def test_an_rsa_card_signs_with_what_it_offers(full, issued, offered, algorithm):
    proof = prove(replace(full, mechanisms=offered))

    assert proof.algorithm == algorithm
    check_signature(issued.authentication.certificate, b"data", proof.signature, algorithm)


def test_a_card_that_offers_nothing_fitting_is_told(full):
    narrow = replace(full, mechanisms="CKM_RSA_X_509")

    assert trouble(narrow, lambda opened: only_card(opened).prove(b"data", PIN)) == "unknown_key"


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [(KeyKind.P_256, "ES256"), (KeyKind.P_384, "ES384"), (KeyKind.P_521, "ES512")],
)
def test_an_elliptic_curve_card_signs_raw(empty, ca, kind, algorithm):
    card = ca.issue(HOLDER, datetime.now(UTC), kind)

    proof = prove(empty.insert(card))

    assert proof.algorithm == algorithm
    check_signature(card.authentication.certificate, b"data", proof.signature, algorithm)


def test_a_curve_that_the_wire_does_not_know_is_told(empty, ca):
    key = ec.generate_private_key(ec.SECP256K1())
    profile = ca.profile(HOLDER, Use.AUTHENTICATION, datetime.now(UTC))
    empty.put([(b"\1", ca.certify(HOLDER, profile, key))])

    assert trouble(empty, lambda opened: only_card(opened).prove(b"data", PIN)) == "unknown_key"


def test_a_key_that_wants_its_pin_each_time_gets_it_again(empty, issued):
    with empty.on_new_token() as session:
        store_certificate(session, b"\1", issued.authentication.certificate)
        store_key(session, b"\1", issued.authentication.key, always_authenticate=True)

    proof = prove(empty)

    check_signature(issued.authentication.certificate, b"data", proof.signature, "RS256")


def test_of_several_keys_under_one_identifier_the_certificates_own_signs(empty, issued):
    with empty.on_new_token() as session:
        store_certificate(session, b"\1", issued.authentication.certificate)
        store_key(session, b"\1", issued.signature.key)
        store_key(session, b"\1", issued.authentication.key)
        store_key(session, b"\1", issued.confidentiality.key)

    proof = prove(empty)

    check_signature(issued.authentication.certificate, b"data", proof.signature, "RS256")


def test_a_card_without_the_key_is_told(empty, issued):
    with empty.on_new_token() as session:
        store_certificate(session, b"\1", issued.authentication.certificate)
        store_key(session, b"\2", issued.authentication.key)

    assert trouble(empty, lambda opened: only_card(opened).prove(b"data", PIN)) == "no_key"


@pytest.mark.parametrize("kind", [KeyKind.RSA_2048, KeyKind.P_256])
def test_another_keys_signature_is_never_returned(empty, ca, kind):
    card = ca.issue(HOLDER, datetime.now(UTC), kind)
    with empty.on_new_token() as session:
        store_certificate(session, b"\1", card.authentication.certificate)
        store_key(session, b"\1", make_key(kind))

    assert trouble(empty, lambda opened: only_card(opened).prove(b"data", PIN)) == "wrong_key"


def test_what_cannot_be_parsed_as_a_certificate_is_passed_over(empty, issued):
    with empty.on_new_token() as session:
        session.create_object(
            {
                Attribute.CLASS: ObjectClass.CERTIFICATE,
                Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509,
                Attribute.TOKEN: True,
                Attribute.PRIVATE: False,
                Attribute.SUBJECT: b"?",
                Attribute.VALUE: b"no certificate",
            }
        )
        store_certificate(session, b"\1", issued.authentication.certificate)

    assert [card.holder for card in cards(empty)] == ["Jan Jansen"]


def test_an_expired_card_is_found_so_that_it_can_be_told(empty, ca):
    card = ca.issue(HOLDER, datetime.now(UTC) - timedelta(days=4 * 365))

    (found,) = cards(empty.insert(card))

    assert found.certificate.not_valid_after_utc < datetime.now(UTC)


def test_two_cards_are_both_found(empty, ca, issued):
    other = ca.issue(Holder(first_names="Anna", last_name="de Vries"), datetime.now(UTC))

    found = cards(empty.insert(issued).insert(other))

    assert sorted(card.holder for card in found) == ["Anna de Vries", "Jan Jansen"]


def test_another_card_beside_it_does_not_matter(empty, issued):
    with empty.on_new_token():
        pass

    assert len(cards(empty.insert(issued))) == 1


def test_no_card_is_told(empty):
    assert trouble(empty, lambda opened: opened.cards()) == "no_card"


def test_another_card_is_told(empty, issued):
    empty.put([(b"\1", issued.signature), (b"\2", issued.confidentiality)])

    assert trouble(empty, lambda opened: opened.cards()) == "no_uzi_card"


def test_no_reader_is_told(opensc):
    with pytest.raises(Trouble) as caught, smartcard.Readers(opensc) as opened:
        opened.cards()

    assert caught.value.code == "no_reader"


def test_a_wrong_pin_is_told(full):
    assert trouble(full, lambda opened: only_card(opened).prove(b"data", "000000")) == "wrong_pin"


def test_after_a_wrong_pin_the_right_one_signs(full, issued):
    with full.here(), smartcard.Readers(MODULE) as opened:
        card = only_card(opened)
        with pytest.raises(Trouble):
            card.prove(b"data", "000000")
        assert card.pin_state() == "low"
        proof = card.prove(b"data", PIN)
        assert card.pin_state() == "good"

    check_signature(issued.authentication.certificate, b"data", proof.signature, "RS256")


def test_the_counter_of_a_card_is_told_until_it_locks(full):
    with SmartCard(attempts=3).in_module(MODULE), full.here(), smartcard.Readers(MODULE) as opened:
        card = only_card(opened)
        told = [card.pin_state()]
        for _ in range(4):
            with pytest.raises(Trouble) as caught:
                card.prove(b"data", "000000")
            told += [caught.value.code, card.pin_state()]

    assert told == [
        "good",
        *("wrong_pin", "low"),
        *("wrong_pin", "final"),
        *("pin_locked", "locked"),
        *("pin_locked", "locked"),
    ]


def test_a_card_that_counts_in_silence_says_when_it_is_locked(full):
    silent = SmartCard(attempts=1, silent=True)
    with silent.in_module(MODULE), full.here(), smartcard.Readers(MODULE) as opened:
        card = only_card(opened)
        told = []
        for _ in range(2):
            with pytest.raises(Trouble) as caught:
                card.prove(b"data", "000000")
            told += [caught.value.code, card.pin_state()]

    assert told == ["wrong_pin", "good", "pin_locked", "good"]


def test_a_pin_of_the_wrong_length_costs_no_attempt(full):
    manners = SmartCard(attempts=3)
    with manners.in_module(MODULE):
        short = trouble(full, lambda opened: only_card(opened).prove(b"data", "123"))

    assert (short, manners.attempts) == ("pin_length", 3)


def test_with_a_pin_pad_no_pin_leaves_this_program(full, issued):
    with (
        SmartCard(pin_pad=PIN).in_module(MODULE),
        full.here(),
        smartcard.Readers(MODULE) as opened,
    ):
        card = only_card(opened)
        assert card.pin_pad
        proof = card.prove(b"data", "not to be sent")

    check_signature(issued.authentication.certificate, b"data", proof.signature, "RS256")


@pytest.mark.parametrize("during", ["C_Login", "C_Sign"])
def test_a_card_that_is_pulled_out_in_the_middle_is_told(empty, issued, during):
    empty.insert(issued)
    manners = SmartCard(pulled_out=during, tokens=str(empty.tokens))
    with manners.in_module(MODULE):
        code = trouble(empty, lambda opened: only_card(opened).prove(b"data", PIN))

    assert code == "card_removed"


def test_a_card_that_is_gone_before_its_pin_is_told(empty, issued):
    empty.insert(issued)

    def act(opened):
        card = only_card(opened)
        empty.pull_out()
        card.prove(b"data", PIN)

    assert trouble(empty, act) == "card_removed"


def test_a_card_that_is_gone_has_no_pin_state(empty, issued):
    empty.insert(issued)

    def act(opened):
        card = only_card(opened)
        empty.pull_out()
        card.pin_state()

    assert trouble(empty, act) == "card_removed"


def test_the_pin_never_goes_to_another_card_than_the_one_shown(empty, ca, issued):
    empty.insert(issued)
    with empty.here(), smartcard.Readers(MODULE) as opened:
        card = only_card(opened)
        session = card._token.open(rw=True, user_pin=PIN)
        for stored in list(session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE})):
            stored.destroy()
        other = ca.issue(Holder(first_names="Anna"), datetime.now(UTC))
        store_certificate(session, b"\1", other.authentication.certificate)
        session.close()
        with pytest.raises(Trouble) as caught:
            card.prove(b"data", "000000")
        assert (caught.value.code, card.pin_state()) == ("card_removed", "good")


def test_what_stands_in_the_readers_is_seen_without_a_pin(full, issued):
    with full.here(), smartcard.Readers(MODULE) as opened:
        assert opened.description == "SoftHSM Implementation of PKCS11"
        card, nothing = opened.seen()

    assert card.authentication == issued.authentication.certificate
    assert {issued.signature.certificate, *issued.signature.chain} <= set(card.certificates)
    assert (card.pin, nothing.token, nothing.certificates) == ("good", "", ())


def test_a_module_that_is_not_there_is_told(tmp_path):
    with pytest.raises(Trouble) as caught:
        find_module(tmp_path / "no.so")

    assert caught.value.code == "no_module"


def test_a_module_is_looked_for_where_it_installs_itself(monkeypatch, tmp_path):
    (tmp_path / "second.so").touch()
    named = tuple(str(tmp_path / name) for name in ("first.so", "second.so", "third.so"))
    monkeypatch.setattr(smartcard, "MODULES", named)

    assert find_module(None) == tmp_path / "second.so"


def test_a_file_that_is_no_module_is_told(tmp_path):
    (tmp_path / "broken.so").write_text("no library")

    with pytest.raises(Trouble) as caught, smartcard.Readers(tmp_path / "broken.so"):
        pass

    assert caught.value.code == "broken_module"


def test_a_missing_library_is_told(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pkcs11", None)

    with pytest.raises(Trouble) as caught, smartcard.Readers(MODULE):
        pass

    assert caught.value.code == "no_software"

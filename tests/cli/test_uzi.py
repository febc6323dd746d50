"""`pairing-server uzi verify`: what a help desk is told of a card."""

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import resources
from itertools import permutations
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clients.card_profile import Holder, Use
from clients.test_ca import KeyKind, Style, UziTestCa, make_key
from pairing_server.cli import main
from pairing_server.cli.uzi import ENVIRONMENTS
from pairing_server.settings import UziEnvironment
from pairing_server.uzi.refusals import CardRefused

FIXTURES = Path(__file__).parent.parent / "uzi" / "fixtures"
CARD = FIXTURES / "authenticiteit.cer"
ISSUING, LEVEL_2, ROOT = (
    FIXTURES / f"{name}.cer" for name in ("zorgverlener_ca", "level_2_persoon_ca", "root_ca")
)
THEN = "2018-06-26T00:00:00Z"
AT = datetime(2026, 1, 5, 12, tzinfo=UTC)


def der_of(file):
    return x509.load_pem_x509_certificate(file.read_bytes()).public_bytes(Encoding.DER)


def run(*arguments):
    """Run the command: exit status, standard output and standard error."""
    result = CliRunner().invoke(main, ["uzi", "verify", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def told(*arguments):
    """Run the command and read its JSON, whose verdict the exit status repeats."""
    status, output, errors = run(*arguments)
    assert errors == ""
    answer = json.loads(output)
    assert status == (0 if answer["verdict"] == "accepted" else 1)
    return answer


def chain(*files):
    return [part for file in files for part in ("--chain", file)]


def then(card, *arguments):
    """Ask for the real card at its time."""
    return told(card, *arguments, "--at", THEN, "--environment", "test")


@pytest.fixture(scope="module")
def ca():
    return UziTestCa.create(AT, Style(KeyKind.P_256))


@pytest.fixture(scope="module")
def issued(ca):
    key = make_key(KeyKind.P_256)
    holder = Holder()
    return ca.certify(holder, ca.profile(holder, Use.AUTHENTICATION, AT), key)


@pytest.fixture
def mine(ca, issued, tmp_path):
    """Ask for a card of a register of one's own, whose root is given as an anchor."""
    for name, certificate in (
        ("card", issued.certificate),
        ("issuing", issued.chain[0]),
        ("level_2", issued.chain[1]),
        ("root", issued.chain[2]),
    ):
        (tmp_path / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))

    def ask(*arguments, at=AT):
        return told(
            tmp_path / "card.pem",
            *chain(tmp_path / "issuing.pem", tmp_path / "level_2.pem"),
            *("--anchor", tmp_path / "root.pem"),
            *("--at", at.isoformat()),
            *("--environment", "test"),
            *arguments,
        )

    return ask


@pytest.fixture
def own_hierarchy(tmp_path):
    """Name a hierarchy that differs from the shipped one for tests."""

    def write(change):
        shipped = resources.files("pairing_server") / "uzi" / "hierarchies" / "test.toml"
        file = tmp_path / "own.toml"
        file.write_text(change(shipped.read_text("utf-8")))
        return ("--hierarchy", file)

    return write


@pytest.fixture
def crl(tmp_path):
    def write(data, name="list.crl"):
        file = tmp_path / name
        file.write_bytes(data)
        return ("--crl", file)

    return write


def test_the_real_test_card_is_accepted_at_its_time():
    answer = then(CARD, *chain(ISSUING, LEVEL_2, ROOT))

    assert answer["verdict"] == "accepted"
    assert answer["revocation"] == "not_checked"
    assert answer["environment"] == "test"
    assert answer["at"] == THEN
    assert answer["detail"] is None
    assert [step["subject"] for step in answer["path"]] == [
        "Jan test-90014548",
        "TEST UZI-register Zorgverlener CA G3",
        "TEST Zorg CSP Level 2 Persoon CA G3",
        "TEST Zorg CSP Root CA G3",
    ]
    assert [step["sha256"] for step in answer["path"]] == [
        x509.load_pem_x509_certificate(file.read_bytes()).fingerprint(hashes.SHA256()).hex()
        for file in (CARD, ISSUING, LEVEL_2, ROOT)
    ]


def test_what_the_card_says_is_told():
    card = then(CARD, *chain(ISSUING, LEVEL_2))["card"]

    assert (
        card.items()
        >= {
            "name": "Jan test-90014548",
            "first_names": "Jan",
            "last_name": "test-90014548",
            "title": "Arts",
            "uzi_number": "900016528",
            "card_type": "Z",
            "role_code": "01.000",
            "role": "physician",
            "organisation": "Tést Zorginstelling 03",
            "ura": "90000382",
            "agb_code": "00000000",
            "issuer": "TEST UZI-register Zorgverlener CA G3",
            "serial_number": "102eeae84e94db65",
            "valid_from": "2017-07-13T11:39:08Z",
            "valid_until": "2020-07-12T11:39:08Z",
            "key": "RSA 2048",
        }.items()
    )


@pytest.mark.parametrize("environment", ["test", "acceptance"])
@pytest.mark.parametrize(
    "files",
    [
        *permutations((ISSUING, LEVEL_2, ROOT)),
        *permutations((ISSUING, LEVEL_2)),
        (ROOT, ISSUING, ISSUING, LEVEL_2),
        (CARD, ISSUING, LEVEL_2),
    ],
    ids=lambda files: "-".join(file.stem for file in files),
)
def test_the_chain_comes_in_any_order_with_and_without_the_root(environment, files):
    answer = told(CARD, *chain(*files), "--at", THEN, "--environment", environment)

    assert answer["verdict"] == "accepted"


@pytest.mark.parametrize(
    ("card", "verdict"),
    [("handtekening", "wrong_policy"), ("vertrouwelijkheid", "wrong_policy")],
)
def test_the_other_certificates_of_the_card_are_told_and_refused(card, verdict):
    answer = then(FIXTURES / f"{card}.cer", *chain(ISSUING, LEVEL_2, ROOT))

    assert answer["verdict"] == verdict
    assert "choose the certificate for authentication" in answer["description"]
    assert answer["card"]["uzi_number"] == "900016528"
    assert answer["path"] == []


def test_today_the_card_has_expired():
    answer = told(CARD, *chain(ISSUING, LEVEL_2, ROOT), "--environment", "test")

    assert answer["verdict"] == "card_expired"
    assert answer["card"]["valid_until"] == "2020-07-12T11:39:08Z"
    assert answer["at"] > "2026"


def test_before_its_time_the_card_is_not_valid_yet():
    answer = told(CARD, "--at", "2017-07-13T11:39:07Z", "--environment", "test")

    assert answer["verdict"] == "card_not_yet_valid"


def test_in_production_which_is_the_default_a_test_card_is_of_an_unknown_issuer():
    with_root = (*chain(ISSUING, LEVEL_2, ROOT), "--at", THEN)

    assert told(CARD, *with_root)["verdict"] == "unknown_issuer"
    assert told(CARD, *with_root)["environment"] == "production"
    assert told(CARD, *with_root, "--environment", "production")["verdict"] == "unknown_issuer"


def test_without_its_issuer_the_card_is_not_believed():
    assert then(CARD, *chain(LEVEL_2, ROOT))["verdict"] == "untrusted_issuer"
    assert then(CARD)["verdict"] == "untrusted_issuer"
    assert then(CARD)["card"]["uzi_number"] == "900016528"


def test_pem_and_der_and_files_with_several_are_read(tmp_path):
    (tmp_path / "card.der").write_bytes(der_of(CARD))
    (tmp_path / "issuing.der").write_bytes(der_of(ISSUING))
    (tmp_path / "both.pem").write_bytes(
        b"Bag Attributes\n    friendlyName: a\n"
        + LEVEL_2.read_bytes()
        + b"\r\n"
        + ROOT.read_bytes()
    )
    (tmp_path / "all.pem").write_bytes(
        b"".join(file.read_bytes() + b"\n" for file in (CARD, ISSUING, LEVEL_2))
    )

    answer = then(tmp_path / "card.der", *chain(tmp_path / "issuing.der", tmp_path / "both.pem"))
    assert answer["verdict"] == "accepted"
    assert then(tmp_path / "all.pem")["verdict"] == "accepted"


def test_of_a_file_with_all_authorities_those_of_the_card_are_taken(tmp_path):
    others = [
        UziTestCa.create(AT, Style(KeyKind.P_256)).root.certificate.public_bytes(Encoding.PEM)
        for _ in range(8)
    ]
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(
        b"".join(others) + b"".join(file.read_bytes() + b"\n" for file in (ROOT, LEVEL_2, ISSUING))
    )

    # Roots of the same name are no more than any card may bring.
    assert then(CARD, *chain(ISSUING, LEVEL_2, ROOT))["verdict"] == "accepted"
    assert then(CARD, *chain(bundle))["verdict"] == "accepted"


def test_of_a_card_that_cannot_be_read_no_chain_is_looked_for(tmp_path):
    bundle = tmp_path / "bundle.der"
    bundle.write_bytes(
        b"".join(
            UziTestCa.create(AT, Style(KeyKind.P_256)).root.certificate.public_bytes(Encoding.PEM)
            for _ in range(6)
        )
    )
    (tmp_path / "cut").write_bytes(der_of(CARD)[:-1])

    assert then(tmp_path / "cut", *chain(bundle))["verdict"] == "malformed_certificate"


def test_an_authority_with_a_key_that_keeps_one_busy_is_a_verdict(tmp_path):
    key = rsa.RSAPublicNumbers(2**4096 + 1, 2**16384 + 1).public_key()
    issuing = x509.load_pem_x509_certificate(ISSUING.read_bytes())
    slow = (
        x509.CertificateBuilder()
        .subject_name(issuing.subject)
        .issuer_name(issuing.issuer)
        .public_key(key)
        .serial_number(1)
        .not_valid_before(AT)
        .not_valid_after(AT)
        .sign(make_key(KeyKind.P_256), hashes.SHA256())
    )
    (tmp_path / "slow.der").write_bytes(slow.public_bytes(Encoding.DER))

    assert then(CARD, *chain(tmp_path / "slow.der"))["verdict"] == "weak_key"


def test_what_is_no_certificate_is_a_verdict(tmp_path):
    (tmp_path / "none").write_bytes(b"nothing")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "pem").write_bytes(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")
    (tmp_path / "cut").write_bytes(der_of(CARD)[:-1])
    (tmp_path / "more").write_bytes(der_of(CARD) + b"\0")
    (tmp_path / "large").write_bytes(b"\x30\x82" + bytes(1 << 21))

    for name in ("none", "empty", "pem", "cut", "more", "large", "away", "."):
        answer = then(tmp_path / name)
        assert (answer["verdict"], answer["card"]) == ("malformed_certificate", None)
        assert answer["detail"]
    assert then(tmp_path / "away")["detail"] == "No such file or directory"
    assert then(tmp_path / "large")["detail"] == "too large"
    assert then("/dev/zero")["detail"] == "too large"


@pytest.mark.parametrize("option", ["--chain", "--crl", "--anchor", "--hierarchy"])
def test_another_file_that_is_none_is_wrong_usage(tmp_path, option):
    (tmp_path / "none").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")

    for name in ("none", "away", "."):
        status, output, errors = run(CARD, option, tmp_path / name)
        assert (status, output) == (2, "")
        assert option in errors
        assert str(tmp_path / name) in errors


@pytest.mark.parametrize("option", ["--chain", "--crl", "--anchor", "--hierarchy"])
def test_a_file_without_end_is_wrong_usage(option):
    status, output, errors = run(CARD, option, "/dev/zero")

    assert (status, output) == (2, "")
    assert f"{option} /dev/zero" in errors or "/dev/zero holds no certificate" in errors


@pytest.mark.parametrize(
    ("at", "why"),
    [
        ("2018-06-26T00:00:00", "has no offset"),
        ("2018-06-26", "has no offset"),
        ("yesterday", "is not a time"),
        ("", "is not a time"),
        ("2018-02-30T00:00:00Z", "is not a time"),
        ("1949-12-31T00:00:00Z", "must be in the years 1950 to 9998"),
        ("0001-01-01T00:00:00+23:59", "must be in the years"),
        ("9999-12-31T23:59:59-23:59", "must be in the years"),
    ],
)
def test_a_time_that_is_none_or_has_no_offset_is_wrong_usage(at, why):
    status, output, errors = run(CARD, "--at", at)

    assert (status, output) == (2, "")
    assert why in errors


@pytest.mark.parametrize(
    "at", ["2018-06-26T02:00:00+02:00", "2018-06-25T19:00:00-05:00", "20180626T000000Z"]
)
def test_a_time_with_an_offset_is_told_in_utc(at):
    answer = told(CARD, "--at", at, "--environment", "test")

    assert answer["at"] == THEN


@pytest.mark.parametrize("at", ["1950-01-01T00:00:00Z", "9998-12-31T23:59:59Z"])
def test_the_first_and_the_last_time_are_times(at, ca, crl):
    answer = told(CARD, "--at", at, "--environment", "test", *crl(lists_of(ca)))

    assert answer["verdict"] in {"card_not_yet_valid", "card_expired"}


def test_unknown_environments_are_wrong_usage():
    assert run(CARD, "--environment", "development")[0] == 2
    assert tuple(UziEnvironment) == ENVIRONMENTS


def lists_of(ca, at=AT, revoked=()):
    return ca.issuing("Z").revocation_list(at, revoked)


def test_with_a_fresh_list_that_does_not_name_it_the_card_is_good(mine, ca, crl):
    answer = mine(*crl(lists_of(ca)))

    assert (answer["verdict"], answer["revocation"]) == ("accepted", "good")


def test_without_a_list_revocation_is_not_checked(mine):
    assert mine()["revocation"] == "not_checked"


@pytest.mark.parametrize("age", [timedelta(), timedelta(days=30)], ids=["fresh", "stale"])
def test_a_card_on_a_list_is_revoked(mine, ca, issued, crl, age):
    answer = mine(*crl(lists_of(ca, AT - age, [issued.certificate.serial_number])))

    assert (answer["verdict"], answer["revocation"]) == ("card_revoked", "revoked")
    assert answer["card"]["uzi_number"] == "900001234"
    assert len(answer["path"]) == 4


def test_one_of_several_lists_is_enough_to_revoke(mine, ca, issued, crl):
    both = (
        *crl(lists_of(ca), "clean.crl"),
        *crl(lists_of(ca, revoked=[issued.certificate.serial_number]), "other.crl"),
    )

    assert mine(*both)["verdict"] == "card_revoked"


@pytest.mark.parametrize("age", [48, 49, 24 * 30])
def test_with_a_stale_list_revocation_is_unknown(mine, ca, crl, age):
    answer = mine(*crl(lists_of(ca, AT - timedelta(hours=age))))

    assert (answer["verdict"], answer["revocation"]) == ("revocation_unknown", "unknown")


def test_no_list_is_believed_for_longer_than_48_hours(mine, ca, crl):
    issuing = ca.issuing("Z")
    made = AT - timedelta(hours=48, minutes=20)
    long = issuing.sign_list(issuing.list_builder(made, lifetime=timedelta(days=30)))

    assert mine(*crl(long))["verdict"] == "revocation_unknown"
    assert mine(*crl(long), at=AT - timedelta(minutes=30))["revocation"] == "good"


def test_a_list_is_believed_for_as_long_as_the_hierarchy_says(mine, ca, crl, own_hierarchy):
    option = own_hierarchy(lambda text: text.replace('"PT48H"', '"PT1H"'))
    old = crl(lists_of(ca, AT - timedelta(hours=2)))

    assert mine(*old)["revocation"] == "good"
    assert mine(*old, *option)["verdict"] == "revocation_unknown"


def test_a_list_of_the_future_says_nothing(mine, ca, crl):
    assert mine(*crl(lists_of(ca, AT + timedelta(days=1))))["revocation"] == "unknown"


def test_a_list_that_another_signed_says_nothing(mine, issued, crl):
    other = UziTestCa.create(AT, Style(KeyKind.P_256))
    serial = issued.certificate.serial_number

    assert mine(*crl(lists_of(other)))["verdict"] == "revocation_unknown"
    assert mine(*crl(lists_of(other, revoked=[serial])))["verdict"] == "revocation_unknown"


def test_a_revoked_authority_makes_the_card_untrusted(mine, ca, issued, crl):
    level_2 = ca.level_2.revocation_list(AT, [issued.chain[0].serial_number])
    root = ca.root.revocation_list(AT, [issued.chain[1].serial_number])

    for data in (level_2, root):
        answer = mine(*crl(lists_of(ca), "own.crl"), *crl(data, "authority.crl"))
        assert (answer["verdict"], answer["revocation"]) == ("authority_revoked", "revoked")


def test_a_list_that_another_signed_revokes_no_authority(mine, ca, issued, crl):
    other = UziTestCa.create(AT, Style(KeyKind.P_256))
    level_2 = other.level_2.revocation_list(AT, [issued.chain[0].serial_number])

    answer = mine(*crl(lists_of(ca), "own.crl"), *crl(level_2, "authority.crl"))
    assert (answer["verdict"], answer["revocation"]) == ("accepted", "good")


def test_a_card_that_is_refused_before_is_not_looked_up(ca, crl):
    answer = told(CARD, "--environment", "test", *crl(lists_of(ca)))

    assert (answer["verdict"], answer["revocation"]) == ("card_expired", "not_checked")


def test_an_anchor_may_be_given_by_its_fingerprint(mine, tmp_path, issued):
    digest = issued.chain[2].fingerprint(hashes.SHA256()).hex()
    rest = (
        *chain(tmp_path / "issuing.pem", tmp_path / "level_2.pem"),
        *("--at", AT.isoformat(), "--environment", "test", "--anchor", digest),
    )

    with_root = told(tmp_path / "card.pem", *rest, *chain(tmp_path / "root.pem"))
    assert with_root["verdict"] == "accepted"
    assert told(tmp_path / "card.pem", *rest)["verdict"] == "untrusted_issuer"


def test_in_production_a_test_anchor_is_wrong_usage():
    status, output, errors = run(CARD, "--anchor", ROOT)

    assert (status, output) == (2, "")
    assert "a server in production never trusts it" in errors


def test_a_hierarchy_of_ones_own_says_whose_cards_these_are(own_hierarchy):
    option = own_hierarchy(lambda text: text.replace("CIBG TEST, and registers", "Ours"))
    real = (*chain(ISSUING, LEVEL_2), "--at", THEN, *option)

    answer = told(CARD, *real)
    assert (answer["verdict"], answer["hierarchy"], answer["environment"]) == (
        "accepted",
        "Ours that imitate it",
        "test",
    )
    assert told(CARD, *real, "--environment", "test")["verdict"] == "accepted"
    status, _, errors = run(CARD, *real, "--environment", "production")
    assert (status, "is for test, not for production" in errors) == (2, True)


def test_nothing_is_needed_and_nothing_is_made(tmp_path):
    result = subprocess.run(
        [
            *(sys.executable, "-m", "pairing_server", "uzi", "verify", CARD),
            *chain(ISSUING, LEVEL_2),
            *("--at", THEN, "--environment", "test"),
        ],
        env={
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PAIRING_BASE_URL": "ftp://nonsense",
            "PAIRING_NO_SUCH_THING": "x",
            "PAIRING_CONFIG": "/no/such/file",
            "PAIRING_UZI_ANCHORS": "/no/such/file",
            "PYTHONIOENCODING": "latin-1",
        },
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )

    assert (result.returncode, result.stderr) == (0, b"")
    assert json.loads(result.stdout)["card"]["organisation"] == "Tést Zorginstelling 03"
    assert list(tmp_path.iterdir()) == []


def test_what_a_terminal_would_act_on_is_escaped(ca, tmp_path):
    holder = Holder(last_name="\x1b[2J\u202eesrever\U000e0001")
    card = ca.certify(holder, ca.profile(holder, Use.AUTHENTICATION, AT), make_key(KeyKind.P_256))
    file = tmp_path / "card.der"
    file.write_bytes(card.der)

    _, output, _ = run(file, "--at", AT.isoformat(), "--environment", "test")

    assert output.replace("\n", "").isprintable()
    answer = json.loads(output)
    assert answer["verdict"] == "malformed_subject"
    assert answer["card"]["last_name"] == holder.last_name


def refusal_codes(kind=CardRefused):
    return {getattr(kind, "code", None)}.union(
        *(refusal_codes(inner) for inner in kind.__subclasses__())
    )


REAL = [
    der_of(file)
    for file in (CARD, FIXTURES / "handtekening.cer", FIXTURES / "vertrouwelijkheid.cer", ISSUING)
]
REAL_SHA_256 = hashlib.sha256(REAL[0]).hexdigest()
ANY_BYTES = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda der, end: der[:end], st.sampled_from(REAL), st.integers(0, 2000)),
    st.builds(
        lambda der, place, bit: (
            der[: place % len(der)]
            + bytes([der[place % len(der)] ^ 1 << bit])
            + der[place % len(der) + 1 :]
        ),
        st.sampled_from(REAL),
        st.integers(0, 2000),
        st.integers(0, 7),
    ),
    st.builds(
        lambda text, end: text[:end], st.sampled_from([CARD.read_bytes()]), st.integers(0, 3000)
    ),
)


@given(data=ANY_BYTES)
@example(data=b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_of_a_card_make_anything_but_a_verdict(data, tmp_path):
    (tmp_path / "card").write_bytes(data)

    answer = then(tmp_path / "card", *chain(ISSUING, LEVEL_2))

    assert answer["verdict"] in refusal_codes() or answer["card"]["sha256"] == REAL_SHA_256


@given(data=ANY_BYTES, option=st.sampled_from(["--chain", "--crl", "--anchor", "--hierarchy"]))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_of_another_file_make_anything_but_an_answer(data, option, tmp_path):
    (tmp_path / "file").write_bytes(data)

    status, output, errors = run(CARD, option, tmp_path / "file", "--at", THEN)

    assert (status, bool(output), bool(errors)) in {(1, True, False), (2, False, True)}


@given(
    place=st.integers(0, 5000),
    bit=st.integers(0, 7),
    which=st.sampled_from(["issuing", "level_2"]),
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_bit_that_is_flipped_in_the_chain_never_makes_the_card_believed(
    place, bit, which, tmp_path
):
    der = bytearray(der_of({"issuing": ISSUING, "level_2": LEVEL_2}[which]))
    der[place % len(der)] ^= 1 << bit
    (tmp_path / "flipped").write_bytes(der)
    rest = {"issuing": LEVEL_2, "level_2": ISSUING}[which]

    status, _, _ = run(
        CARD,
        *chain(rest, tmp_path / "flipped"),
        *("--at", THEN, "--environment", "test"),
    )

    assert status in {1, 2}

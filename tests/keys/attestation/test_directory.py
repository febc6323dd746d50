"""Roots that ship are the makers' own; the operator's are read, and told when they are none."""

import asyncio
import hashlib
import json
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    known_root_certs,
    parse_attestation_object,
)

from pairing_server.keys import ctap_cbor
from pairing_server.keys.attestation import directory as module
from pairing_server.keys.attestation.directory import (
    AttestationDirectory,
    AttestationRootsError,
    attestation_directory,
    read_directory,
    shipped,
    shipped_roots,
)
from pairing_server.keys.attestation.judge import judge
from pairing_server.keys.attestation.roots import ANDROID_KEY, APPLE, CHAINED
from pairing_server.keys.attestation.statement import Subject
from pairing_server.keys.credential import AttestationVerdict
from pairing_server.settings import SettingsError, load
from pairing_server.tokens import b64url_decode
from tests.keys.makers import AUTHENTICATOR, Authority

PHONES = json.loads(
    (Path(__file__).parents[2] / "vectors" / "attested_phones.json").read_text("utf-8")
)["phones"]


def sha256(certificate):
    return certificate.fingerprint(hashes.SHA256()).hex()


def test_each_root_that_ships_says_whose_it_is():
    assert {root.format for root in shipped()} == {ANDROID_KEY, APPLE}
    assert all(root.source.startswith("https://") for root in shipped())
    held = [one for name in CHAINED for one in shipped_roots().of(name)]
    assert [sha256(one) for one in held] == [root.sha256 for root in shipped()]


def test_the_roots_that_ship_are_those_of_the_library():
    """Two hands copied them; when the library learns of another, this says so."""
    of_the_library = {
        sha256(x509.load_pem_x509_certificate(pem))
        for name, pem in vars(known_root_certs).items()
        if name.startswith(("google_", "apple_"))
    }
    assert {root.sha256 for root in shipped()} == of_the_library


def test_a_root_that_was_exchanged_is_noticed(monkeypatch):
    first, *others = shipped()
    exchanged = msgspec.structs.replace(first, certificate=others[0].certificate)
    monkeypatch.setattr(module, "shipped", lambda: (exchanged, *others))
    with pytest.raises(AttestationRootsError, match="another SHA-256"):
        shipped_roots.__wrapped__()


def subject(phone):
    attested = b64url_decode(phone["attestationObject"])
    data = parse_attestation_object(attested).auth_data.attested_credential_data
    key = decode_credential_public_key(data.credential_public_key)
    return ctap_cbor.attestation_object(attested), Subject(
        authenticator_data=ctap_cbor.attestation_object(attested)["authData"],
        client_data_hash=hashlib.sha256(b64url_decode(phone["clientDataJSON"])).digest(),
        aaguid=data.aaguid,
        public_key=decoded_public_key_to_cryptography(key),
    )


@pytest.mark.parametrize("phone", PHONES, ids=[phone["phone"] for phone in PHONES])
def test_real_phones_lead_to_the_roots_that_ship(phone):
    """Their certificates are over by now, which OpenSSL would say of them."""
    attested, about = subject(phone)
    judged = judge(attested["fmt"], attested["attStmt"], about, shipped_roots())
    assert judged.verdict is AttestationVerdict.HARDWARE
    assert sha256(judged.chain.root) in {root.sha256 for root in shipped()}


@pytest.fixture
def root():
    return Authority.root().certificate


@pytest.fixture
def held(tmp_path):
    """Put a file into the operator's directory."""

    def put(name, data):
        file = tmp_path / "attestation" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data if isinstance(data, bytes) else data.encode())
        return tmp_path / "attestation"

    return put


def status(**entries):
    return json.dumps({"entries": {name: {"status": said} for name, said in entries.items()}})


@pytest.mark.parametrize("kind", CHAINED)
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_the_operators_roots_stand_beside_those_that_ship(held, root, kind, encoding):
    where = held(f"{kind}/maker", root.public_bytes(encoding))
    found = read_directory(where)
    assert list(found.roots.of(kind)) == [*shipped_roots().of(kind), root]
    assert found.files == ((where / kind / "maker", root),)
    others = [name for name in CHAINED if name != kind]
    assert all(found.roots.of(name) == tuple(shipped_roots().of(name)) for name in others)


def test_a_file_may_hold_many(held, root):
    other = Authority.root("Other").certificate
    both = root.public_bytes(Encoding.PEM) + other.public_bytes(Encoding.PEM)
    assert list(read_directory(held("packed/all.pem", both)).roots.of("packed")) == [root, other]


def test_without_a_directory_those_that_ship_are_in_force():
    assert read_directory(None).roots == shipped_roots()
    assert list(shipped_roots().of("packed")) == list(shipped_roots().of("tpm")) == []


def test_what_is_hidden_is_passed_over(held, root):
    held(".half-written", b"")
    where = held("packed/.half-written", b"")
    held("packed/maker.pem", root.public_bytes(Encoding.PEM))
    assert list(read_directory(where).roots.of("packed")) == [root]


def mistakes(where):
    with pytest.raises(AttestationRootsError) as refused:
        read_directory(where)
    return refused.value.mistakes


def unfit():
    ca = Authority.root()
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - what is to be refused.
    return {
        "nothing": b"",
        "no certificate": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "no authority": ca.issue(AUTHENTICATOR, ca.key).public_bytes(Encoding.PEM),
        "a weak key": Authority.root(key=weak).certificate.public_bytes(Encoding.DER),
    }


UNFIT = unfit()


@pytest.mark.parametrize("data", UNFIT.values(), ids=UNFIT)
def test_what_is_no_root_is_told(held, data):
    where = held("tpm/maker.pem", data)
    (mistake,) = mistakes(where)
    assert mistake.startswith(f"{where / 'tpm' / 'maker.pem'} is no root certificate")


def test_what_is_misspelt_is_told_and_all_at_once(held):
    where = held("fido-u2f/maker.pem", b"")
    held("status.json", b"")
    held("apple/odd", b"x")
    held("packed", b"")
    told = mistakes(where)
    assert len(told) == 4
    assert "is none of packed/, android-key/, apple/, tpm/ and android-status.json" in told[1]


def test_what_cannot_be_read_is_told(tmp_path, held, monkeypatch):
    (mistake,) = mistakes(tmp_path / "nowhere")
    assert mistake.endswith("nowhere cannot be read: No such file or directory.")
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 3)
    (mistake,) = mistakes(held("packed/large", b"xxxx"))
    assert mistake.endswith("large is too large.")
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 3000)
    (tmp_path / "attestation" / "packed" / "large").unlink()
    (tmp_path / "attestation" / "packed" / "folder").mkdir()
    (mistake,) = mistakes(tmp_path / "attestation")
    assert mistake.endswith("folder cannot be read: Is a directory.")


def test_what_google_called_back_is_read(held):
    said = status(c0ffee="REVOKED", AB="SUSPENDED", dead="SOMETHING_ELSE")
    found = read_directory(held("android-status.json", said))
    assert found.roots.called_back == {0xC0FFEE, 0xAB}
    assert found.status_at is not None


NO_STATUS = {
    "nothing": "",
    "no JSON": "{",
    "another form": "[]",
    "no entries": "{}",
    "an entry of another form": '{"entries": {"ab": "REVOKED"}}',
    "a serial that is no number": '{"entries": {"xyz": {"status": "REVOKED"}}}',
}


@pytest.mark.parametrize("data", NO_STATUS.values(), ids=NO_STATUS)
def test_what_is_no_list_is_told(held, data):
    (mistake,) = mistakes(held("android-status.json", data))
    assert mistake.endswith("is not Google's list of attestation statuses, in JSON.")


def test_a_list_that_is_too_large_is_told(held, monkeypatch):
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 3)
    (mistake,) = mistakes(held("android-status.json", "{   }"))
    assert mistake.endswith("is too large.")


def test_what_was_called_back_meanwhile_counts_at_the_next_look(held):
    roots = AttestationDirectory(held("android-status.json", status()))
    assert roots().called_back == frozenset()
    held("android-status.json", status(ab="REVOKED"))
    assert roots().called_back == frozenset()
    roots.refresh()
    assert roots().called_back == {0xAB}


def test_a_list_that_is_half_written_loses_nothing(held):
    roots = AttestationDirectory(held("android-status.json", status(ab="REVOKED")))
    held("android-status.json", '{"entries": {')
    roots.refresh()
    assert roots().called_back == {0xAB}


async def test_the_directory_is_read_anew_while_the_server_runs(held, monkeypatch):
    monkeypatch.setattr(module, "REFRESH", timedelta(milliseconds=1))
    roots = AttestationDirectory(held("android-status.json", status()))
    held("android-status.json", status(ab="REVOKED"))
    read_anew = asyncio.Event()
    refresh = roots.refresh

    def look():
        refresh()
        loop.call_soon_threadsafe(read_anew.set)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(roots, "refresh", look)
    async with roots.running(), asyncio.timeout(20):
        await read_anew.wait()
    assert roots().called_back == {0xAB}


async def test_without_a_directory_nothing_is_read_anew():
    roots = AttestationDirectory(None)
    async with roots.running():
        await asyncio.sleep(0)
    assert roots() == shipped_roots()


def test_the_settings_name_the_directory(held, root):
    where = held("packed/maker.pem", root.public_bytes(Encoding.PEM))
    settings = load({}, attestation_dir=where)
    roots = attestation_directory(settings)
    assert list(roots().of("packed")) == [root]
    held("packed/other.pem", b"")
    with pytest.raises(SettingsError, match=r"^PAIRING_ATTESTATION_DIR: .*other\.pem is no root"):
        attestation_directory(settings)

"""The service account's file: what is read, what is refused, and what its key signs."""

import json
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from clients.push_simulator.fcm import FcmService
from pairing_server.push.service_account import ServiceAccountError, read_service_account
from tests.push.fcm_harness import KEY

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def content():
    return FcmService(key=KEY, url="https://localhost:1").account()


@pytest.fixture
def write(tmp_path):
    def write(data, mode=0o600):
        file = tmp_path / "account.json"
        file.touch(mode=mode)
        file.chmod(mode)
        file.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        return file

    return write


def mistake(file):
    with pytest.raises(ServiceAccountError) as refused:
        read_service_account(file)
    return str(refused.value).removeprefix(f"{file} ")


def test_the_file_of_the_console_is_read(write, content):
    account = read_service_account(write({**content, "universe_domain": "googleapis.com"}))
    assert account.project_id == "loopback-project"
    assert account.token_uri == "https://localhost:1/token"


def test_nothing_secret_of_it_is_shown(write, content):
    account = read_service_account(write(content))
    assert content["private_key_id"] not in repr(account)
    assert "RSA" not in repr(account)


def test_an_assertion_says_who_asks_whom_for_what(write, content):
    account = read_service_account(write(content))
    assertion = account.assertion(NOW)
    assert jwt.get_unverified_header(assertion)["kid"] == content["private_key_id"]
    claims = jwt.decode(
        assertion,
        KEY.public_key(),
        algorithms=["RS256"],
        audience=account.token_uri,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims == {
        "iss": "push@loopback-project.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
        "aud": "https://localhost:1/token",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 3600,
    }


def test_a_file_that_others_can_read_is_not_used(write, content):
    assert mistake(write(content, mode=0o640)) == "can be read by others: chmod 600 it"


def test_a_file_that_is_not_there_is_told(tmp_path):
    assert mistake(tmp_path / "none.json") == "cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"-----BEGIN PRIVATE KEY-----", "no JSON"),
        (b"[]", "other JSON"),
        (b'{"type": "authorized_user"}', "other JSON"),
        (b'{"project_info": {}, "client": []}', "the app's google-services.json"),
    ],
)
def test_another_file_is_told_by_what_it_is(write, data, kind):
    assert mistake(write(data)) == f"is {kind}, not a service account's key"


def elliptic():
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"private_key": "geheim"}, "has a private_key that is no key"),
        ({"private_key": elliptic()}, "has a private_key that is not of RSA"),
        ({"project_id": "../other"}, "has a project_id that no project has"),
        ({"project_id": "a"}, "has a project_id that no project has"),
        ({"token_uri": "http://localhost/token"}, "has a token_uri that is no https:// URL"),
        ({"token_uri": "geheim"}, "has a token_uri that is no https:// URL"),
    ],
)
def test_what_cannot_be_is_told_without_its_value(write, content, changed, told):
    said = mistake(write({**content, **changed}))
    assert said == told
    assert "geheim" not in said

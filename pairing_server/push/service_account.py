"""The service account of a Google Cloud project: the file, and what is signed by its key."""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pairing_server.destination import EgressError, read_url

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: The longest that Google takes.
ASSERTION_LIFETIME = timedelta(hours=1)
_MAX_BYTES = 64 * 1024
_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", re.ASCII)


class ServiceAccountError(Exception):
    """The file is not a service account's; tells what is wrong and quotes nothing of it."""


class _File(msgspec.Struct, tag_field="type", tag="service_account"):
    project_id: Annotated[str, msgspec.Meta(max_length=64)]
    private_key_id: Annotated[str, msgspec.Meta(max_length=200)]
    private_key: str
    client_email: Annotated[str, msgspec.Meta(max_length=320)]
    token_uri: str


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Who we are to Google.

    Attributes:
        token_uri: Where assertions are exchanged for access tokens.
    """

    project_id: str
    client_email: str
    token_uri: str
    key_id: str = field(repr=False)
    key: rsa.RSAPrivateKey = field(repr=False)

    def assertion(self, now: datetime) -> str:
        """Sign what is exchanged for an access token (RFC 7523 section 2.1)."""
        issued_at = int(now.timestamp())
        claims = {
            "iss": self.client_email,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": issued_at,
            "exp": issued_at + int(ASSERTION_LIFETIME.total_seconds()),
        }
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": self.key_id})


def read_service_account(file: Path) -> ServiceAccount:
    """Read the file that Google's console makes.

    Raises:
        ServiceAccountError: it cannot be read, others can read it, or it is another kind of file.
    """
    try:
        if file.stat().st_mode & 0o077:
            raise ServiceAccountError(f"{file} can be read by others: chmod 600 it")
        with file.open("rb") as stream:
            data = stream.read(_MAX_BYTES)
    except OSError as error:
        raise ServiceAccountError(f"{file} cannot be read: {error.strerror}") from error
    try:
        read = msgspec.json.decode(data, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        kind = _kind(data)
        raise ServiceAccountError(f"{file} is {kind}, not a service account's key") from error
    try:
        key = load_pem_private_key(read.private_key.encode(), None)
    except (ValueError, TypeError) as error:
        raise ServiceAccountError(f"{file} has a private_key that is no key") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ServiceAccountError(f"{file} has a private_key that is not of RSA")
    if not _PROJECT.fullmatch(read.project_id):
        raise ServiceAccountError(f"{file} has a project_id that no project has")
    if not _is_https(read.token_uri):
        raise ServiceAccountError(f"{file} has a token_uri that is no https:// URL")
    return ServiceAccount(
        read.project_id, read.client_email, read.token_uri, read.private_key_id, key
    )


def _kind(data: bytes) -> str:
    """Say what a file is that people take for the right one."""
    try:
        content = json.loads(data)
    except ValueError:
        return "no JSON"
    if not isinstance(content, dict):
        return "other JSON"
    if "project_info" in content:
        return "the app's google-services.json"
    return "other JSON"


def _is_https(url: str) -> bool:
    try:
        return read_url(url).scheme == "https"
    except EgressError:
        return False

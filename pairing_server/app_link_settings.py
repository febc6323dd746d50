"""What settings about native apps may hold; mistakes are told without their values."""

from typing import Annotated

from pydantic import AfterValidator, Field

from pairing_server.tokens import b64url_decode

_SHA256_BYTES = 32


def _is_sha256(value: str) -> str:
    try:
        is_whole = len(b64url_decode(value)) == _SHA256_BYTES
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ValueError("must be the base64url of 32 bytes, without padding")
    return value


#: SHA-256 of a certificate that signs an Android app, base64url.
ApkKeyHash = Annotated[str, AfterValidator(_is_sha256)]
#: An application id (Android, "Configure the app module").
AndroidPackage = Annotated[
    str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$", max_length=255)
]
#: The team's ten characters, a dot, the bundle id.
IosAppId = Annotated[str, Field(pattern=r"^[A-Z0-9]{10}(\.[A-Za-z0-9-]+)+$", max_length=255)]

"""The statements of the formats with a chain, composed as devices do."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.keys.makers import (
    AUTHENTICATOR,
    NO_AUTHORITY,
    Authority,
    Key,
    Making,
    algorithm,
    ders,
    sign,
)

AAGUID_OID = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
APPLE_OID = x509.ObjectIdentifier("1.2.840.113635.100.8.2")
ANDROID_OID = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.1.17")
AIK_OID = x509.ObjectIdentifier("2.23.133.8.3")
SOFTWARE, TRUSTED_ENVIRONMENT, STRONG_BOX = 0, 1, 2
#: fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, sign: as Windows makes keys.
TPM_ATTRIBUTES = 0x00040472
INTEL = "id:494E5443"


def tlv(tag: int, contents: bytes) -> bytes:
    """Compose a DER element."""
    size = len(contents)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2)
    return bytes([tag]) + length + contents


def explicit(number: int, contents: bytes) -> bytes:
    """Compose an element with a context tag of whatever number."""
    if number < 31:
        return tlv(0xA0 | number, contents)
    low = tlv(number & 0x7F, contents)
    return b"\xbf" + (bytes([0x80 | number >> 7]) if number > 0x7F else b"") + low


def integer(value: int, tag: int = 2) -> bytes:
    """Compose an INTEGER."""
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1))


def other(oid: x509.ObjectIdentifier, value: bytes, *, critical: bool = False) -> Any:
    """Compose an extension that X.509 does not know."""
    return x509.UnrecognizedExtension(oid, value), critical


def packed(
    making: Making,
    maker: Authority,
    *,
    key: Key | None = None,
    subject: Any = AUTHENTICATOR,
    extensions: Sequence[Any] | None = None,
    aaguid: bytes | None = None,
    chain: Iterable[x509.Certificate] = (),
    **wrong: Any,
) -> dict[str, Any]:
    """Compose a packed statement of a maker's key (WebAuthn Level 3 section 8.2)."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    named = other(AAGUID_OID, tlv(4, making.aaguid if aaguid is None else aaguid))
    held = [NO_AUTHORITY, named] if extensions is None else extensions
    leaf = maker.issue(subject, key, held)
    signature = sign(key, wrong.pop("signed", making.signed), wrong.pop("digest", None))
    return {
        "alg": algorithm(key), "sig": signature, "x5c": ders(leaf, *chain), **wrong,
    }  # fmt: skip


def apple(
    making: Making, maker: Authority, *, nonce: bytes | None = None, **wrong: Any
) -> dict[str, Any]:
    """Compose Apple's anonymous statement (WebAuthn Level 3 section 8.8)."""
    right = tlv(0x30, tlv(0xA1, tlv(4, hashlib.sha256(making.signed).digest())))
    value = right if nonce is None else nonce
    held = wrong.get("extensions", [NO_AUTHORITY, other(APPLE_OID, value)])
    leaf = maker.issue(AUTHENTICATOR, wrong.get("key", making.key), held)
    return {"x5c": ders(leaf, *wrong.get("chain", ()))}


def authorizations(**said: Any) -> bytes:
    """Compose an AuthorizationList."""
    composed = []
    if said.get("purposes") is not None:
        values = b"".join(integer(value) for value in said["purposes"])
        composed.append(explicit(1, tlv(0x31, values)))
    composed += [explicit(2, integer(3)), explicit(503, tlv(5, b""))]
    if said.get("all_applications"):
        composed.append(explicit(600, tlv(5, b"")))
    if said.get("origin") is not None:
        composed.append(explicit(702, integer(said["origin"])))
    if said.get("locked") is not None:
        state = integer(0, 10) + tlv(4, bytes(32))
        locked = tlv(1, b"\xff" if said["locked"] else b"\0")
        composed.append(explicit(704, tlv(0x30, tlv(4, bytes(32)) + locked + state)))
    # What the makers of next year's phones think of.
    composed.append(explicit(999, tlv(5, b"")))
    return tlv(0x30, b"".join(composed))


HARDWARE_MADE = {"purposes": [2], "origin": 0, "locked": True}


def key_description(
    making: Making,
    *,
    levels: tuple[int, int] = (TRUSTED_ENVIRONMENT, TRUSTED_ENVIRONMENT),
    challenge: bytes | None = None,
    software: Any = None,
    hardware: Any = None,
) -> bytes:
    """Compose the key store's description of a key."""
    said = making.client_data_hash if challenge is None else challenge
    parts = (
        integer(300), integer(levels[0], 10), integer(300), integer(levels[1], 10),
        tlv(4, said), tlv(4, b""), authorizations(**(software or {})),
        authorizations(**(HARDWARE_MADE if hardware is None else hardware)),
    )  # fmt: skip
    return tlv(0x30, b"".join(parts))


def android_key(
    making: Making,
    maker: Authority,
    *,
    key: Key | None = None,
    signer: Key | None = None,
    extensions: Sequence[Any] | None = None,
    chain: Iterable[x509.Certificate] = (),
    serial: int | None = None,
    **said: Any,
) -> dict[str, Any]:
    """Compose an Android statement (WebAuthn Level 3 section 8.4)."""
    wrong = {name: said.pop(name) for name in ("alg", "signed") if name in said}
    held = [other(ANDROID_OID, key_description(making, **said))]
    leaf = maker.issue(
        AUTHENTICATOR, key or making.key, held if extensions is None else extensions,
        serial=serial,
    )  # fmt: skip
    signature = sign(signer or making.key, wrong.get("signed", making.signed))
    alg = wrong.get("alg", algorithm(making.key))
    return {"alg": alg, "sig": signature, "x5c": ders(leaf, *chain)}


def public_area(key: Key, **said: Any) -> bytes:
    """Compose TPMT_PUBLIC."""
    public = key.public_key()
    name_algorithm = said.get("name_algorithm", 0x000B)
    attributes = said.get("attributes", TPM_ATTRIBUTES)
    is_rsa = isinstance(public, rsa.RSAPublicKey)
    head = (0x0001 if is_rsa else 0x0023).to_bytes(2) + name_algorithm.to_bytes(2)
    head += attributes.to_bytes(4) + sized(b"policy")
    scheme = bytes.fromhex("0010") + said.get("scheme", bytes.fromhex("0010"))
    if isinstance(public, rsa.RSAPublicKey):
        exponent = said.get("exponent", 0).to_bytes(4)
        modulus = public.public_numbers().n.to_bytes(public.key_size // 8)
        return head + scheme + public.key_size.to_bytes(2) + exponent + sized(modulus)
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise TypeError("a TPM holds no such key")
    point = public.public_numbers()
    curve = said.get("curve", 3).to_bytes(2) + bytes.fromhex("0010")
    return head + scheme + curve + sized(point.x.to_bytes(32)) + sized(point.y.to_bytes(32))


def certify_info(making: Making, public: bytes, **said: Any) -> bytes:
    """Compose TPMS_ATTEST with TPMS_CERTIFY_INFO."""
    name = bytes.fromhex("000b") + hashlib.sha256(public).digest()
    extra = hashlib.sha256(making.signed).digest()
    return b"".join(
        (
            said.get("magic", b"\xffTCG"), said.get("type", 0x8017).to_bytes(2),
            sized(b"signer"), sized(said.get("extra_data", extra)), bytes(17), bytes(8),
            sized(said.get("name", name)), sized(b"qualified"),
        )
    )  # fmt: skip


def sized(data: bytes) -> bytes:
    """Compose a TPM2B."""
    return len(data).to_bytes(2) + data


def tpm_name(**said: str) -> Any:
    """Compose the alternative name of a TPM's attestation key."""
    held = {"1": INTEL, "2": "Model", "3": "id:00010000"} | {k[1:]: v for k, v in said.items()}
    attributes = [
        x509.NameAttribute(x509.ObjectIdentifier(f"2.23.133.2.{number}"), value)
        for number, value in held.items()
        if value
    ]
    parts = x509.Name([x509.RelativeDistinguishedName(attributes)])
    return x509.SubjectAlternativeName([x509.DirectoryName(parts)]), True


def tpm(
    making: Making,
    maker: Authority,
    *,
    key: Key | None = None,
    subject: Any = None,
    extensions: Sequence[Any] | None = None,
    area: bytes | None = None,
    chain: Iterable[x509.Certificate] = (),
    **said: Any,
) -> dict[str, Any]:
    """Compose a TPM's statement (WebAuthn Level 3 section 8.3)."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    wrong = {name: said.pop(name) for name in ("alg", "sig", "ver") if name in said}
    signer = said.pop("signer", key)
    held = aik_extensions() if extensions is None else extensions
    leaf = maker.issue(subject or {}, key, held)
    public = public_area(making.key, **said) if area is None else area
    info = said.get("info") or certify_info(making, public, **said)
    return {
        "ver": "2.0", "alg": algorithm(key), "sig": sign(signer, info),
        "x5c": ders(leaf, *chain), "certInfo": info, "pubArea": public, **wrong,
    }  # fmt: skip


def aik_extensions(**put: Any) -> list[Any]:
    """Compose the extensions of a TPM's attestation certificate; `None` leaves one out."""
    right: dict[str, Any] = {
        "constraints": NO_AUTHORITY,
        "names": tpm_name(),
        "usage": (x509.ExtendedKeyUsage([AIK_OID]), False),
    }
    return [one for one in (right | put).values() if one is not None]


STATEMENTS = {"packed": packed, "android-key": android_key, "apple": apple, "tpm": tpm}

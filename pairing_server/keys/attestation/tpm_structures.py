"""The two structures of a TPM's statement (TPM 2.0 Library part 2): TPMT_PUBLIC, TPMS_ATTEST."""

from dataclasses import dataclass
from typing import Final

TPM_GENERATED_VALUE: Final = b"\xffTCG"
TPM_ST_ATTEST_CERTIFY: Final = 0x8017
TPM_ALG_RSA: Final = 0x0001
TPM_ALG_ECC: Final = 0x0023
TPM_ALG_NULL: Final = 0x0010
#: TPM_ALG_ID of a name's hash; SHA-1 is not among them.
NAME_HASHES: Final = {0x000B: "sha256", 0x000C: "sha384", 0x000D: "sha512"}
#: TPMA_OBJECT: fixedTPM, fixedParent and sensitiveDataOrigin (part 2 section 8.3).
BOUND_TO_TPM: Final = 1 << 1 | 1 << 4 | 1 << 5
#: What a TPM means by an exponent of 0.
DEFAULT_EXPONENT: Final = 65537
#: clockInfo and firmwareVersion, which nobody asks for.
_CLOCK_AND_FIRMWARE: Final = 17 + 8


@dataclass(frozen=True, slots=True)
class RsaPublic:
    """TPMS_RSA_PARMS and TPM2B_PUBLIC_KEY_RSA."""

    modulus: int
    exponent: int


@dataclass(frozen=True, slots=True)
class EccPublic:
    """TPMS_ECC_PARMS and TPMS_ECC_POINT."""

    curve: int
    x: int
    y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Public:
    """TPMT_PUBLIC (section 12.2.4)."""

    name_algorithm: int
    attributes: int
    key: RsaPublic | EccPublic


@dataclass(frozen=True, slots=True, kw_only=True)
class Attest:
    """TPMS_ATTEST with a TPMS_CERTIFY_INFO (sections 10.12.3 and 10.12.8)."""

    extra_data: bytes
    name: bytes


class _Reader:
    """Reads big-endian fields; what ends early raises."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) != size:
            raise ValueError("TPM structure ends early")
        self._at += size
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def sized(self) -> bytes:
        return self.take(self.number(2))

    def end(self) -> None:
        if self._at != len(self._data):
            raise ValueError("TPM structure does not end")


def read_public(data: bytes) -> Public:
    """Read a `pubArea`.

    Raises:
        ValueError: it is none, or of a kind that no authenticator uses.
    """
    reader = _Reader(data)
    kind, name_algorithm, attributes = reader.number(2), reader.number(2), reader.number(4)
    if name_algorithm not in NAME_HASHES:
        raise ValueError("TPM name of another algorithm")
    reader.sized()
    key = _read_rsa(reader) if kind == TPM_ALG_RSA else _read_ecc(reader, kind)
    reader.end()
    return Public(name_algorithm=name_algorithm, attributes=attributes, key=key)


def read_attest(data: bytes) -> Attest:
    """Read a `certInfo` that certifies an object.

    Raises:
        ValueError: it is none, or attests something else.
    """
    reader = _Reader(data)
    if reader.take(4) != TPM_GENERATED_VALUE:
        raise ValueError("TPM structure made outside a TPM")
    if reader.number(2) != TPM_ST_ATTEST_CERTIFY:
        raise ValueError("TPM structure attests something else")
    reader.sized()
    extra_data = reader.sized()
    reader.take(_CLOCK_AND_FIRMWARE)
    name = reader.sized()
    reader.sized()
    reader.end()
    return Attest(extra_data=extra_data, name=name)


def _read_rsa(reader: _Reader) -> RsaPublic:
    _pass_scheme(reader)
    reader.number(2)
    exponent = reader.number(4) or DEFAULT_EXPONENT
    return RsaPublic(int.from_bytes(reader.sized()), exponent)


def _read_ecc(reader: _Reader, kind: int) -> EccPublic:
    if kind != TPM_ALG_ECC:
        raise ValueError("TPM key of another kind")
    _pass_scheme(reader)
    curve = reader.number(2)
    reader.number(2)
    return EccPublic(curve, int.from_bytes(reader.sized()), int.from_bytes(reader.sized()))


def _pass_scheme(reader: _Reader) -> None:
    """Pass over `symmetric` and `scheme`, each of which has details unless it is null."""
    if reader.number(2) != TPM_ALG_NULL:
        raise ValueError("TPM key that is not for signing alone")
    if reader.number(2) != TPM_ALG_NULL:
        reader.number(2)

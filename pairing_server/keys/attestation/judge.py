"""The verdict on an attestation statement that comes with a chain."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from pairing_server.keys.attestation import android_key, apple, packed, tpm
from pairing_server.keys.attestation.chain import Chain, follow
from pairing_server.keys.attestation.roots import (
    ANDROID_KEY,
    APPLE,
    PACKED,
    TPM,
    AttestationRoots,
)
from pairing_server.keys.attestation.statement import Subject
from pairing_server.keys.credential import AttestationVerdict
from pairing_server.keys.refusals import AttestationNotAccepted


class _Chained(Protocol):
    x5c: list[bytes]


_Statement = TypeVar("_Statement", bound=_Chained)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a statement is worth, and the chain that was followed for it."""

    verdict: AttestationVerdict
    chain: Chain


@dataclass(frozen=True, slots=True)
class _Format(Generic[_Statement]):
    form: type[_Statement]
    verify: Callable[[_Statement, Chain, Subject], AttestationVerdict]

    def judge(
        self, name: str, statement: object, subject: Subject, roots: AttestationRoots
    ) -> Judgement:
        read = msgspec.convert(statement, self.form)
        chain = follow(read.x5c, roots.of(name))
        verdict = self.verify(read, chain, subject)
        # After the signature, so that nobody learns by it what was called back.
        if any(one.serial_number in roots.called_back for one in chain.certificates):
            raise AttestationNotAccepted(None, "attestation was called back")
        return Judgement(verdict, chain)


_FORMATS: Final[Mapping[str, _Format[Any]]] = {
    PACKED: _Format(packed.PackedStatement, packed.verify),
    ANDROID_KEY: _Format(android_key.AndroidKeyStatement, android_key.verify),
    APPLE: _Format(apple.AppleStatement, apple.verify),
    TPM: _Format(tpm.TpmStatement, tpm.verify),
}


def judge(name: str, statement: object, subject: Subject, roots: AttestationRoots) -> Judgement:
    """Verify a statement in one of the formats with a chain, and say what it is worth.

    Computes for some milliseconds, whatever a stranger sends.

    Raises:
        AttestationNotAccepted: it leads to no root, or was called back.
        ValueError: it does not verify.
    """
    return _FORMATS[name].judge(name, statement, subject, roots)

"""A log to tamper with, and a key to sign checkpoints with."""

import json

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from pairing_server.audit.chain import Facts, genesis, link
from pairing_server.audit.checkpoint import (
    TOKEN_TYPE,
    Checkpoint,
    Signed,
    checkpoint_claims,
    signature_digest,
)
from pairing_server.audit.events import AuthenticatorBlocked


class Signer:
    """Signs as `pairing_server.keys.signing.SigningKeys` does."""

    def __init__(self, kid="key-1"):
        self._kid = kid
        self._private = ec.generate_private_key(ec.SECP256R1())

    async def sign(self, claims, token_type):
        return self.sign_now(claims, token_type)

    def sign_now(self, claims, token_type):
        headers = {"kid": self._kid, "typ": token_type}
        return jwt.encode(claims, self._private, "ES256", headers)

    @property
    def jwk(self):
        public = ECAlgorithm.to_jwk(self._private.public_key(), as_dict=True)
        return {**public, "kid": self._kid, "alg": "ES256"}


class SlowSigner(Signer):
    """Lets others make checkpoints while it signs, as often as there is something to do."""

    def __init__(self, signer, *meanwhile):
        self.__dict__.update(signer.__dict__)
        self.left = list(meanwhile)

    async def sign(self, claims, token_type):
        if self.left:
            await self.left.pop()()
        return self.sign_now(claims, token_type)


def make_checkpoints(signer, count, heads=None):
    """Checkpoints of an untouched log."""
    made = []
    for number in range(1, count + 1):
        digest = signature_digest(made[-1].signature if made else "")
        made.append(make_checkpoint(signer, Signed(number, digest, heads or {})))
    return made


def make_checkpoint(signer, signed, made_at=5, token_type=TOKEN_TYPE):
    """The checkpoint that vouches for this."""
    claims = checkpoint_claims(signed, made_at)
    heads, signature = json.dumps(claims["heads"]), signer.sign_now(claims, token_type)
    return Checkpoint(signed.number, made_at, heads, signature)


def record(number):
    """A change that records an event."""

    def change(tx):
        tx.record(
            AuthenticatorBlocked(
                actor="operator:test", object=f"credential:{number}", evidence={"number": number}
            )
        )

    return change


async def fill(registry, count):
    for number in range(1, count + 1):
        await registry.commit(record(number))


def facts(sequence, chain="main", **changed):
    return Facts(
        **{
            "chain": chain,
            "sequence": sequence,
            "id": f"id-{sequence}",
            "time": 1000 + sequence,
            "action": "AuthenticatorBlocked",
            "actor": "operator:test",
            "object": f"credential:{sequence}",
            "ura": None,
            "outcome": "success",
            "evidence": "{}",
            **changed,
        }
    )


def chain_of(length, chain="main"):
    """Entries of an untouched chain."""
    entries, previous = [], genesis(chain).hash
    for sequence in range(1, length + 1):
        entries.append(link(previous, facts(sequence, chain)))
        previous = entries[-1].hash
    return entries

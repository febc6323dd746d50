"""To whom tokens are bound: what a client shows for it, and what has to be shown again.

RFC 9449 (DPoP) and RFC 8705 section 3 (certificates), as the client's policy and metadata say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pairing_server.errors import InvalidRequest, Unauthenticated
from pairing_server.oidc import fapi_ciba
from pairing_server.oidc.client_policy import SenderConstraint, policy_of
from pairing_server.oidc.confirmation import (
    SKEW,
    certificate_thumbprint,
    read_proof,
)
from pairing_server.oidc.dpop_nonce import is_current, nonce
from pairing_server.oidc.refusals import (
    DpopChallenge,
    DpopProofRefused,
    InvalidDpopProof,
    UseDpopNonce,
)
from pairing_server.ports import Ports
from pairing_server.registry.clients import Client
from pairing_server.tokens import digest
from pairing_server.uzi.client_cert import ClientCertificate

#: The members of `cnf` (RFC 9449 section 6.1, RFC 8705 section 3.1).
JKT = "jkt"
X5T = "x5t#S256"


@dataclass(frozen=True, slots=True)
class Shown:
    """What came with a call to show a key.

    Attributes:
        path: Of the endpoint that was called.
        proofs: All lines of the `DPoP` field.
    """

    method: str
    path: str
    proofs: Sequence[str] = ()
    certificate: ClientCertificate | None = None


class SenderConstraints:
    """Says to which key tokens are bound, and whether it was shown."""

    def __init__(self, ports: Ports, origins: Sequence[str], nonce_key: bytes) -> None:
        """Build it.

        Args:
            origins: Under which the endpoints are called.
            nonce_key: What nonces are made with, at all nodes the same.
        """
        self._nonce_key = nonce_key
        self._store = ports.store
        self._clock = ports.clock
        self._origins = origins

    async def confirmation(self, client: Client, shown: Shown) -> Mapping[str, str] | None:
        """Return what a token of this client is bound to (`cnf`, RFC 7800), if anything.

        Raises:
            InvalidDpopProof: the proof does not hold, or there has to be one.
            InvalidRequest: there has to be a certificate, or either of the two.
            UseDpopNonce: the proof has to have a nonce, and has none of the last two minutes.
        """
        policy, metadata = policy_of(client), client.metadata
        constraint, has_to_be = policy.sender_constraint, fapi_ciba.binds(policy)
        bound: dict[str, str] = {}
        by_dpop = constraint is SenderConstraint.DPOP or metadata.dpop_bound_access_tokens
        if by_dpop or shown.proofs:
            bound[JKT] = await self._proved(shown, of=client.id if policy.dpop_nonce else None)
        by_certificate = (
            constraint is SenderConstraint.MTLS
            or metadata.tls_client_certificate_bound_access_tokens
            or (has_to_be and shown.certificate is not None)
        )
        if by_certificate:
            if shown.certificate is None:
                raise InvalidRequest(
                    "This client's tokens are bound to its certificate: call the endpoint of "
                    "mtls_endpoint_aliases, and show it."
                )
            bound[X5T] = certificate_thumbprint(shown.certificate.leaf)
        if has_to_be and not bound:
            raise InvalidRequest(
                "This client's profile binds its tokens: send a DPoP proof, or show a certificate."
            )
        return bound or None

    async def check(
        self,
        confirmation: Mapping[str, str],
        access_token: str,
        shown: Shown,
        *,
        by_dpop: bool,
    ) -> None:
        """Check that who shows a token has the key that it is bound to.

        Args:
            by_dpop: Whether it came under the scheme DPoP.

        Raises:
            DpopChallenge, DpopProofRefused: there is no proof, or one of another key.
            Unauthenticated: another certificate, or a proof for a token that is not bound so.
        """
        thumbprint = confirmation.get(JKT)
        if thumbprint is None and by_dpop:
            raise DpopChallenge("not bound by DPoP")
        if thumbprint is not None:
            # RFC 9449 section 7.1: as Bearer it is refused, proof or not.
            if not by_dpop:
                raise DpopChallenge("shown as Bearer")
            try:
                proved = await self._proved(shown, access_token)
            except InvalidDpopProof as error:
                raise DpopProofRefused(*error.args) from error
            if proved != thumbprint:
                raise DpopChallenge("proof of another key")
        known = confirmation.get(X5T)
        if known is not None and (
            shown.certificate is None or certificate_thumbprint(shown.certificate.leaf) != known
        ):
            raise Unauthenticated("another certificate")

    async def _proved(
        self, shown: Shown, access_token: str | None = None, *, of: str | None = None
    ) -> str:
        """Return whose key was shown.

        Args:
            of: The client whose proof has to have a nonce.
        """
        now = self._clock()
        proof = read_proof(
            shown.proofs,
            method=shown.method,
            urls={origin + shown.path for origin in self._origins},
            now=now,
            access_token=access_token,
        )
        # (10) nonce
        if of is not None and not is_current(self._nonce_key, of, proof.nonce, now):
            raise UseDpopNonce(nonce(self._nonce_key, of, now))
        # (last) Only what verified may use up a `jti`.
        key = f"dpop:{proof.thumbprint}:{digest(proof.jti)}"
        if not await self._store.create(key, b"", proof.until - now + SKEW):
            raise InvalidDpopProof("jti shown before")
        return proof.thumbprint

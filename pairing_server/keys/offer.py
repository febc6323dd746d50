"""What a phone is asked to make its key with, under the policy of the organisation it is for."""

from typing import Any

from pairing_server.keys.binding import policy_of
from pairing_server.keys.ceremony import RelyingParty, creation_options
from pairing_server.keys.policy import KeyPolicy
from pairing_server.registry import Registry
from pairing_server.tokens import b64url_decode


class KeyOffers:
    """Composes creation options (WebAuthn Level 3 section 5.4)."""

    def __init__(self, registry: Registry, rp: RelyingParty, policy: KeyPolicy) -> None:
        """Build it.

        Args:
            policy: The server's, for organisations that have none of their own.
        """
        self._registry = registry
        self._rp = rp
        self._policy = policy

    async def options(
        self,
        *,
        ura: str | None,
        challenge: str,
        user_id: str,
        user_name: str,
        display_name: str,
    ) -> dict[str, Any]:
        """Return PublicKeyCredentialCreationOptionsJSON.

        Args:
            ura: The organisation for which the key will be bound.
            challenge, user_id: base64url.
        """
        policy = await self._registry.read(lambda tx: policy_of(tx, ura, self._policy))
        return creation_options(
            self._rp,
            challenge=b64url_decode(challenge),
            user_id=b64url_decode(user_id),
            user_name=user_name,
            display_name=display_name,
            attested=policy.demands_attestation,
        )

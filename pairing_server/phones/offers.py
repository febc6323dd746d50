"""A person accepts or declines a membership: with their phone's key, or with their card."""

from pairing_server.errors import NotFound
from pairing_server.keys.ceremony import AuthenticationResponse, evidence_of
from pairing_server.keys.flow import BoundPhone, PhoneFlow, record_signed_use
from pairing_server.phones.details import MEMBERSHIP, challenge
from pairing_server.phones.offer_record import (
    OfferShown,
    read_offers,
    signed_details,
    write_acceptance,
    write_decline,
)
from pairing_server.ports import Ports
from pairing_server.registry import Transaction


class OfferFlow:
    """Lists what a phone's person was offered, and takes the answer."""

    def __init__(self, ports: Ports, phones: PhoneFlow) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._phones = phones

    async def of_phone(self, phone: BoundPhone) -> list[OfferShown]:
        """Return what this phone may accept; one that opens one organisation alone may nothing."""
        if phone.credential.only_ura is not None:
            return []
        now = self._clock()
        return await self._registry.read(lambda tx: read_offers(tx, phone.person.id, now))

    async def accept(
        self, phone: BoundPhone, offer_id: str, assertion: AuthenticationResponse
    ) -> None:
        """Let a membership begin that the phone signed for.

        Raises:
            InvalidAssertion: the phone's key did not sign these details.
            NotFound: unknown, another person's, settled, or over.
            PhoneBlocked: the phone was blocked meanwhile, or its key may have been copied.
        """
        details = signed_details(await self._shown(phone, offer_id), phone.credential.id)
        verified = await self._phones.verify(phone, assertion, challenge(MEMBERSHIP, details))
        evidence = {
            "by": phone.credential.id,
            "signed": details,
            "assertion": evidence_of(assertion),
        }
        now = self._clock()

        def change(tx: Transaction) -> None:
            record_signed_use(tx, phone, verified, now)
            write_acceptance(tx, phone.person.id, offer_id, evidence, now)

        await self._registry.commit(change)

    async def decline(self, phone: BoundPhone, offer_id: str) -> None:
        """Let it not begin: a device token is enough for a no.

        Raises:
            NotFound: unknown, another person's, settled, or over.
        """
        await self._shown(phone, offer_id)
        evidence, now = {"by": phone.credential.id}, self._clock()
        await self._registry.commit(
            lambda tx: write_decline(tx, phone.person.id, offer_id, evidence, now)
        )

    async def _shown(self, phone: BoundPhone, offer_id: str) -> OfferShown:
        for shown in await self.of_phone(phone):
            if shown.offer.id == offer_id:
                return shown
        raise NotFound("no such offer")

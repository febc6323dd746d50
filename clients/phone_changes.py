"""The person's phones, as one of them sees and changes them; every change is signed."""

import msgspec

from clients.authenticator import Unable
from clients.phone_challenge import (
    change_challenge,
    membership_challenge,
    renewal_challenge,
    renewal_details,
    unblock_challenge,
    unblock_details,
)
from clients.phone_line import PhoneLine
from clients.phone_record import (
    Change,
    MembershipOffer,
    Notice,
    PastEvent,
    PersonWorkstation,
    PhoneRecord,
    Renewed,
)
from clients.wire import JSONObject, MalformedAnswer, WireError

_SERVER_ERROR = 500


class _Phones(msgspec.Struct):
    credentials: list[PhoneRecord]


class _History(msgspec.Struct):
    events: list[PastEvent]


class _Notices(msgspec.Struct):
    notices: list[Notice]


class _Workstations(msgspec.Struct):
    workstations: list[PersonWorkstation]


class _Offers(msgspec.Struct):
    offers: list[MembershipOffer]


class _Renewal(msgspec.Struct):
    id: str
    nonce: str
    public_key: JSONObject


class TokenChallenge(msgspec.Struct):
    """What a phone signs that says who it is by its key alone."""

    id: str
    challenge: str


class PhoneChanges(PhoneLine):
    """The calls of a phone about the phones of its person."""

    async def credentials(self) -> list[PhoneRecord]:
        """List the person's phones, this one among them."""
        return (await self._call("GET", "/phone/credentials")).read(_Phones).credentials

    async def history(self) -> list[PastEvent]:
        """List what the person's phones did, newest first."""
        return (await self._call("GET", "/phone/history")).read(_History).events

    async def notices(self) -> list[Notice]:
        """List what the person is to be told, newest first."""
        return (await self._call("GET", "/phone/notices")).read(_Notices).notices

    async def workstations(self) -> list[PersonWorkstation]:
        """List where the person logs in, or said "not me", newest first."""
        answer = await self._call("GET", "/phone/workstations")
        return answer.read(_Workstations).workstations

    async def open_workstation(self, identifier: str) -> None:
        """Let a workstation wake the person again."""
        await self._call("POST", f"/phone/workstations/{identifier}/open")

    async def membership_offers(self) -> list[MembershipOffer]:
        """List the organisations that want this person, oldest first."""
        answer = await self._call("GET", "/phone/membership-offers")
        return answer.read(_Offers).offers

    async def accept_membership(self, offer: MembershipOffer) -> None:
        """Sign that the person works there from now on, as it was shown.

        Raises:
            MalformedAnswer: the details are those of another offer, or of another phone.
        """
        shown = {"offer": offer.id, "organisation": offer.organisation, "ura": offer.ura}
        shown |= {"role_codes": " ".join(offer.role_codes), "credential": self.credential_id}
        if shown != {name: offer.details.get(name) for name in shown}:
            raise MalformedAnswer("the details of another offer")
        body = {
            "decision": "accept",
            "assertion": self.assertion(membership_challenge(offer.details)),
        }
        await self._call("PUT", f"/phone/membership-offers/{offer.id}/answer", body)

    async def decline_membership(self, offer: MembershipOffer) -> None:
        """Say that the person does not work there."""
        body = {"decision": "decline"}
        await self._call("PUT", f"/phone/membership-offers/{offer.id}/answer", body)

    async def rename(self, credential: str, name: str) -> None:
        """Give one of the person's phones another name."""
        await self.change("rename", credential, name)

    async def make_default(self, credential: str) -> None:
        """Make one of the person's phones the one that is woken first."""
        await self.change("default", credential)

    async def wake_all(self, credential: str) -> None:
        """Let no phone be woken before the others any more."""
        await self.change("default", credential, "off")

    async def block(self, credential: str) -> None:
        """Block one of the person's phones, this one too if it is named."""
        await self.change("block", credential)

    async def revoke(self, credential: str) -> None:
        """Revoke one of the person's phones for good, this one too if it is named."""
        await self.change("revoke", credential)

    async def change(self, kind: str, credential: str, value: str = "") -> None:
        """Ask for a change, look whether it is the one that was asked for, and sign it."""
        change = await self.start_change(kind, credential, value)
        await self.sign_change(change)

    async def start_change(self, kind: str, credential: str, value: str = "") -> Change:
        """Ask for a change; it is done when it is signed.

        Raises:
            MalformedAnswer: the details are those of another change.
        """
        body = {"kind": kind, "credential": credential, "value": value}
        change = (await self._call("POST", "/phone/changes", body)).read(Change)
        if body | {"change": change.id} != {
            name: change.details.get(name) for name in ("kind", "credential", "value", "change")
        }:
            raise MalformedAnswer("the details of another change")
        return change

    async def sign_change(self, change: Change) -> None:
        """Sign the details as they were shown.

        Raises:
            Closed: it was done, or what it is about has changed meanwhile.
            WireError: the signature or this phone is refused.
        """
        assertion = self.assertion(change_challenge(change.details))
        await self._answer("PUT", f"/phone/changes/{change.id}", {"assertion": assertion})

    async def renew(self) -> Renewed:
        """Make a new key in the place of this one, which the server revokes.

        Until the answer is there both keys are held, and the server says which one counts.

        Raises:
            MalformedAnswer: the options are for another relying party than this server.
            WireError: the new key, the signature or this phone is refused.
        """
        renewal = (await self._call("POST", "/phone/renewals", {})).read(_Renewal)
        credential = self.make_key(renewal.public_key)
        details = renewal_details(
            renewal.id,
            credential=self.credential_id,
            new_credential=str(credential["id"]),
            nonce=renewal.nonce,
        )
        body = {
            "credential": credential,
            "assertion": self.assertion(renewal_challenge(details)),
        }
        try:
            answer = await self._call("PUT", f"/phone/renewals/{renewal.id}", body)
        except WireError as error:
            if error.status < _SERVER_ERROR:
                self.hold_only(self.credential_id)
            raise
        renewed = answer.read(Renewed)
        self.hold_only(renewed.credential_id)
        return renewed

    async def settle_renewal(self) -> None:
        """Ask which key counts, when a renewal's answer never came, and drop the other."""
        told = (await self._call("GET", "/phone/credential")).read(JSONObject)
        self.hold_only(str(told.get("credential_id", "")))

    def hold_only(self, credential_id: str) -> None:
        """Be this one key, and forget the others.

        Raises:
            MalformedAnswer: it is none that this phone has.
        """
        try:
            self.authenticator.keep_only(credential_id)
        except Unable as error:
            raise MalformedAnswer("the server names a key that this phone has not") from error
        self.credential_id = credential_id
        self.keep()

    async def token_challenge(self) -> TokenChallenge:
        """Draw a challenge for a phone whose token opens nothing."""
        answer = await self._server.call("POST", "/phone/token/challenge", {})
        return answer.read(TokenChallenge)

    async def unblock(self, code: str) -> None:
        """Be unblocked by the code that an administrator has; the old token works again.

        Raises:
            WrongCode: not the administrator's code.
            WireError: nothing is offered to this phone, or the signature is refused.
        """
        drawn = await self.token_challenge()
        details = unblock_details(drawn.challenge, credential=self.credential_id, code=code)
        assertion = self.assertion(unblock_challenge(details))
        body = {"id": drawn.id, "code": code, "assertion": assertion}
        await self._answer("POST", "/phone/unblocking", body)

"""A transfer to a new phone, from both sides: the new one shows a code, the old one signs."""

from clients.phone_line import PhoneLine
from clients.transfer import (
    ClaimedTransfer,
    OfferedTransfer,
    TransferEnded,
    TransferLink,
    TransferSeen,
    transfer_challenge,
    transfer_details,
)
from clients.wire import JSONObject, MalformedAnswer, Wire

_ENDED = frozenset({"refused", "expired"})


class PhoneTransfers(PhoneLine):
    """The calls of a transfer; the new phone is a fresh one, the old one is bound."""

    async def offer_transfer(self, base: str) -> OfferedTransfer:
        """Ask as the new phone; show the link as a QR code, and the code beside it."""
        self._wire = Wire(self._http, base)
        answer = await self._call("POST", "/phone/transfers", {"device": self.device})
        return answer.read(OfferedTransfer)

    async def wait_claimed(self, transfer: str) -> TransferSeen:
        """Wait as the new phone until an old one has scanned; show `identity` then.

        Raises:
            TransferEnded: refused or run out.
        """
        seen = await self._wait_transfer(transfer, "claimed", "proved", "done")
        self.identity = seen.identity
        return seen

    async def prove_transfer(
        self, transfer: str, claimed: TransferSeen, push: JSONObject | None = None
    ) -> None:
        """Make the key, which is the person's yes to what was shown, and hand it in.

        Raises:
            MalformedAnswer: no options, or for another relying party than this server.
            WireError: the key is refused.
        """
        if claimed.public_key is None:
            raise MalformedAnswer("a claimed transfer without options for a key")
        credential = self.make_key(claimed.public_key)
        self.credential_id = str(credential["id"])
        self.keep()
        body = {"credential": credential} | ({} if push is None else {"push": push})
        await self._call("POST", f"/phone/transfers/{transfer}/credential", body)

    async def wait_transferred(self, transfer: str) -> str:
        """Wait as the new phone until the old one has signed; the credential id.

        Raises:
            TransferEnded: refused or run out.
        """
        seen = await self._wait_transfer(transfer, "done")
        self.credential_id = seen.credential_id
        return seen.credential_id

    async def claim_transfer(self, link: str) -> ClaimedTransfer:
        """Scan as the old phone: the first one wins.  Show what the new phone is.

        Raises:
            ValueError: not a transfer link, or one of another server.
            WireError: taken, over or unknown.
        """
        read = TransferLink.parse(link)
        if read.base != self.base:
            raise ValueError("a transfer at another server than this phone's")
        path = f"/phone/transfers/{read.transfer}/claim"
        return (await self._call("POST", path, {"secret": read.secret})).read(ClaimedTransfer)

    async def wait_proved(self, transfer: str) -> TransferSeen:
        """Wait as the old phone until the new one has made its key.

        Raises:
            TransferEnded: refused or run out.
        """
        return await self._wait_transfer(transfer, "proved", "done")

    async def transfer(self, transfer: str, etag: str = "", wait: int = 0) -> TransferSeen:
        """Look how far a transfer is, from either side."""
        path = f"/phone/transfers/{transfer}"
        return (await self._call("GET", path, etag=etag, wait=wait)).read(TransferSeen)

    async def approve_transfer(
        self, claimed: ClaimedTransfer, proved: TransferSeen, code: str, *, revoke: bool = False
    ) -> None:
        """Sign as the old phone what it showed of the new one, with the code as typed.

        Raises:
            WrongCode: not the code on the new phone.
            Closed: the transfer is over.
            WireError: the signature or this phone is refused.
        """
        details = transfer_details(
            claimed, self.credential_id, proved.new_credential, revoke=revoke, code=code
        )
        body = {
            "decision": "approve",
            "code": code,
            "revoke": revoke,
            "assertion": self.assertion(transfer_challenge(details)),
        }
        await self.answer_transfer(claimed.id, body)

    async def deny_transfer(self, transfer: str) -> None:
        """Say no as the old phone.

        Raises:
            Closed: the transfer is over.
        """
        await self.answer_transfer(transfer, {"decision": "deny"})

    async def answer_transfer(self, transfer: str, body: JSONObject) -> None:
        """Send an answer as it stands; sending the identical one again is harmless."""
        await self._answer("PUT", f"/phone/transfers/{transfer}/answer", body)

    async def _wait_transfer(self, transfer: str, *statuses: str) -> TransferSeen:
        def over(seen: TransferSeen) -> bool:
            return seen.status in statuses or seen.status in _ENDED

        seen = await self._poll(f"/phone/transfers/{transfer}", TransferSeen, over=over)
        if seen.status in _ENDED:
            raise TransferEnded(seen.status)
        return seen

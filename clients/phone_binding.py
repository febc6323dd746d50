"""`zorgid-phone` from the first scan to the last signature: how a phone is bound and let go."""

from argparse import Namespace
from collections.abc import Callable

from clients.auth_request import WrongCode
from clients.pairing import Device, Offer, PairingLink
from clients.phone import SoftwarePhone
from clients.phone_handset import Handset, Refused, read_code
from clients.phone_words import fields, identity_lines, refusal
from clients.transfer import ClaimedTransfer, OfferedTransfer, TransferLink, TransferSeen
from clients.wire import JSONObject, WireError

_UNAUTHORIZED = 401


async def pair(handset: Handset, options: Namespace) -> None:
    """Be bound by the QR code of a page."""
    link = _link(options.link, PairingLink.parse, "of a pairing")

    async def show(offer: Offer) -> None:
        handset.screen.tell("identity", identity_lines(offer.identity), identity=offer.identity)
        handset.screen.tell(
            "check_number",
            f"Type this number at the page: {offer.check_number}",
            check_number=offer.check_number,
        )

    async with handset.fresh(_device(options), replace=options.replace) as phone:
        await phone.pair(link, show)
    handset.screen.tell("paired", "Paired.", credential_id=phone.credential_id)


async def transfer(handset: Handset, options: Namespace) -> None:
    """Be bound by a phone that is bound already: this is the new one."""
    async with handset.fresh(_device(options), replace=options.replace) as phone:
        offered = await phone.offer_transfer(options.base)
        handset.screen.draw(_picture(offered))
        handset.screen.tell(
            "offered",
            f"Scan this with the old phone: {offered.link}",
            link=offered.link,
            expires_in=offered.expires_in,
        )
        handset.screen.tell(
            "code", f"Type this code on the old phone: {offered.code}", code=offered.code
        )
        claimed = await phone.wait_claimed(offered.id)
        handset.screen.tell(
            "identity", identity_lines(claimed.identity), identity=claimed.identity
        )
        await phone.prove_transfer(offered.id, claimed)
        await phone.wait_transferred(offered.id)
    handset.screen.tell("paired", "Paired.", credential_id=phone.credential_id)


async def give(handset: Handset, options: Namespace) -> None:
    """Let a new phone in: this is the old one."""
    link = _link(options.link, TransferLink.parse, "of a transfer")
    async with handset.signing() as phone:
        if TransferLink.parse(link).base != phone.base:
            raise Refused("The new phone is at another server than this one.")
        claimed = await phone.claim_transfer(link)
        handset.screen.tell(
            "claimed", ["The new phone says it is:", *fields(claimed.device)], transfer=claimed
        )
        if options.deny:
            await phone.deny_transfer(claimed.id)
            handset.screen.tell("denied", "Denied.")
            return
        proved = await phone.wait_proved(claimed.id)
        await _approve_transfer(handset, phone, claimed, proved, options)
    handset.screen.tell(
        "given",
        "The new phone is bound." + (" This one is revoked." if options.revoke else ""),
        new_credential=proved.new_credential,
    )


async def renew(handset: Handset, _options: Namespace) -> None:
    """Make a new key in the place of the old one."""
    async with handset.signing() as phone:
        if len(phone.authenticator.credentials) > 1:
            await phone.settle_renewal()
        renewed = await phone.renew()
    handset.screen.tell(
        "renewed", f"Renewed: it expires at {renewed.expires_at}.", expires_at=renewed.expires_at
    )


async def unblock(handset: Handset, options: Namespace) -> None:
    """Be opened again with an administrator's code."""
    async with handset.signing() as phone:
        code = options.code or await handset.screen.ask("The administrator's code: ")
        await phone.unblock(code)
    handset.screen.tell("unblocked", "Unblocked.")


async def recover(handset: Handset, _options: Namespace) -> None:
    """Get a new device token by the key alone."""
    async with handset.signing() as phone:
        await phone.recover_device_token()
    handset.screen.tell("recovered", "The phone has a new device token.")


async def rotate(handset: Handset, _options: Namespace) -> None:
    """Change the device token."""
    async with handset.signing() as phone:
        await phone.rotate_device_token()
    handset.screen.tell("rotated", "The phone has a new device token.")


async def unbind(handset: Handset, options: Namespace) -> None:
    """Let go of the key, here and at the server."""
    async with handset.signing() as phone:
        if not options.yes and not await handset.screen.confirm(
            "This phone then opens nothing any more. Unbind it?"
        ):
            raise Refused("Left as it was.")
        await phone.unbind()
        handset.file.remove()
    handset.screen.tell("unbound", "Unbound.")


async def push(handset: Handset, options: Namespace) -> None:
    """Say where to be woken, or that it is not to be."""
    phone = handset.phone()
    if options.service == "off":
        await phone.remove_push()
    else:
        await phone.register_push(options.push)
    handset.screen.tell("push", f"Push: {options.service}.", service=options.service)


async def status(handset: Handset, _options: Namespace) -> None:
    """Tell what this phone is bound to, which settles what a lost answer left open."""
    async with handset.signing() as phone:
        if len(phone.authenticator.credentials) > 1:
            await phone.settle_renewal()
        told: JSONObject = {"server": phone.base, "file": str(handset.file.path)}
        try:
            told |= await phone.credential()
        except WireError as error:
            if error.status == _UNAUTHORIZED:
                was = " ".join(identity_lines(phone.identity))
                handset.screen.tell(
                    "unbound", f"It was the login key of {was}." if was else [], **told
                )
            raise
    handset.screen.show([f"Phone {handset.file.name}", *fields(told)], [told])


async def _approve_transfer(
    handset: Handset,
    phone: SoftwarePhone,
    claimed: ClaimedTransfer,
    proved: TransferSeen,
    options: Namespace,
) -> None:
    while True:
        code = options.code or await handset.screen.ask("The code on the new phone: ")
        try:
            await phone.approve_transfer(claimed, proved, code, revoke=options.revoke)
        except WrongCode as error:
            if options.code or not error.attempts_left:
                raise
            handset.screen.tell("wrong_code", refusal(error), attempts_left=error.attempts_left)
        else:
            return


def _link(argument: str, parse: Callable[[str], object], of_what: str) -> str:
    """Read a link, and say which command it is for if it is for another one."""
    link = read_code(argument)
    try:
        parse(link)
    except ValueError as error:
        kinds = {"#p.": "pair", "#t.": "give", "#l.": "scan"}
        fitting = [command for mark, command in kinds.items() if mark in link]
        hint = f" It may be one for: zorgid-phone {fitting[0]}." if fitting else ""
        raise Refused(f"That is not the link {of_what}: {error}.{hint}") from error
    return link


def _device(options: Namespace) -> Device:
    return Device(options.platform, options.model)


def _picture(offered: OfferedTransfer) -> str:
    """Draw the QR code, if there is what draws it and it says the link."""
    try:
        from clients import qr_image  # noqa: PLC0415 - of the demo extra.
    except ImportError:
        return ""
    try:
        image = qr_image.rasterise_svg(offered.qr_svg)
        return qr_image.terminal_qr(image) if qr_image.read_qr(image) == offered.link else ""
    except qr_image.UnreadableImage:
        return ""

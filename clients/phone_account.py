"""`zorgid-phone` and all phones of its person: which there are, what they did, and changes."""

from argparse import Namespace

from clients.phone import SoftwarePhone
from clients.phone_handset import Handset, Refused, choose
from clients.phone_words import (
    event_lines,
    fields,
    notice_lines,
    phone_lines,
    workstation_lines,
)

_FINAL = "It then opens nothing any more, for good. Revoke it?"
_NOTHING = ["Nothing so far."]
_ALL_WOKEN = "All are woken from now on."
_DONE = {
    "rename": "Renamed.",
    "default": "It is woken first from now on.",
    "block": "Blocked.",
    "revoke": "Revoked.",
}


async def phones(handset: Handset, _options: Namespace) -> None:
    """List the person's phones."""
    found = await handset.phone().credentials()
    handset.screen.show(phone_lines(found), found)


async def history(handset: Handset, _options: Namespace) -> None:
    """List what the person's phones did."""
    events = await handset.phone().history()
    handset.screen.show(event_lines(events) if events else _NOTHING, events)


async def notices(handset: Handset, _options: Namespace) -> None:
    """List what the person is to be told."""
    found = await handset.phone().notices()
    handset.screen.show(notice_lines(found) if found else _NOTHING, found)


async def workstations(handset: Handset, _options: Namespace) -> None:
    """List where the person logs in, and what wakes them no more."""
    found = await handset.phone().workstations()
    handset.screen.show(workstation_lines(found) if found else _NOTHING, found)


async def open_workstation(handset: Handset, options: Namespace) -> None:
    """Let a workstation wake the person again."""
    phone = handset.phone()
    known = await phone.workstations()
    found = [each for each in known if each.id.startswith(options.id)]
    if len(found) != 1:
        many = "more than one workstation" if found else "no workstation"
        raise Refused(f"There is {many} {options.id}: zorgid-phone workstations lists them.")
    await phone.open_workstation(found[0].id)
    handset.screen.tell("opened_workstation", "It may wake you again.", id=found[0].id)


async def rename(handset: Handset, options: Namespace) -> None:
    """Give a phone another name."""
    await _change(handset, options, options.name)


async def make_default(handset: Handset, options: Namespace) -> None:
    """Make a phone the one that is woken first."""
    await _change(handset, options, "off" if options.off else "")


async def block(handset: Handset, options: Namespace) -> None:
    """Block a phone."""
    await _change(handset, options)


async def revoke(handset: Handset, options: Namespace) -> None:
    """Revoke a phone for good."""
    await _change(handset, options)


async def _change(handset: Handset, options: Namespace, value: str = "") -> None:
    """Ask for the change, show what it is, and sign what was shown."""
    kind: str = options.kind
    async with handset.signing() as phone:
        await _sign_change(handset, phone, options, value)
    done = _ALL_WOKEN if value == "off" and kind == "default" else _DONE[kind]
    handset.screen.tell("changed", done, kind=kind)


async def _sign_change(
    handset: Handset, phone: SoftwarePhone, options: Namespace, value: str
) -> None:
    chosen = await choose(phone, options.which)
    change = await phone.start_change(options.kind, chosen.credential_id, value)
    handset.screen.tell("change", fields(change.details), details=change.details)
    if options.kind == "revoke" and not options.yes and not await handset.screen.confirm(_FINAL):
        raise Refused("Left as it was.")
    await phone.sign_change(change)

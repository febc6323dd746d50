"""Word to a person's phones: it lies in the registry, and this wakes them to read it."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

import structlog

from pairing_server.keys.status import Told
from pairing_server.phones.offer_record import read_offers
from pairing_server.ports import Ports
from pairing_server.push import TAG_CHARACTERS, Wakeup, WakeupKind
from pairing_server.push.dispatch import Dispatch
from pairing_server.registry import Query, RegistryUnavailableError, credentials, people
from pairing_server.registry.credentials import Credential
from pairing_server.registry.phone_notices import PhoneNoticeKind
from pairing_server.store import StoreUnavailableError
from pairing_server.tokens import digest, new_id

#: A phone that was off for longer reads it when it is opened.
WAKE_FOR = timedelta(days=1)
#: How often one organisation wakes a person at the most, however often it asks them.
ASKED_EVERY = timedelta(days=1)
#: What concerns the phone itself, too.
OF_ITSELF = frozenset({PhoneNoticeKind.EXPIRING, PhoneNoticeKind.EXPIRED})


#: Called after a commit in which an organisation asked the holder of a UZI number to work there.
Invited = Callable[[str, str], Awaitable[None]]

_log = structlog.get_logger("phones")


def news(ports: Ports, dispatch: Dispatch) -> Told:
    """Return what wakes a person's other phones after something happened to one of them."""

    async def tell(phone: Credential, kind: PhoneNoticeKind) -> None:
        now = ports.clock()
        held = await ports.registry.read(lambda tx: credentials.of_person(tx, phone.person_id))
        others = [
            other
            for other in held
            if other.is_active(now) and (other.id != phone.id or kind in OF_ITSELF)
        ]
        _wake(ports, dispatch, phone.person_id, others)

    return tell


def invitations(ports: Ports, dispatch: Dispatch) -> Invited:
    """Return what wakes the phones of whom an organisation has asked to work there.

    The organisation learns nothing by it: neither whether there is such a person nor whether they
    have a phone.  It does not fail what was committed.
    """

    async def tell(ura: str, uzi_number: str) -> None:
        now = ports.clock()
        try:
            key = digest(f"{ura}\n{uzi_number}")
            if not await ports.store.create(f"invited:{key}", b"", ASKED_EVERY):
                return
            person_id, phones = await ports.registry.read(
                lambda tx: _asked(tx, ura, uzi_number, now)
            )
        except (StoreUnavailableError, RegistryUnavailableError):
            _log.warning("offer.nobody_woken")
        else:
            _wake(ports, dispatch, person_id, phones)

    return tell


async def wake_nobody(_ura: str, _uzi_number: str) -> None:
    """Wake nobody: they find what they are asked when they look."""


def _asked(tx: Query, ura: str, uzi_number: str, now: datetime) -> tuple[str, list[Credential]]:
    """Return who is asked, and their phones that can answer."""
    person = people.by_uzi_number(tx, uzi_number)
    # A number that was mistyped is another person's, who is asked nothing.
    if person is None or ura not in {each.offer.ura for each in read_offers(tx, person.id, now)}:
        return "", []
    held = credentials.of_person(tx, person.id)
    return person.id, [each for each in held if each.is_active(now) and each.only_ura is None]


def _wake(ports: Ports, dispatch: Dispatch, person_id: str, phones: Iterable[Credential]) -> None:
    wakeup = Wakeup(
        new_id(ports.random),
        ports.clock() + WAKE_FOR,
        kind=WakeupKind.NOTICE,
        # One notice at a phone, however much there is to read.
        tag=digest(f"notices\n{person_id}")[:TAG_CHARACTERS],
    )
    dispatch.wake(phones, wakeup)

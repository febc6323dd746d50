"""Word to a person's other phones: the notice lies in the registry, this wakes them to read it."""

from datetime import timedelta

from pairing_server.keys.status import Told
from pairing_server.ports import Ports
from pairing_server.push import TAG_CHARACTERS, Wakeup, WakeupKind
from pairing_server.push.dispatch import Dispatch
from pairing_server.registry import credentials
from pairing_server.registry.credentials import Credential
from pairing_server.registry.phone_notices import PhoneNoticeKind
from pairing_server.tokens import digest, new_id

#: A phone that was off for longer reads it when it is opened.
WAKE_FOR = timedelta(days=1)
#: What concerns the phone itself, too.
OF_ITSELF = frozenset({PhoneNoticeKind.EXPIRING, PhoneNoticeKind.EXPIRED})


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
        wakeup = Wakeup(
            new_id(ports.random),
            now + WAKE_FOR,
            kind=WakeupKind.NOTICE,
            # One notice at a phone, however much there is to read.
            tag=digest(f"notices\n{phone.person_id}")[:TAG_CHARACTERS],
        )
        dispatch.wake(others, wakeup)

    return tell

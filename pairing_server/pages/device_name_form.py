"""The field for what somebody calls a phone."""

import msgspec

from pairing_server.keys.bodies import DeviceName
from pairing_server.languages import N_

NAME_THE_PHONE = N_("Type a name of 1 to 40 characters.")


def read_device_name(typed: str) -> str | None:
    """Return the name as it is kept; `None` when it cannot be shown."""
    name = " ".join(typed.split())
    try:
        return msgspec.convert(name, DeviceName)
    except msgspec.ValidationError:
        return None

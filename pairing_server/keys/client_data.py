"""What a browser says of itself in the client data, where `webauthn` does not look."""

import json


def refuse_framed(client_data: bytes) -> None:
    """Refuse what was made in a frame of another origin (WebAuthn Level 3 section 7.2 step 11).

    We are never framed, so that no honest browser says it.

    Raises:
        ValueError: it says that it was, or anything but that it was not.
    """
    said = json.loads(client_data)
    if not isinstance(said, dict):
        raise TypeError("client data")
    if said.get("crossOrigin", False) is not False:
        raise ValueError("crossOrigin")
    if "topOrigin" in said:
        raise ValueError("topOrigin")

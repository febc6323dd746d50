"""What a phone reads of its person's phones: which there are, what they did, what is told."""

import msgspec


class PushHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a phone's wake-ups; `None` for never."""

    last_ok_at: str | None = None
    last_error_at: str | None = None
    last_error: str = ""


class PhoneRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One of the person's phones; `last_used_at` is `None` until it is used."""

    credential_id: str
    device_name: str
    status: str
    is_this: bool
    is_default: bool
    bound_at: str
    expires_at: str
    platform: str = ""
    model: str = ""
    app_version: str = ""
    last_used_at: str | None = None
    last_used_workstation: str = ""
    last_used_location: str = ""
    last_used_organisation: str = ""
    push: str | None = None
    push_health: PushHealth = PushHealth()


class PastEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that one of the person's phones did or underwent."""

    id: str
    at: str
    kind: str
    client: str = ""
    organisation: str = ""
    workstation: str = ""
    location: str = ""
    credential_id: str = ""
    device_name: str = ""
    reason: str = ""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What the person is to be told on their other phones."""

    id: str
    at: str
    kind: str
    credential_id: str = ""
    device_name: str = ""
    detail: str = ""


class PersonWorkstation(msgspec.Struct, frozen=True, kw_only=True):
    """Where the person logs in; `push_closed_at` is when they said "not me" there."""

    id: str
    client: str
    workstation: str = ""
    location: str = ""
    last_used_at: str | None = None
    push_closed_at: str | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change under way: what is to be shown and signed, for `expires_in` seconds."""

    id: str
    details: dict[str, str]
    expires_in: int


class Renewed(msgspec.Struct, frozen=True, kw_only=True):
    """The key that came in the place of the old one."""

    credential_id: str
    expires_at: str


class MembershipOffer(msgspec.Struct):
    """An organisation that wants this person; the phone signs `details` to accept."""

    id: str
    organisation: str
    ura: str
    kind: str
    role_codes: list[str]
    valid_until: str | None
    details: dict[str, str]

"""Rules of what is agreed with a client: written by an operator, never by the client."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from pairing_server.approvals.fatigue import Gate
from pairing_server.registry.client_metadata import Algorithm
from pairing_server.registry.clients import Client

#: Design section 6: 20 bits are NIST SP 800-63B-4's least; six digits are the least a client's own
#: code may have by default, eight the most that anybody types.
DEFAULT_CODE_DIGITS = 6
MAX_CODE_DIGITS = 8
#: RS256 only where a client's policy names it (FAPI 2.0 Security Profile section 5.4).
DEFAULT_ALGORITHMS = (Algorithm.ES256, Algorithm.PS256, Algorithm.EDDSA)
#: NIST SP 800-63B-4 section 5.2: a session of AAL2 is opened anew after twelve hours.
DEFAULT_SESSION_HOURS = 12


#: What a client can be trusted with: the third is the login page's own.
_GATES = (Gate.VOUCHED, Gate.KNOWN)


class KnowsUsers(StrEnum):
    """Whether the client is told that somebody is unknown here."""

    #: Of its own organisations.
    OWN = "own"
    NONE = "none"


class Profile(StrEnum):
    """A profile that the client has to keep to."""

    NONE = ""
    FAPI_CIBA = "fapi-ciba"
    NL_GOV = "nl-gov"


class SenderConstraint(StrEnum):
    """What the client's tokens have to be bound to."""

    NONE = ""
    #: RFC 9449.
    DPOP = "dpop"
    #: RFC 8705 section 3.
    MTLS = "mtls"


class MachineScope(StrEnum):
    """What a client may do by itself, with nobody logged in (RFC 6749 section 4.4)."""

    #: Read its event stream, and have it verified (CAEP Interoperability Profile 1.0).
    SSF_READ = "ssf.read"
    #: Make, change and remove its event stream, and read it.
    SSF_MANAGE = "ssf.manage"
    #: Administer its organisations.
    ADMIN = "admin"


class ClientPolicy(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What is agreed with a client.

    Attributes:
        push: From which workstations it wakes people.
        code_digits: How long the code is that the person types.
        user_code: Whether the device grant takes a typed `user_code` (RFC 8628 section 3.3).
        algorithms: With which the client may sign.
        dpop_nonce: Whether its DPoP proofs at the token endpoint have to have a nonce of ours.
        private_notification_hosts: Whether the client's URLs may lead to private addresses.
        known_workstation: Whether a login is to come from where the person has logged in before.
        session_hours: How long a session of its own may last at most.
        machine_scopes: What it may do by itself.
        admin_acts: What it may do of what administers its organisations (`admin.access`).
    """

    code_digits: Annotated[int, msgspec.Meta(ge=1, le=MAX_CODE_DIGITS)] = DEFAULT_CODE_DIGITS
    push: Gate = Gate.VOUCHED
    knows_users: KnowsUsers = KnowsUsers.OWN
    user_code: bool = False
    profile: Profile = Profile.NONE
    algorithms: tuple[Algorithm, ...] = DEFAULT_ALGORITHMS
    sender_constraint: SenderConstraint = SenderConstraint.NONE
    dpop_nonce: bool = False
    private_notification_hosts: bool = False
    known_workstation: bool = False
    session_hours: Annotated[int, msgspec.Meta(ge=1, le=24)] = DEFAULT_SESSION_HOURS
    machine_scopes: tuple[MachineScope, ...] = ()
    admin_acts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ValueError: says which member.
        """
        if not self.algorithms:
            raise ValueError("algorithms names none")
        if self.push not in _GATES:
            raise ValueError("push is vouched or known")


def read(members: Mapping[str, Any]) -> ClientPolicy:
    """Read a policy.

    Raises:
        ValueError: a member is unknown, of another type or out of range; says which.
    """
    try:
        return msgspec.convert(members, ClientPolicy)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def policy_of(client: Client) -> ClientPolicy:
    """Return what is agreed with a client.

    Raises:
        ValueError: the registry holds no such policy.
    """
    return read(client.policy)

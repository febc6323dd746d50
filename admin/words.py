"""What acts and roles are called, in words for who does them."""

from collections.abc import Mapping
from types import MappingProxyType

from admin.access import Act
from admin.actor import Role
from pairing_server.languages import N_

ROLES: Mapping[Role, str] = MappingProxyType(
    {
        Role.ADMINISTRATOR: N_("Administrator"),
        Role.OPERATOR: N_("Operator"),
        Role.SERVICE_DESK: N_("Service desk"),
        Role.MACHINE: N_("Program"),
    }
)
ACTS: Mapping[Act, str] = MappingProxyType(
    {
        Act.SEE_DASHBOARD: N_("See the overview"),
        Act.READ_NOTICE: N_("Mark a notice as read"),
        Act.FIND_PEOPLE: N_("Find people"),
        Act.SEE_PERSON: N_("See a person and their phones"),
        Act.BLOCK_PHONE: N_("Block a phone at all organisations"),
        Act.UNBLOCK_PHONE: N_("Unblock a phone"),
        Act.REVOKE_PHONE: N_("Revoke a phone"),
        Act.INVITE: N_("Invite a person"),
        Act.REGISTER_2B: N_("Register a person face to face"),
        Act.LINK: N_("Link a person"),
        Act.UNLINK: N_("Unlink a person"),
        Act.SET_ROLES: N_("Change roles"),
        Act.SET_CONTACT: N_("Change an e-mail address"),
        Act.RENAME: N_("Change a name"),
        Act.MERGE: N_("Merge two records"),
        Act.APPOINT: N_("Appoint an administrator"),
        Act.DISMISS: N_("Dismiss an administrator"),
        Act.IMPORT_CSV: N_("Import people"),
        Act.EXPORT_CSV: N_("Export people"),
        Act.SEE_LOG: N_("See the log"),
        Act.EXPORT_LOG: N_("Export the log"),
        Act.SEE_WORKSTATIONS: N_("See workstations"),
        Act.SEE_POLICY: N_("See the rules of the organisation"),
        Act.SET_POLICY: N_("Change the rules of the organisation"),
        Act.SEE_STREAMS: N_("See connected systems"),
        Act.MANAGE_STREAMS: N_("Change connected systems"),
        Act.APPROVE_AS_SECOND: N_("Do what a colleague asked for"),
        Act.WITHDRAW_REQUEST: N_("Withdraw what was asked for"),
    }
)

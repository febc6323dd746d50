"""An event in the form of NEN 7513, field for field, for whoever reads logs of many systems.

NEN 7513 names fields as RFC 3881 and DICOM do, and takes the codes from there.  What an event is
hashed and kept as is ours (`pairing_server.audit.chain`); this is made of it, and adds nothing but
the names of whom it mentions.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pairing_server.audit import admin_events, events
from pairing_server.audit.chain import Entry, Facts
from pairing_server.audit.filing import Filing, filing
from pairing_server.audit.kinds import KINDS
from pairing_server.clock import from_milliseconds

#: OIDs of identifiers, as AORTA names them (`docs/glossary.md`).
UZI_NUMBER = "2.16.528.1.1007.3.1"
URA = "2.16.528.1.1007.3.3"
ROLE_CODE = "2.16.840.1.113883.2.4.15.111"

#: RFC 3881 section 5.1.4: success, minor failure, serious failure.
_OUTCOMES = {"success": "0", "refused": "4"}
_SERIOUS = "8"
_ALARMS = frozenset({"CloneSuspected", "CodeReused"})
#: RFC 3881 section 5.5.3, ParticipantObjectDataLifeCycle, by EventActionCode.
_LIFE_CYCLE = {"C": "1", "R": "6", "U": "3", "D": "14", "E": "6"}
#: Of these two it is more than what their code says: exported, and erased for good.
_LIFE_CYCLE_OF = {"AuditExported": "10", "AuditPruned": "15"}
#: RFC 3881 section 5.5.1, ParticipantObjectTypeCode: person, system object, organisation, other.
_PERSON, _SYSTEM, _ORGANISATION, _OTHER = "1", "2", "3", "4"
#: RFC 3881 section 5.5.2, ParticipantObjectTypeCodeRole: security user entity, security resource,
#: customer, query.
_USER, _RESOURCE, _CUSTOMER, _QUERY = "11", "13", "19", "24"
#: RFC 3881 section 5.4.3, AuditSourceTypeCode: security server.
_SECURITY_SERVER = "6"
#: RFC 3881 section 5.3.1, NetworkAccessPointTypeCode: machine name.
_MACHINE = "1"

_TYPES = {
    "person": (_PERSON, _USER),
    "uzi": (_PERSON, _USER),
    "organisation": (_ORGANISATION, _CUSTOMER),
    "audit-log": (_SYSTEM, _QUERY),
}
_ACTIONS = {
    name: each.kind
    for name, each in {**vars(events), **vars(admin_events)}.items()
    if isinstance(each, type) and issubclass(each, events.Event) and each is not events.Event
}


@dataclass(frozen=True, slots=True)
class Known:
    """A person whom an event mentions."""

    name: str
    uzi_number: str = ""
    role_code: str = ""


@dataclass(frozen=True, slots=True)
class Directory:
    """The names of what events mention; what is not among them goes by its identifier."""

    people: Mapping[str, Known] = field(default_factory=dict)
    phones: Mapping[str, str] = field(default_factory=dict)
    clients: Mapping[str, str] = field(default_factory=dict)
    organisations: Mapping[str, str] = field(default_factory=dict)

    def name(self, named: str) -> str:
        """Return what `kind:identifier` is called; the empty string where it is not known."""
        kind, _, identifier = named.partition(":")
        match kind:
            case "person":
                known = self.people.get(identifier)
                return "" if known is None else known.name
            case "credential":
                return self.phones.get(identifier, "")
            case "client":
                return self.clients.get(identifier, "")
            case "organisation":
                return self.organisations.get(identifier, "")
        return ""


def nen7513(entry: Entry, source: str, directory: Directory) -> dict[str, Any]:
    """Return an event as NEN 7513 has it, its identifier and its hash with it.

    Args:
        source: AuditSourceID: the origin of the server that wrote it.
        directory: Names.
    """
    facts = entry.facts
    evidence: dict[str, Any] = json.loads(facts.evidence)
    filed, kind = filing(facts.actor, facts.object, evidence), KINDS.get(facts.action)
    return {
        "EventID": facts.action,
        "EventActionCode": _ACTIONS.get(facts.action, "E"),
        "EventDateTime": from_milliseconds(facts.time).isoformat(timespec="milliseconds"),
        "EventOutcomeIndicator": (
            _SERIOUS if facts.action in _ALARMS else _OUTCOMES.get(facts.outcome, "4")
        ),
        "eventTypeCode": "" if kind is None else kind.event_type.value,
        "users": [_user(facts, filed, directory)],
        "participants": list(_participants(facts, filed, evidence, directory)),
        "AuditEnterpriseSiteID": facts.ura or "",
        "AuditSourceID": source,
        "AuditSourceTypeCode": _SECURITY_SERVER,
        # How sure it is who it was; of patients, treatment and consent this server knows nothing.
        "autorisatieProtocol": str(evidence.get("acr") or ""),
        "behandelrelatieProtocol": "",
        "toestemmingsProfiel": "",
        "chain": facts.chain,
        "sequence": facts.sequence,
        "id": facts.id,
        "hash": entry.hash,
    }


def _user(facts: Facts, filed: Filing, directory: Directory) -> dict[str, Any]:
    kind, _, identifier = facts.actor.partition(":")
    known = directory.people.get(identifier) if kind == "person" else None
    uzi_number = identifier if kind == "uzi" else "" if known is None else known.uzi_number
    return {
        "userID": facts.actor,
        "alternateUserID": uzi_number and f"{UZI_NUMBER}:{uzi_number}",
        "userName": directory.name(facts.actor),
        "userIsRequestor": True,
        "roleIDCode": f"{ROLE_CODE}:{known.role_code}" if known and known.role_code else "",
        "purposeOfUse": "",
        "networkAccessPointTypeCode": _MACHINE if filed.workstation else "",
        "networkAccessPointID": filed.workstation or "",
    }


def _participants(
    facts: Facts, filed: Filing, evidence: Mapping[str, Any], directory: Directory
) -> Iterator[dict[str, Any]]:
    by_code = _LIFE_CYCLE[_ACTIONS.get(facts.action, "E")]
    life_cycle = _LIFE_CYCLE_OF.get(facts.action, by_code)
    named = [facts.object]
    named += [f"person:{filed.person}"] if filed.person else []
    named += [f"credential:{filed.credential}"] if filed.credential else []
    client = evidence.get("client")
    named += [f"client:{client}"] if isinstance(client, str) else []
    named += [f"organisation:{facts.ura}"] if facts.ura else []
    for each in dict.fromkeys(named):
        detail = dict(evidence) if each == facts.object else {}
        yield _participant(each, life_cycle, detail, directory)


def _participant(
    named: str, life_cycle: str, detail: dict[str, Any], directory: Directory
) -> dict[str, Any]:
    kind, _, identifier = named.partition(":")
    type_code, role = _TYPES.get(kind, (_SYSTEM if kind != "notice" else _OTHER, _RESOURCE))
    return {
        "participantObjectTypeCode": type_code,
        "participantObjectTypeCodeRole": role,
        "participantObjectDataLifeCycle": life_cycle,
        "participantObjectIDTypeCode": URA if kind == "organisation" else kind,
        "participantObjectPermissionPolicySet": "",
        "participantObjectSensitivity": "",
        "participantObjectID": identifier,
        "participantObjectName": directory.name(named),
        "participantObjectDetail": detail,
        "participantObjectDescription": "",
    }

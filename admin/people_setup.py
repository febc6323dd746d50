"""How the pages of people are wired."""

from dataclasses import dataclass

from admin.frame import Frame
from admin.gate import Page
from admin.identity_flow import IdentityFlow
from admin.identity_routes import IdentityPages
from admin.import_flow import ImportFlow
from admin.import_routes import ImportPages
from admin.linking_flow import LinkingFlow
from admin.membership_routes import MembershipPages
from admin.newcomer_routes import NewcomerPages
from admin.people_flow import EndAt, PeopleFlow
from admin.phone_record import wants_second
from pairing_server.phones.setup import BoundPhones
from pairing_server.portal.birth_date import BirthDates
from pairing_server.ports import Ports
from pairing_server.qr.flow import PairingFlow
from pairing_server.settings import Settings
from pairing_server.xis.ending import ending_at


@dataclass(frozen=True, slots=True)
class PeopleFlows:
    """How an organisation settles who works for it, on its pages and by its programs."""

    people: PeopleFlow
    linking: LinkingFlow
    births: BirthDates
    end_at: EndAt

    @classmethod
    def make(cls, bound: BoundPhones, births: BirthDates) -> "PeopleFlows":
        """Wire the flows."""
        ports, end_at = bound.ports, ending_at(bound.ports, bound.approvals)
        linking = LinkingFlow(ports, births, bound.invited)
        return cls(PeopleFlow(ports, births, end_at), linking, births, end_at)


def people_pages(
    frame: Frame, ports: Ports, flows: PeopleFlows, pairings: PairingFlow, settings: Settings
) -> list[Page]:
    """Return the pages on which an organisation settles who works for it."""
    linking = flows.linking
    identity = IdentityFlow(ports, linking, pairings, wants_second)
    importing = ImportFlow(ports, flows.births, linking, flows.end_at)
    return [
        *NewcomerPages(frame, linking, identity, ports).pages(),
        *ImportPages(frame, importing, ports).pages(),
        *IdentityPages(frame, identity, pairings, ports, settings.base_url).pages(),
        *MembershipPages(frame, flows.people, ports, mails=settings.smtp_url is not None).pages(),
    ]

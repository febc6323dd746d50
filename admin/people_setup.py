"""How the pages of people are wired."""

from admin.frame import Frame
from admin.gate import Page
from admin.identity_flow import IdentityFlow
from admin.identity_routes import IdentityPages
from admin.import_flow import ImportFlow
from admin.import_routes import ImportPages
from admin.linking_flow import LinkingFlow
from admin.membership_routes import MembershipPages
from admin.newcomer_routes import NewcomerPages
from admin.people_flow import PeopleFlow
from admin.phone_record import wants_second
from pairing_server.phones.setup import BoundPhones
from pairing_server.portal.birth_date import BirthDates
from pairing_server.qr.flow import PairingFlow
from pairing_server.settings import Settings
from pairing_server.xis.ending import ending_at


def people_pages(
    frame: Frame,
    bound: BoundPhones,
    births: BirthDates,
    pairings: PairingFlow,
    settings: Settings,
) -> list[Page]:
    """Return the pages on which an organisation settles who works for it."""
    ports, end_at = bound.ports, ending_at(bound.ports, bound.approvals)
    linking = LinkingFlow(ports, births)
    identity = IdentityFlow(ports, linking, pairings, wants_second)
    importing = ImportFlow(ports, births, linking, end_at)
    return [
        *NewcomerPages(frame, linking, identity, ports).pages(),
        *ImportPages(frame, importing, ports).pages(),
        *IdentityPages(frame, identity, pairings, ports, settings.base_url).pages(),
        *MembershipPages(
            frame, PeopleFlow(ports, births, end_at), ports, mails=settings.smtp_url is not None
        ).pages(),
    ]

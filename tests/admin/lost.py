"""Somebody who lost a phone, the workstation where they work, and the desk that is called."""

from dataclasses import dataclass, replace

from admin.session import COOKIE, standing
from clients.phone import SoftwarePhone
from pairing_server.keys.flow import PhoneFlow
from pairing_server.keys.status import PhoneStatusFlow
from pairing_server.phones.unblocking import UnblockingFlow
from pairing_server.ports import Ports
from pairing_server.registry import credentials, notices, organisations
from pairing_server.registry.people import AdministrativeRole
from pairing_server.tokens import digest
from tests.admin.desk import ELSEWHERE, at_work, employ, id_of, shelf
from tests.approvals.desk import Desk, MeddlingRegistry
from tests.house import House
from tests.pages.visitor import Visitor

ADMINISTRATOR = AdministrativeRole.ADMINISTRATOR
OPERATOR = AdministrativeRole.OPERATOR
SERVICE_DESK = AdministrativeRole.SERVICE_DESK


@dataclass
class Loss:
    """A person with a phone that is gone.

    Attributes:
        desk: The workstation where they log in.
        staff: Who is called; by default an administrator.
    """

    house: House
    desk: Desk
    person_id: str
    staff: Visitor

    @property
    def phone(self) -> SoftwarePhone:
        return self.desk.phone

    @property
    def page(self) -> str:
        return f"/admin/people/{self.person_id}"

    async def act(self, name, browser=None, **form):
        path = f"{self.page}/phones/{self.phone.credential_id}/{name}"
        return await (browser or self.staff).post(path, form)

    async def look(self, query="", browser=None):
        return await (browser or self.staff).get(f"{self.page}{query}")

    async def call(self, role, name="", **options):
        """Somebody else at the organisation."""
        return await at_work(self.house, role, name, **options)

    async def type_code(self, shown):
        """Let who holds the phone type the code that a page shows."""
        code = shown.page.one("p", class_="code").text.replace(" ", "")
        await self.phone.unblock(code)

    async def works_elsewhere_too(self, ura=ELSEWHERE):
        """Let the person work for another organisation as well."""
        await employ(self.house, self.person_id, None, ura)

    async def told(self, ura=ELSEWHERE):
        """What an organisation was told, newest first."""
        found = await self.house.registry.read(lambda tx: notices.of_organisation(tx, ura))
        return [notice.kind.value for notice in found]

    async def want_two_for(self, *acts):
        ura, policy = self.house.holder.ura, {"second": [*acts]}
        await self.house.registry.commit(
            lambda tx: organisations.set_admin_policy(tx, ura, policy)
        )

    async def still(self, browser=None):
        """What a page of that administrator asks again in each commit."""
        cookie = (browser or self.staff).cookie(COOKIE)
        session = (await shelf(self.house).get(digest(cookie))).value
        return lambda tx, now: standing(tx, session, now).actor

    async def status(self):
        """Whether the phone works."""
        found = await self.house.registry.read(
            lambda tx: credentials.get(tx, self.phone.credential_id)
        )
        return found.status

    async def block(self):
        """Block the phone, as the server's operator does."""
        await self.house.phone_status().block(self.phone.credential_id, "operator:test")

    async def last(self, action):
        """The newest event of that name."""
        return [each for each in await self.house.events() if each["action"] == action][-1]

    async def count(self, action):
        return len([each for each in await self.house.events() if each["action"] == action])


def with_registry(
    lost: Loss, registry: MeddlingRegistry
) -> tuple[Ports, PhoneStatusFlow, UnblockingFlow]:
    """What a flow of a lost phone stands on, if that is its registry."""
    ports = replace(lost.house.ports, registry=registry)
    statuses = lost.house.phone_status(registry)
    phones = PhoneFlow(ports, lost.house.rp(), statuses)
    return ports, statuses, UnblockingFlow(ports, phones, statuses)


async def loss(house) -> Loss:
    phone = await house.bind()
    workstation = await house.workstation()
    desk = Desk(house, phone, workstation, house.client_id)
    person_id = await id_of(house, house.holder)
    return Loss(house, desk, person_id, await at_work(house, ADMINISTRATOR))

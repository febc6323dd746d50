"""Somebody who lost a phone, the workstation where they work, and the desk that is called."""

from dataclasses import dataclass

from clients.phone import SoftwarePhone
from pairing_server.registry import notices, organisations
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import ELSEWHERE, at_work, employ, id_of
from tests.approvals.desk import Desk
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

    async def last(self, action):
        """The newest event of that name."""
        return [each for each in await self.house.events() if each["action"] == action][-1]

    async def count(self, action):
        return len([each for each in await self.house.events() if each["action"] == action])


async def loss(house) -> Loss:
    phone = await house.bind()
    workstation = await house.workstation()
    desk = Desk(house, phone, workstation, house.client_id)
    person_id = await id_of(house, house.holder)
    return Loss(house, desk, person_id, await at_work(house, ADMINISTRATOR))

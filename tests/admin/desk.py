"""Who administers in a test: at a browser of their own, with a role at an organisation."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import sqlalchemy as sa
from yarl import URL

from admin import portal_client
from admin.portal_client import CLIENT_ID
from admin.session import COOKIE, AdminSession
from clients.card_profile import Holder
from clients.phone import SoftwarePhone
from pairing_server.registry import organisations, people, sessions
from pairing_server.registry.people import (
    AdministrativeRole,
    Membership,
    MembershipKind,
    Person,
    PersonStatus,
)
from pairing_server.registry.sessions import Session
from pairing_server.registry.tables import membership, person
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest, new_secret
from tests.house import House
from tests.oidc.browser import LoginPage
from tests.pages.visitor import Shown, Visitor, visitor
from tests.registry.listings import written_past

ELSEWHERE = "90000777"
ROLES = {role: role.value for role in AdministrativeRole}


async def employ(house, name, role=None, ura=None, **changed):
    """Let somebody work for an organisation, which is registered if it is not."""
    ura = ura or house.holder.ura
    now = house.ports.clock()
    if await house.registry.read(lambda tx: organisations.get(tx, ura)) is None:
        await house.add_organisation(ura, f"Organisatie {ura}")
    known = Person(
        id=name,
        uzi_number=None,
        first_names=name.capitalize(),
        last_name="Proef",
        birth_digest=None,
        user_name=f"{name}-{secrets.token_hex(4)}",
        status=PersonStatus.ACTIVE,
        created_at=now,
    )
    member = Membership(
        person_id=name,
        ura=ura,
        administrative_role=role,
        created_at=now,
        **{
            "role_code": "01.015",
            "kind": MembershipKind.EMPLOYEE,
            "valid_until": None,
            **changed,
        },
    )

    def change(tx):
        if people.get_person(tx, name) is None:
            people.add_person(tx, known)
        people.put_membership(tx, member)

    await house.registry.commit(change)
    return name


async def set_role(house, person_id, role, ura=None):
    """Appoint somebody, as the database has it."""
    changed = (
        sa.update(membership)
        .where(membership.c.person_id == person_id, membership.c.ura == (ura or house.holder.ura))
        .values(administrative_role=role)
    )
    await house.registry.commit(lambda tx: written_past(tx, changed))


def dismiss_meanwhile(house, monkeypatch, person_id="administrator"):
    """Dismiss somebody between the gate's look and the next commit."""
    commit, once = house.registry.commit, []

    async def dismissing(change):
        if not once:
            once.append(True)
            await set_role(house, person_id, None)
        return await commit(change)

    monkeypatch.setattr(house.registry, "commit", dismissing)


def log_out_meanwhile(house, monkeypatch, person_id="administrator"):
    """End somebody's sessions between the gate's look and the next commit; their role stays."""
    commit, once = house.registry.commit, []

    def end(tx):
        now = house.ports.clock()
        sessions.end_of_member(tx, person_id, house.holder.ura, now)

    async def ending(change):
        if not once:
            once.append(True)
            await commit(end)
        return await commit(change)

    monkeypatch.setattr(house.registry, "commit", ending)


async def id_of(house, holder):
    row = await house.registry.read(
        lambda tx: tx.one(sa.select(person.c.id).where(person.c.uzi_number == holder.uzi_number))
    )
    return row["id"]


async def at_work(house, role, name="", ura=None, *, age=timedelta(0)) -> Visitor:
    """Somebody who has logged in: the records of a login without the login itself.

    Args:
        age: How long ago they approved it.
    """
    ura = ura or house.holder.ura
    name = await employ(house, name or role.value.replace("_", "-"), role, ura)
    now, sid, secret = house.ports.clock(), secrets.token_hex(8), new_secret(secrets.token_bytes)
    until = now + timedelta(hours=portal_client.SESSION_HOURS)
    opened = Session(
        sid=sid,
        client_id=CLIENT_ID,
        person_id=name,
        credential_id="card",
        ura=ura,
        sub="x",
        opened_at=now,
        expires_at=until,
    )

    def change(tx):
        portal_client.prepare(tx, ura, house.base_url, now)
        sessions.add(tx, opened)

    await house.registry.commit(change)
    session = AdminSession(
        id=digest(secret),
        sid=sid,
        person_id=name,
        ura=ura,
        authenticated_at=now - age,
        expires_at=until,
        used_at=now,
    )
    await shelf(house).create(session.id, session, until - now)
    found = await visitor(house)
    give_cookie(found, secret)
    return found


def shelf(house: House) -> Shelf[AdminSession]:
    return Shelf(house.store, "admin-session", AdminSession)


def give_cookie(browser: Visitor, secret: str, name: str = COOKIE) -> None:
    jar = browser.portal._http.cookie_jar
    jar.update_cookies({name: secret}, URL(browser.house.base_url))


@dataclass
class Colleague:
    """Somebody with a phone of their own, at a browser of their own."""

    house: House
    phone: SoftwarePhone
    browser: Visitor
    person_id: str

    async def begin(self, path: str = "/admin/", ura: str = "") -> LoginPage:
        """Begin to log in, as far as the login page."""
        form = {"ura": ura or self.house.holder.ura, "next": path}
        return await self.opened(await self.browser.post("/admin/login", form))

    async def opened(self, sent: Shown) -> LoginPage:
        """Follow to the login page."""
        assert sent.status == 303, sent.text
        shown = await self.browser.get(sent.location)
        assert shown.location.startswith("/login/"), shown.text
        return LoginPage(self.house, None, self.browser, path=shown.location)

    async def back(self, page: LoginPage, phone: SoftwarePhone | None = None) -> str:
        """Approve, and say where the login page sends the browser."""
        await page.approve(phone or self.phone)
        target = (await page.look()).location
        return target.removeprefix(self.house.base_url)

    async def log_in(self, path: str = "/admin/") -> Shown:
        """Log in with the phone, and come to a page."""
        return await self.browser.get(await self.back(await self.begin(path)))

    async def confirm(self, act: str, path: str, phone: SoftwarePhone | None = None) -> Shown:
        """Confirm what one is about to do."""
        sent = await self.browser.post("/admin/confirm", {"act": act, "next": path})
        return await self.browser.get(await self.back(await self.opened(sent), phone))


async def colleague(house, holder=None, role=AdministrativeRole.ADMINISTRATOR) -> Colleague:
    """Register somebody with a card and a phone, and give them a role."""
    holder = holder or house.holder
    phone = await house.bind(await house.registered(holder))
    person_id = await id_of(house, holder)
    await set_role(house, person_id, role)
    return Colleague(house, phone, await visitor(house), person_id)


def another_holder(house, number="900004321", name="Bea"):
    return Holder(
        uzi_number=number,
        ura=house.holder.ura,
        organisation_name=house.holder.organisation_name,
        first_names=name,
        last_name="Beheerder",
    )


def query_of(location: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(location).query))

"""Takes the pictures of the documents: `make screenshots`.

They are of the walk that the tests take and of one's own phones, on the two screens that pages are
looked at on, and of the phone web app on a small phone.  Who, where and when are the same each
time; the QR codes and the numbers are drawn anew.
"""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_asyncio
from playwright.async_api import expect

from clients import client_key
from clients.card_profile import Holder
from clients.desktop import Card
from clients.pairing import Device
from clients.test_ca import KeyKind, Style, UziTestCa
from pairing_server.app import Stores
from pairing_server.ports import Ports
from pairing_server.registry import streams
from pairing_server.registry.people import AdministrativeRole
from pairing_server.settings import load
from tests.admin.desk import at_work, employ
from tests.admin.test_streams_routes import register as register_system
from tests.browser.desk import Screen
from tests.browser.login_page import code_on, running_program, scanned
from tests.browser.test_admin_lost_phone import called
from tests.browser.test_admin_lost_phone import walk as walk_lost_phone
from tests.browser.test_admin_overview import ail, lived
from tests.browser.test_admin_overview import walk as walk_overview
from tests.browser.test_option_2a import walk
from tests.documents import ROOT
from tests.doubles import FrozenClock
from tests.house import PIN, House, Register, opened_house

ALBUM = ROOT / "docs" / "screenshots"
NOW = datetime(2026, 11, 20, 9, 41, tzinfo=UTC)
#: Nobody's name and number; the organisation is the one of the operator's examples.
HOLDER = Holder(
    first_names="Saskia",
    last_name="de Boer",
    organisation_name="Huisartsenpraktijk De Linde",
    agb_code="01000000",
)
PORT = 8080


@dataclass(frozen=True)
class RegisterOfThatDay(Register):
    def card(self, holder: Holder) -> Card:
        file = self.directory / f"{holder.uzi_number}.p12"
        if not file.exists():
            self.ca.issue(holder, NOW, KeyKind.P_256).authentication.write_pkcs12(file, PIN)
        return Card.from_pkcs12(file, PIN)


@pytest.fixture
def clock():
    return FrozenClock(NOW)


@pytest.fixture
def register(tmp_path: Path) -> Register:
    ca = UziTestCa.create(NOW, Style(KeyKind.P_256))
    made = RegisterOfThatDay(ca, tmp_path)
    made.crl_dir.mkdir()
    ca.write_root(made.root)
    for name, authority in {"Z": ca.issuing("Z"), "2": ca.level_2, "root": ca.root}.items():
        (made.crl_dir / f"{name}.crl").write_bytes(authority.revocation_list(NOW))
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def house(
    register: Register, tmp_path: Path, stores: Stores, ports: Ports
) -> AsyncIterator[House]:
    settings = load(
        {},
        base_url=f"http://localhost:{PORT}",
        port=PORT,
        data_dir=tmp_path,
        uzi_environment="test",
        uzi_anchors=(register.root,),
        uzi_crl_dir=register.crl_dir,
    )
    async with opened_house(settings, stores, ports, register) as opened:
        opened.holder = HOLDER
        yield opened


async def test_pictures_are_taken_of_the_walk(house, sit_down):
    await house.add_organisation()
    desk = await sit_down(house, Screen(language="en-GB"))
    await desk.context.clock.set_fixed_time(NOW)
    desk.looks, desk.album = False, ALBUM

    await walk(desk)


async def test_pictures_are_taken_of_ones_own_phones(house, sit_down, clock, monkeypatch):
    that_day = SimpleNamespace(time=lambda: clock().timestamp(), monotonic=time.monotonic)
    monkeypatch.setattr(client_key, "time", that_day)
    await house.add_organisation()
    page, desktop = await house.registered(), await house.workstation("HIS")
    phone = await house.bind(page, device=Device("ios", "iPhone 16"))
    clock.advance(timedelta(minutes=4))
    other = await house.bind(page, device=Device("android", "Pixel 9"))
    await page.rename_phone(other.credential_id, "Pixel, night shift")
    for minutes, each in ((12, other), (55, phone), (8, phone)):
        clock.advance(timedelta(minutes=minutes))
        await house.approved(each, desktop)
    desk = await sit_down(house, Screen(language="en-GB"))
    clock.advance(timedelta(minutes=21))
    await desk.context.clock.set_fixed_time(clock())
    desk.looks, desk.album = False, ALBUM

    await desk.take_over(await house.logged_in())
    await desk.open("/portal/details")
    await desk.look("10-registered")
    await desk.page.get_by_role("banner").get_by_role("link", name=desk.say("My phones")).click()
    await desk.look("11-phones")
    await desk.page.get_by_role("button", name=desk.say("Block now")).first.click()
    await desk.reads("%(phone)s has been blocked: it opens nothing any more.", phone="iPhone 16")
    await desk.look("12-blocked")
    await desk.page.get_by_role("button", name=desk.say("End its key")).first.click()
    await desk.sees("End the key of this phone?")
    await desk.look("13-end-key")


async def test_pictures_are_taken_of_the_phone_web_app(house, pick_up, monkeypatch):
    that_day = SimpleNamespace(time=NOW.timestamp, monotonic=time.monotonic)
    monkeypatch.setattr(client_key, "time", that_day)
    await house.add_organisation()
    page = await house.registered()
    handset = await pick_up(house, Screen(360, 640, language="en-GB"))
    await handset.context.route("**/phone/**", of_that_day)
    handset.looks, handset.album = False, ALBUM
    handset.refusals |= {401, 403, 422}

    await pair_and_log_in(house, handset, page)
    await keep_phones(house, handset, page)


async def of_that_day(route):
    """Let the server's answer be of the day of the pictures, as its clock is."""
    answer = await route.fetch()
    headers = {**answer.headers, "date": format_datetime(NOW, usegmt=True)}
    await route.fulfill(response=answer, headers=headers)


async def pair_and_log_in(house, handset, page):
    await handset.open_app()
    await handset.sees("welcome")
    await handset.look("app-01-welcome")
    offered = await page.start_pairing()
    await handset.open_app(offered.link)
    await handset.sees("is_this_you")
    await handset.look("app-02-is-this-you")
    await handset.choose("yes_me")
    await handset.sees("type_number")
    await handset.look("app-03-number")
    await page.confirm(offered.id, await handset.check_number())
    await handset.sees("paired")
    await handset.look("app-04-paired")
    await handset.choose("go_on")
    await handset.sees("nothing_asked")
    await handset.look("app-05-home")
    started = await house.ask(await house.workstation("Huisartsen-informatiesysteem"))
    await handset.sees_client("Huisartsen-informatiesysteem")
    await handset.look("app-06-request")
    await handset.approve("000000" if started.binding_code != "000000" else "111111")
    await handset.reads("wrong_code", count=2)
    await handset.look("app-07-wrong-code")
    await handset.choose("not_me")
    await handset.look("app-08-not-me")
    await handset.choose("back_to_request")
    await handset.approve(started.binding_code)
    await handset.sees("end_approved")
    await handset.look("app-09-approved")
    await handset.choose("close")


async def keep_phones(house, handset, page):
    await handset.choose("menu")
    await handset.look("app-10-menu")
    await handset.choose("history")
    await expect(handset.page.get_by_role("listitem")).to_have_count(2)
    await handset.look("app-11-history")
    await handset.choose("back")
    await handset.choose("phones")
    await expect(handset.page.get_by_role("listitem")).to_have_count(1)
    await handset.look("app-12-phones")
    await handset.choose("back")
    await handset.choose("workstations")
    await expect(handset.page.get_by_role("listitem")).to_have_count(1)
    await handset.look("app-16-workstations")
    await handset.choose("back")
    await handset.choose("type_user_code")
    await handset.type_code("WDJBM")
    await handset.look("app-17-type-code")
    credential = (await handset.kept())["credentialId"]
    await house.phone_status().block(credential, "operator:test")
    await handset.sees("blocked")
    await handset.look("app-13-blocked")
    await house.phone_status().revoke(credential, "operator:test")
    await handset.choose("look_again")
    await handset.sees("unbound")
    await handset.look("app-14-unbound")
    new = await handset.context.new_page()
    handset.page = new
    await handset.open_app()
    await handset.choose("have_other_phone")
    await handset.sees("new_phone")
    await handset.look("app-15-new-phone")


async def test_pictures_are_taken_of_the_login_page(house, sit_down, clock, monkeypatch):
    that_day = SimpleNamespace(time=lambda: clock().timestamp(), monotonic=time.monotonic)
    monkeypatch.setattr(client_key, "time", that_day)
    await house.add_organisation()
    phone = await house.bind(await house.registered(), device=Device("ios", "iPhone 16"))
    desk = await sit_down(house, Screen(language="en-GB"))
    desk.looks, desk.album = False, ALBUM
    async with running_program(house) as program:
        await ends_of_a_login(house, desk, phone, program, clock)
        await ways_to_log_in(house, desk, phone, program, clock)


async def ends_of_a_login(house, desk, phone, program, clock):
    await program.send(desk)
    await desk.sees("Scan the QR code with your phone")
    await desk.look("login-01-scan")
    request = await scanned(desk, phone)
    await desk.sees("Your phone has scanned the code")
    await desk.look("login-02-scanned")
    await phone.deny(request)
    await desk.sees("It was refused on the phone")
    await desk.look("login-03-refused")
    await desk.choose("Try again")
    clock.advance(timedelta(minutes=6))
    await desk.page.reload()
    await desk.sees("The time is over")
    await desk.look("login-04-expired")
    await desk.choose("Try again")
    await scanned(desk, phone)
    await house.phone_status().block(phone.credential_id, "operator:test")
    await desk.sees("This phone is blocked")
    await desk.look("login-05-blocked")
    await house.phone_status().unblock(phone.credential_id, "operator:test")
    clock.advance(timedelta(minutes=1))


async def ways_to_log_in(house, desk, phone, program, clock):
    await program.log_in(desk, phone)
    await program.send(desk)
    await desk.sees("Scan the QR code with your phone")
    await desk.look("login-06-known")
    await desk.choose("Send it to my phone")
    await desk.look("login-07-name")
    await desk.type("Your user name or UZI number", house.holder.uzi_number)
    await desk.page.get_by_role("checkbox").check()
    await desk.choose("Send it to my phone")
    code = await code_on(desk)
    await desk.look("login-08-sent")
    clock.advance(timedelta(seconds=6))
    await desk.page.reload()
    await desk.look("login-09-offline")
    (request,) = await phone.auth_requests()
    await desk.reads("It has arrived on your phone. Check what is asked, and type this code.")
    await desk.look("login-10-arrived")
    await phone.approve(request, code)
    await program.back(desk)
    await program.send(desk)
    await desk.sees("Is this you?")
    await desk.look("login-11-remembered")
    await desk.choose("Log in with UZI-pas")
    await desk.sees("Waiting for your card")
    await desk.look("login-12-card")
    await desk.open("/logout")
    await desk.look("login-13-logged-out")
    await desk.page.emulate_media(color_scheme="dark")
    await program.send(desk)
    await desk.sees("Scan the QR code with your phone")
    await desk.look("login-14-dark")


async def test_pictures_are_taken_of_a_lost_phone_at_the_desk(house, sit_down, clock, monkeypatch):
    that_day = SimpleNamespace(time=lambda: clock().timestamp(), monotonic=time.monotonic)
    monkeypatch.setattr(client_key, "time", that_day)
    await house.add_organisation()
    workstation, key = await called(house)
    clock.advance(timedelta(minutes=12))
    desk = await sit_down(house, Screen(language="en-GB"))
    await desk.context.clock.set_fixed_time(clock())
    desk.looks, desk.album = False, ALBUM
    desk.refusals.add(401)

    await walk_lost_phone(desk, house, workstation, key, clock)


async def test_pictures_are_taken_of_an_administrators_day(house, sit_down, clock):
    await house.add_organisation()
    await lived(house, clock)
    await ail(house)
    for name in ("daan", "emma", "farid"):
        await employ(house, name)
    desk = await sit_down(house, Screen(language="en-GB"))
    await desk.context.clock.set_fixed_time(clock())
    desk.looks, desk.album = False, ALBUM
    await desk.take_over((await at_work(house, AdministrativeRole.ADMINISTRATOR, "bea")).portal)

    await walk_overview(desk)
    for path, name in (
        ("people", "admin-13-people"),
        ("people/new", "admin-14-new"),
        ("people/emma/membership", "admin-15-membership"),
        ("people/import", "admin-16-import"),
        ("log", "admin-20-log"),
        ("organisation", "admin-30-organisation"),
    ):
        await desk.open(f"/admin/{path}")
        await desk.look(name)
    await desk.open("/admin/log?kind=AuthRequestDenied")
    await desk.look("admin-22-filtered")
    await desk.page.locator("tbody a").first.click()
    await desk.sees("A login was declined")
    await desk.look("admin-23-event")
    await connect(house, desk, clock)


async def connect(house, desk, clock):
    await register_system(house)
    await desk.open("/admin/organisation/systems")
    await desk.choose("Tell this system")
    await desk.reads("Done.")

    def hear(tx):
        found = streams.of_client(tx, "siem")
        late = timedelta(minutes=3)
        streams.update(tx, replace(found, heard_at=clock() - late))

    await house.registry.commit(hear)
    await desk.open("/admin/organisation/systems")
    await desk.look("admin-31-systems")

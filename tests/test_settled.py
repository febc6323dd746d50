"""What is settled before a test begins is what the calls would have written."""

import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from itertools import zip_longest

import msgspec
import pytest
import sqlalchemy as sa
from yarl import URL

from clients.card_profile import Holder
from clients.pairing import Device
from pairing_server.portal.session import SESSION_COOKIE, BrowserSession
from pairing_server.ports import Ports
from pairing_server.registry.database import open_registry
from pairing_server.registry.tables import metadata
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest
from tests import calls
from tests.doubles import FrozenClock
from tests.house import house_settings, opened_house, stores_on

BEA = Holder(uzi_number="900004321", first_names="Bea", last_name="Beheerder", ura="90000777")
PIXEL = Device("android", "Pixel 9")
#: What the server writes without being asked.
BESIDE = {"audit_chain", "audit_checkpoint", "server_secret", "signing_key"}
#: What is drawn, whose it is, and what follows from it; no time is among it.
DRAWN = {
    "audit_event.actor",
    "audit_event.credential",
    "audit_event.evidence.id",
    "audit_event.evidence.nonce",
    "audit_event.evidence.origin",
    "audit_event.evidence.pairing",
    "audit_event.evidence.public_key",
    "audit_event.evidence.signature",
    "audit_event.evidence.statement",
    "audit_event.hash",
    "audit_event.id",
    "audit_event.object",
    "audit_event.previous",
    "credential.device_token_digest",
    "credential.id",
    "credential.pairing_id",
    "credential.person_id",
    "credential.public_key",
    "member_listing.person_id",
    "membership.person_id",
    "person.birth_digest",
    "person.id",
    "phone_listing.credential_id",
    "phone_notice.credential_id",
    "phone_notice.id",
    "phone_notice.person_id",
}


async def settle(house):
    page = await house.registered()
    await house.bind(page)
    await house.bind(page, push_token="token", device=PIXEL)
    await house.logged_in()
    await house.registered(BEA)
    return page


async def call(house):
    page = await calls.register(house)
    await calls.pair(house, page)
    await calls.pair(house, page, push_token="token", device=PIXEL)
    await calls.log_in(house)
    await calls.register(house, BEA)
    return page


async def rows(house):
    """Return all that the registry holds, each table in the order in which it was written."""
    tables = [table for table in metadata.sorted_tables if table.name not in BESIDE]
    found = {
        table.name: await house.registry.read(
            lambda tx, table=table: tx.all(sa.select(table).order_by(sa.text("rowid")))
        )
        for table in tables
    }
    # Phones of one moment are listed by their keys, which are drawn.
    for row in found["member_listing"]:
        row["found_by"] = sorted(row["found_by"].split("\n"))
    return found


def both(settled, called):
    """Go through two values at once: where each leaf is, and both of it."""
    if isinstance(settled, Mapping) and isinstance(called, Mapping):
        assert settled.keys() == called.keys()
        for name, value in settled.items():
            for path, *pair in both(value, called[name]):
                yield f"{name}.{path}".rstrip("."), *pair
    elif isinstance(settled, list | tuple) and isinstance(called, list | tuple):
        for one, other in zip_longest(settled, called):
            yield from both(one, other)
    elif isinstance(settled, str) and settled.startswith(("{", "[")):
        yield from both(msgspec.json.decode(settled), msgspec.json.decode(called))
    else:
        yield "", settled, called


def differing(settled, called):
    return {path for path, one, other in both(settled, called) if one != other}


@pytest.fixture
def clock():
    return FrozenClock(datetime.now(UTC))


@pytest.fixture
async def other(empty_registry, tmp_path, store, clock, register):
    """A house with a registry of its own."""
    file = tmp_path / "other.sqlite3"
    shutil.copyfile(empty_registry, file)
    registry = open_registry(f"sqlite:///{file}", chain="test", clock=clock)
    ports = Ports(registry, store, clock, secrets.token_bytes)
    settings = house_settings(register, tmp_path / "other")
    async with opened_house(settings, await stores_on(ports), ports, register) as opened:
        yield opened
    await registry.close()


async def test_both_write_the_same_but_for_what_is_drawn(house, other):
    await settle(house)
    await call(other)

    assert differing(await rows(house), await rows(other)) == DRAWN


async def session_of(house, page):
    cookies = page._http.cookie_jar.filter_cookies(URL(house.base_url))
    shelf = Shelf(house.store, "browser-session", BrowserSession)
    return asdict((await shelf.get(digest(cookies[SESSION_COOKIE].value))).value)


async def test_both_leave_the_same_browser(house, other):
    settled, called = await house.registered(), await calls.register(other)

    assert cookies_of(settled) == cookies_of(called)
    assert differing(await session_of(house, settled), await session_of(other, called)) == {
        *("id", "person_id"),
        *(f"statement.{drawn}" for drawn in ("id", "nonce", "origin", "signature", "statement")),
    }


def cookies_of(page):
    return [
        (cookie.key, cookie["path"], cookie["httponly"], cookie["samesite"])
        for cookie in page._http.cookie_jar
    ]


async def test_both_leave_the_same_phone(house, other):
    settled, called = await house.bind(device=PIXEL), await calls.pair(other, device=PIXEL)

    assert differing(settled.to_json(), called.to_json()) == {
        *("base", "credential_id", "device_token"),
        *(f"authenticator.credentials.{drawn}" for drawn in ("credential_id", "private_key")),
        "authenticator.credentials.user_handle",
    }
    assert differing(await settled.credential(), await called.credential()) == {"credential_id"}


async def test_both_wake_the_phones_that_were_there(house, other):
    for at, pair in ((house, house.bind), (other, partial(calls.pair, other))):
        page = await at.registered()
        await pair(page, push_token="first")
        await pair(page)

    assert [where for where, _ in house.push.sent] == [where for where, _ in other.push.sent]
    assert [told.kind for _, told in house.push.sent] == [told.kind for _, told in other.push.sent]
    assert len(house.push.sent) == 1

"""How a card holder logs in, registers and pairs a phone, call by call: `House` does without."""

from clients.card_profile import Holder
from clients.pairing import Device
from clients.phone import SoftwarePhone
from clients.portal import PortalPage
from tests.house import DATE_OF_BIRTH, House


async def log_in(house: House, holder: Holder | None = None, purpose: str = "login") -> PortalPage:
    """Open a browser and prove a card in it."""
    page = await house.page()
    card = house.register.card(holder or house.holder)
    await page.prove(await page.start_session(purpose), house.agent(), card)
    return page


async def register(house: House, holder: Holder | None = None) -> PortalPage:
    """Register a card holder, and return the browser in which they did."""
    holder = holder or house.holder
    await house.know_organisation(holder)
    page = await log_in(house, holder)
    registration = await page.registration(DATE_OF_BIRTH)
    await page.prove(registration.session, house.agent(), house.register.card(holder))
    return page


async def pair(
    house: House,
    page: PortalPage | None = None,
    push_token: str | None = None,
    device: Device | None = None,
) -> SoftwarePhone:
    """Bind a new phone to the person at the page, by the QR code there."""
    page = page or await register(house)
    offered = await page.start_pairing()
    phone = SoftwarePhone(house.http, device=device)
    offer = await phone.scan(offered.link)
    await phone.prove(offer, {"service": "fcm", "token": push_token} if push_token else None)
    await page.confirm(offered.id, offer.check_number)
    await phone.wait_paired(offer)
    return phone

"""A real browser goes from our page to the listener that asks for its card, and back."""

import shutil

import pytest
from playwright.async_api import async_playwright

from clients.card_profile import Holder
from tests.card_tls import ServerCertificate, pem, pem_key
from tests.house import free_port


@pytest.fixture
async def asking(make_house, tmp_path):
    """Run a server whose own TLS listener asks for cards."""
    server = ServerCertificate(tmp_path)
    async with make_house(
        tls_certificate_file=server.certificate,
        tls_key_file=server.key,
        mtls_port=free_port(),
        mtls_listen="127.0.0.1",
    ) as house:
        await house.add_organisation()
        yield house


@pytest.fixture
async def open_page(asking, tmp_path):
    """Open the login page in a Chromium, with a card or without."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), chromium_sandbox=False
        )

        async def opened(card=None):
            shown = []
            if card is not None:
                (tmp_path / "card.crt").write_bytes(pem(card.certificate, *card.chain))
                (tmp_path / "card.key").write_bytes(pem_key(card.key))
                shown.append(
                    {
                        "origin": asking.settings.mtls_origin,
                        "certPath": tmp_path / "card.crt",
                        "keyPath": tmp_path / "card.key",
                    }
                )
            # Without scripts, one of which would open the agent while the form is under way.
            context = await chromium.new_context(
                client_certificates=shown or None,
                ignore_https_errors=True,
                java_script_enabled=False,
                locale="en",
            )
            page = await context.new_page()
            await page.goto(f"{asking.base_url}/portal/")
            await page.locator("form:has([name=purpose][value=login]) button").first.click()
            return page

        yield opened
        await chromium.close()


async def test_the_page_leads_to_the_card_and_the_card_to_the_details(asking, open_page):
    page = await open_page(asking.register.card(Holder()))

    await page.get_by_role("button", name="Let the browser ask for the card").click()

    await page.wait_for_url(f"{asking.base_url}/portal/details")
    assert await page.get_by_text(Holder().uzi_number).count()
    proved = [event for event in await asking.events() if event["action"] == "CardProved"]
    assert len(proved) == 1


async def test_without_a_card_the_page_says_what_to_do(asking, open_page):
    page = await open_page()

    await page.get_by_role("button", name="Let the browser ask for the card").click()

    await page.wait_for_url(f"{asking.base_url}/portal/refused?error=no_client_certificate")

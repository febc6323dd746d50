"""The phone web app where the network comes and goes, in several tabs, and without any."""

import asyncio
import shutil

import pytest
import pytest_asyncio
from playwright.async_api import expect

from pairing_server.app import shipped_phone_app
from pairing_server.phone_app import PhoneApp
from tests.browser.handset import APP, HANDSET

HELD = "prefer"


@pytest_asyncio.fixture(loop_scope="session")
async def handset(house, pick_up):
    handset = await pick_up(house)
    await handset.take_over(await house.bind())
    return handset


def polls(handset):
    """Watch the calls for open requests; each is whether it asked to be held."""
    seen = []

    def watch(request):
        if request.url.endswith("/phone/auth-requests"):
            seen.append(HELD in request.headers)

    handset.context.on("request", watch)
    return seen


async def approve(house, handset, workstation):
    started = await house.ask(workstation)
    await handset.sees_client("HIS")
    await handset.approve(started.binding_code)
    await handset.sees("end_approved")
    return await workstation.poll(started)


async def test_a_phone_that_was_offline_goes_on_by_itself(house, handset):
    handset.quiet = True
    workstation = await house.workstation()
    await handset.context.set_offline(True)
    await handset.reads("offline")
    await handset.look()
    await handset.context.set_offline(False)

    assert await approve(house, handset, workstation)
    await expect(handset.page.locator("#away")).to_be_hidden()


async def test_an_approval_whose_answer_is_lost_is_sent_again(house, handset):
    handset.quiet = True
    workstation = await house.workstation()
    sent = []

    async def lose(route):
        sent.append(route.request.post_data)
        answer = await route.fetch()
        if len(sent) == 1:
            await route.abort()
        else:
            await route.fulfill(response=answer)

    await handset.context.route("**/answer", lose)

    assert await approve(house, handset, workstation)
    assert len(sent) == 2
    assert sent[0] == sent[1]


async def test_where_held_calls_do_not_come_through_it_asks_plainly(house, handset):
    handset.quiet = True
    workstation = await house.workstation()

    async def cut_off(route):
        if HELD in route.request.headers:
            await route.abort()
        else:
            await route.continue_()

    await handset.context.route("**/phone/auth-requests", cut_off)
    await handset.page.reload()
    await handset.sees("nothing_asked")
    seen = polls(handset)

    assert await approve(house, handset, workstation)
    assert False in seen
    await expect(handset.page.locator("#away")).to_be_hidden()


async def test_a_server_that_does_not_hold_is_not_asked_without_a_pause(house, handset):
    async def at_once(route):
        if HELD in route.request.headers:
            await route.fulfill(status=304)
        else:
            await route.continue_()

    await handset.context.route("**/phone/auth-requests", at_once)
    seen = polls(handset)
    await handset.page.reload()
    await handset.sees("nothing_asked")
    await asyncio.sleep(2)

    assert True in seen
    assert len(seen) <= 3


async def test_two_tabs_are_one_phone(house, handset):
    workstation = await house.workstation()
    first = handset.page
    second = await handset.context.new_page()
    await second.goto("/app/")
    started = await house.ask(workstation)
    for page in (first, second):
        await expect(page.get_by_role("heading", name="HIS", exact=True)).to_be_visible()
    await first.bring_to_front()
    await handset.approve(started.binding_code)
    await handset.sees("end_approved")

    ended = second.get_by_role("heading", name=handset.say("end_approved"), exact=True)
    await expect(ended).to_be_visible()
    assert await workstation.poll(started)


async def test_of_two_tabs_one_asks(house, handset):
    second = await handset.context.new_page()
    await second.goto("/app/")
    heading = second.get_by_role("heading", name=handset.say("nothing_asked"), exact=True)
    await expect(heading).to_be_visible()
    await asyncio.sleep(0.5)

    locks = (
        "async () => (await navigator.locks.query()).held.filter(l => l.name === 'inbox').length"
    )
    assert await second.evaluate(locks) == 1
    await second.close()
    workstation = await house.workstation()
    assert await approve(house, handset, workstation)


async def test_of_two_tabs_one_signs_at_a_time(house, handset):
    workstation = await house.workstation()
    first, second = handset.page, await handset.context.new_page()
    await second.goto("/app/")
    started = await house.ask(workstation)
    for page in (first, second):
        await expect(page.get_by_role("heading", name="HIS", exact=True)).to_be_visible()
        # Somebody who does not put their finger on it.
        await page.evaluate(
            """() => {
              window.asked = 0;
              const never = new Promise(() => {});
              navigator.credentials.get = () => { window.asked += 1; return never; };
            }"""
        )
        handset.page = page
        await page.bring_to_front()
        await handset.approve(started.binding_code)
    await asyncio.sleep(0.5)

    assert [await page.evaluate("window.asked") for page in (first, second)] == [1, 0]


async def test_a_device_token_is_changed_once_a_week(house, handset):
    before = await handset.kept()
    await handset.age_token()
    handset.quiet = True
    async with handset.page.expect_response("**/phone/device-token"):
        await handset.page.reload()
    await handset.sees("nothing_asked")
    after = await handset.settled()

    assert after["token"] != before["token"]
    assert "nextToken" not in after
    assert await approve(house, handset, await house.workstation())


async def test_a_device_token_whose_change_was_not_heard_of_still_works(house, handset):
    handset.quiet = True
    await handset.age_token()
    done = asyncio.Event()

    async def lose(route):
        await route.fetch()
        await route.abort()
        done.set()

    await handset.context.route("**/phone/device-token", lose)
    await handset.page.reload()
    async with asyncio.timeout(15):
        await done.wait()
    await handset.page.reload()
    await handset.sees("nothing_asked")

    assert await approve(house, handset, await house.workstation())


async def test_the_app_starts_without_a_network_once_it_is_kept(house, pick_up):
    handset = await pick_up(house, HANDSET, keeps=True)
    await handset.take_over(await house.bind())
    await handset.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    handset.quiet = True
    await handset.context.set_offline(True)
    await handset.page.reload()
    await handset.sees("nothing_asked")
    await expect(handset.page.locator("#away")).to_be_visible()

    await handset.context.set_offline(False)
    assert await approve(house, handset, await house.workstation())


async def test_what_is_kept_is_the_apps_own_files_and_no_answer(house, pick_up):
    handset = await pick_up(house, HANDSET, keeps=True)
    await handset.take_over(await house.bind())
    await handset.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    await handset.page.reload()
    await handset.sees("nothing_asked")
    kept = await handset.page.evaluate(
        """async () => {
          const found = {};
          for (const name of await caches.keys()) {
            const requests = await (await caches.open(name)).keys();
            found[name] = requests.map(each => new URL(each.url).pathname);
          }
          return found;
        }"""
    )

    version = shipped_phone_app().version
    assert set(kept) == {f"shell-{version}"}
    for path in kept[f"shell-{version}"]:
        assert path == "/app/" or path.startswith(f"/app/{version}/")


@pytest.fixture
def newer(tmp_path):
    """Let the server have a newer version of the app from the moment this is called."""
    served = shipped_phone_app()
    before = dict(vars(served))

    def change():
        shutil.copytree(APP, tmp_path / "newer")
        (tmp_path / "newer" / "style.css").write_text("/* newer */")
        vars(served).update(vars(PhoneApp(tmp_path / "newer")))
        return served.version

    yield change
    vars(served).update(before)


async def test_a_newer_version_takes_over_when_the_phone_is_put_away(house, pick_up, newer):
    handset = await pick_up(house, HANDSET, keeps=True)
    await handset.take_over(await house.bind())
    await handset.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    await handset.page.reload()
    await handset.sees("nothing_asked")
    version = newer()
    async with asyncio.timeout(15):
        await handset.page.evaluate(
            """() => new Promise(async done => {
              navigator.serviceWorker.addEventListener("controllerchange", done, { once: true });
              (await navigator.serviceWorker.getRegistration("/app/")).update();
            })"""
        )
    await handset.page.wait_for_function(
        "async name => (await caches.keys()).join() === name", arg=f"shell-{version}"
    )
    script = handset.page.locator("script").last
    assert version not in await script.get_attribute("src")
    put_away = """() => {
      Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""

    # Not in the middle of something.
    await handset.choose("menu")
    await handset.page.evaluate(put_away)
    await handset.sees("menu")
    await handset.choose("back")
    async with handset.page.expect_navigation():
        await handset.page.evaluate(put_away)

    await handset.sees("nothing_asked")
    assert version in await script.get_attribute("src")

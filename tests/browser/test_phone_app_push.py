"""The phone web app being woken and installed: how notifications stand, and what one shows.

No push service is called from here.  What Chromium would be given by one is given by a script, and
what one would deliver by the DevTools; the server's calls are its own.
"""

import asyncio
import json

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.handset import HANDSET

KEY = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
SUBSCRIBED = {
    "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/x",
    "keys": {"p256dh": KEY, "auth": "BTBZMqHH6r4Tts7J_aSIgg"},
}
#: A subscription as a push service of the browser's maker would grant it.
GRANTS = """(() => {
  let held = null;
  const granted = { ...%s, toJSON() { return this; }, unsubscribe: async () => { held = null; } };
  PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
    window.subscribedWith = applicationServerKey.length;
    return (held = granted);
  };
  PushManager.prototype.getSubscription = async () => held;
  const answer = () => Promise.resolve(Notification.permission);
  if (Notification.permission !== "default") Notification.requestPermission = answer;
})()"""


@pytest_asyncio.fixture(loop_scope="session")
async def handset(house, pick_up, as_people_have_it):
    handset = await pick_up(house, HANDSET, keeps=True, chromium=as_people_have_it)
    await handset.context.add_init_script(GRANTS % json.dumps(SUBSCRIBED))
    await handset.take_over(await house.bind())
    return handset


@pytest_asyncio.fixture(loop_scope="session")
async def sends(handset):
    """Let the server have a key to push with."""

    async def tell(route):
        answer = await route.fetch()
        await route.fulfill(response=answer, json=await answer.json() | {"vapid_public_key": KEY})

    await handset.context.route("**/phone/credential", tell)


async def look_at_notifications(handset, message):
    await handset.choose("menu")
    await handset.choose("notifications")
    await handset.sees(message)
    await handset.look()


async def pushed(house, handset):
    token = (await handset.kept())["token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with house.http.get(f"{house.base_url}/phone/credential", headers=headers) as answer:
        return (await answer.json())["push"]


async def test_a_server_that_sends_none_is_said_to(handset):
    await look_at_notifications(handset, "push_unavailable")


async def test_notifications_are_turned_on_and_off(house, handset, sends):
    await handset.context.grant_permissions(["notifications"])
    await handset.page.reload()
    await look_at_notifications(handset, "push_off")
    await handset.choose("push_turn_on")
    await handset.sees("push_on")
    await handset.look()

    assert await pushed(house, handset) == "webpush"
    assert await handset.page.evaluate("window.subscribedWith") == 65
    await handset.choose("push_turn_off")
    await handset.sees("push_off")
    assert await pushed(house, handset) is None


async def test_who_has_not_looked_at_notifications_is_asked_once(handset, sends):
    await handset.context.grant_permissions(["notifications"])
    await handset.page.reload()
    banner = handset.page.get_by_role("button", name=handset.say("push_banner"))
    await banner.click()
    await handset.sees("push_off")
    async with handset.page.expect_response("**/phone/notices"):
        await handset.page.reload()

    await handset.sees("nothing_asked")
    await expect(banner).to_have_count(0)


async def test_who_has_said_no_hears_how_to_undo_it(handset, sends):
    await handset.context.add_init_script(
        "Object.defineProperty(Notification, 'permission', { get: () => 'denied' });"
    )
    await handset.page.reload()
    await look_at_notifications(handset, "push_denied")


async def test_a_browser_without_pushes_says_so(handset, sends):
    await handset.context.add_init_script("delete window.PushManager")
    await handset.page.reload()
    await look_at_notifications(handset, "push_unsupported")


async def test_on_an_iphone_the_app_is_first_to_be_put_on_the_home_screen(handset, sends):
    await handset.context.add_init_script(
        "delete window.PushManager;"
        "Object.defineProperty(navigator, 'userAgent', { get: () => 'Mozilla (iPhone) Safari' });"
    )
    await handset.page.reload()
    await look_at_notifications(handset, "push_install")


async def registration_of_the_app(found, scope):
    """Wait until the browser has told of it, which it does in its own time."""
    async with asyncio.timeout(30):
        while True:
            for each in found:
                if each["scopeURL"] == scope:
                    return each
            await asyncio.sleep(0.02)


#: What is shown, once something is; nothing after five seconds.
_SHOWN = """async () => {
  const ready = await navigator.serviceWorker.ready;
  for (let tries = 0; tries < 100; tries++) {
    const shown = await ready.getNotifications();
    if (shown.length)
      return shown.map(({ title, body, tag, data }) => ({ title, body, tag, data }));
    await new Promise(wake => setTimeout(wake, 50));
  }
  return [];
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def delivers(house, handset):
    """Deliver a push as a push service would: `await delivers(text)`; gives what it shows."""
    await handset.context.grant_permissions(["notifications"])
    found = []
    handset.devtools.on(
        "ServiceWorker.workerRegistrationUpdated", lambda told: found.extend(told["registrations"])
    )
    await handset.devtools.send("ServiceWorker.enable")
    await handset.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    registration = await registration_of_the_app(found, f"{house.base_url}/app/")

    async def deliver(text):
        push = {
            "origin": house.base_url,
            "registrationId": registration["registrationId"],
            "data": text,
        }
        # Now and then a browser drops a push without a word; a push service would send another.
        for _ in range(6):
            await handset.devtools.send("ServiceWorker.deliverPushMessage", push)
            shown = await handset.page.evaluate(_SHOWN)
            if shown:
                return shown
        return []

    return deliver


REQUEST = ("Inlogverzoek", "Open de app om te zien wat er wordt gevraagd.")
NOTICE = ("Nieuws voor u", "Open de app om het te lezen.")
OVER = ("Inlogverzoek voorbij", "Er wordt niets meer gevraagd.")


@pytest.mark.parametrize(
    ("text", "tag", "said"),
    [
        ('{"id": "abc", "kind": "request", "tag": "desk"}', "desk", REQUEST),
        ('{"id": "abc", "kind": "notice", "tag": ""}', "abc", NOTICE),
        ('{"id": "abc", "kind": "withdrawn", "tag": "desk"}', "desk", OVER),
        ('{"id": "abc", "kind": "toString", "tag": 7}', "abc", REQUEST),
        ('{"id": "abc", "title": "Jan Jansen", "body": "Poli"}', "abc", REQUEST),
        ('{"id": 7}', "request", REQUEST),
        ("no JSON", "request", REQUEST),
        ("", "request", REQUEST),
    ],
)
async def test_a_notification_says_one_of_three_things_whatever_the_push_does(
    delivers, text, tag, said
):
    (shown,) = await delivers(text)

    title, body = said
    assert shown == {"title": title, "body": body, "tag": tag, "data": None}


async def shown_are(handset, *tags):
    """Wait until the notifications are those of these tags."""
    return await handset.page.evaluate(
        """async (expected) => {
          const ready = await navigator.serviceWorker.ready;
          let tags;
          for (let tries = 0; tries < 60; tries++) {
            tags = (await ready.getNotifications()).map(({ tag }) => tag).sort();
            if (tags.join() === expected.join()) return true;
            await new Promise(wake => setTimeout(wake, 50));
          }
          return tags;
        }""",
        sorted(tags),
    )


async def test_what_is_over_takes_the_place_of_what_asked_and_goes(handset, delivers):
    async def leads_to(text, *tags):
        """Deliver until these are shown: where others are, a push that was dropped is not seen."""
        for _ in range(6):
            await delivers(text)
            if (found := await shown_are(handset, *tags)) is True:
                break
        return found

    assert await leads_to('{"id": "abc", "kind": "request", "tag": "desk"}', "desk") is True
    other = '{"id": "def", "kind": "request", "tag": "other desk"}'
    assert await leads_to(other, "desk", "other desk") is True
    over = '{"id": "abc", "kind": "withdrawn", "tag": "desk"}'
    assert await leads_to(over, "other desk") is True


async def test_a_notification_speaks_the_language_that_was_chosen(handset, delivers):
    await handset.choose("menu")
    await handset.page.get_by_label("English").check()
    await expect(handset.page.locator("html")).to_have_attribute("lang", "en")

    (shown,) = await delivers('{"id": "abc"}')

    assert shown["title"] == "Login request"


OFFERS = """window.addEventListener("load", () => {
  const offer = new Event("beforeinstallprompt", { cancelable: true });
  offer.prompt = async () => ({ outcome: "%s" });
  window.dispatchEvent(offer);
})"""


@pytest.mark.parametrize(
    ("outcome", "message"), [("accepted", "install_text"), ("dismissed", "install_later")]
)
async def test_the_app_is_put_on_the_home_screen_where_the_browser_offers_it(
    handset, outcome, message
):
    await handset.context.add_init_script(OFFERS % outcome)
    await handset.page.reload()
    await handset.choose("menu")
    await handset.choose("install")
    await handset.look()
    await handset.choose("install_do")

    await handset.reads(message)


@pytest.mark.parametrize(
    ("agent", "message"),
    [("Mozilla (Android) Firefox", "install_menu"), ("iPhone", "install_apple_key")],
)
async def test_elsewhere_it_says_how_to_put_it_there(handset, agent, message):
    await handset.context.add_init_script(
        f"Object.defineProperty(navigator, 'userAgent', {{ get: () => {agent!r} }});"
    )
    await handset.page.reload()
    await handset.choose("menu")
    await handset.choose("install")

    await handset.reads(message)

"""What the settings make of push: which services there are, and who speaks to each."""

import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pairing_server.clock import Clock
from pairing_server.egress import Egress
from pairing_server.push import PushSender, PushService
from pairing_server.push.apns import ApnsSender
from pairing_server.push.fcm import FcmSender
from pairing_server.push.places import PushPlaces, known_hosts, push_places
from pairing_server.push.post import Post
from pairing_server.push.provider_token import ProviderKeyError, read_provider_key
from pairing_server.push.service_account import ServiceAccountError, read_service_account
from pairing_server.push.tunnel import Route
from pairing_server.push.vapid import VapidKey
from pairing_server.push.webpush import WebPushSender
from pairing_server.settings import PREFIX, Settings, SettingsError
from pairing_server.tls import system_trust
from pairing_server.tokens import Random

_FILES = {
    PushService.APNS: "APNS_KEY_FILE",
    PushService.FCM: "FCM_SERVICE_ACCOUNT_FILE",
}

_HTTP_2 = "h2"


@dataclass(frozen=True, slots=True)
class Push:
    """Everything that the server has of push.

    Attributes:
        senders: Of the services that are set up, and of no other.
        vapid_public_key: By which browsers subscribe, base64url; empty where none can.
    """

    senders: Mapping[PushService, PushSender]
    places: PushPlaces
    vapid_public_key: str

    async def warming(self, _: object) -> AsyncIterator[None]:
        """Connect ahead, where a connection is for all phones."""
        apns = self.senders.get(PushService.APNS)
        if isinstance(apns, ApnsSender):
            apns.warm()
        yield


def make_push(settings: Settings, vapid_secret: bytes, clock: Clock, random: Random) -> Push:
    """Make the senders.

    Raises:
        SettingsError: with what is wrong with the files that are named.
    """
    if mistakes := _mistakes_of(settings.push_ca_file):
        raise SettingsError(mistakes)
    makers = _Makers(settings, clock)
    places, public_key = push_places(settings), ""
    senders: dict[PushService, PushSender] = {}
    for service, make in ((PushService.APNS, makers.apns), (PushService.FCM, makers.fcm)):
        try:
            sender = make()
        except (ProviderKeyError, ServiceAccountError) as error:
            mistakes.append(f"{PREFIX}{_FILES[service]}: {error}.")
        else:
            if sender is not None:
                senders[service] = sender
    if settings.webpush_contact is not None:
        key = VapidKey(vapid_secret, settings.webpush_contact)
        senders[PushService.WEBPUSH] = makers.webpush(key, places, random)
        public_key = key.public_key
    if mistakes:
        raise SettingsError(mistakes)
    return Push(senders, places, public_key)


@dataclass(frozen=True, slots=True)
class _Makers:
    """Make each sender, if it is set up."""

    settings: Settings
    clock: Clock

    def apns(self) -> PushSender | None:
        settings = self.settings
        file, topic = settings.apns_key_file, settings.apns_topic
        if not (file and topic and settings.apns_key_id and settings.apns_team_id):
            return None
        key = read_provider_key(file, settings.apns_key_id, settings.apns_team_id)
        route = Route(settings.apns_address, _trust(settings, _HTTP_2), self._proxy())
        return ApnsSender(key, topic, route, self.clock)

    def fcm(self) -> PushSender | None:
        file = self.settings.fcm_service_account_file
        if file is None:
            return None
        account = read_service_account(file)
        return FcmSender(account, self._post(), self.clock, self.settings.fcm_url)

    def webpush(self, key: VapidKey, places: PushPlaces, random: Random) -> PushSender:
        hosts = (*known_hosts(), *self.settings.push_hosts)
        allowed = places.allowed
        return WebPushSender(key, self._post(), self.clock, random, allowed=allowed, hosts=hosts)

    def _post(self) -> Post:
        return Post(Egress(self.settings.egress_inside, self._proxy(), tls=_trust(self.settings)))

    def _proxy(self) -> str | None:
        proxy = self.settings.egress_proxy
        return None if proxy is None else proxy.get_secret_value()


def _trust(settings: Settings, alpn: str | None = None) -> ssl.SSLContext:
    if settings.push_ca_file is None and alpn is None:
        return system_trust()
    context = ssl.create_default_context(cafile=settings.push_ca_file)
    if alpn is not None:
        context.set_alpn_protocols([alpn])
    return context


def _mistakes_of(file: Path | None) -> list[str]:
    """Say what is wrong with the authorities' file, once for all services."""
    if file is None:
        return []
    try:
        ssl.create_default_context(cafile=file)
    except ssl.SSLError:
        return [f"{PREFIX}PUSH_CA_FILE: {file} has no certificates in PEM."]
    except OSError as error:
        return [f"{PREFIX}PUSH_CA_FILE: {file} cannot be read: {error.strerror}."]
    return []

"""What the settings make of push: which services there are, and who speaks to each."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pairing_server.clock import Clock
from pairing_server.egress import Egress
from pairing_server.push import PushSender, PushService
from pairing_server.push.fcm import FcmSender
from pairing_server.push.places import PushPlaces, known_hosts, push_places
from pairing_server.push.post import Post
from pairing_server.push.service_account import ServiceAccountError, read_service_account
from pairing_server.push.vapid import VapidKey
from pairing_server.push.webpush import WebPushSender
from pairing_server.settings import PREFIX, Settings, SettingsError
from pairing_server.tokens import Random


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


def make_push(settings: Settings, vapid_secret: bytes, clock: Clock, random: Random) -> Push:
    """Make the senders.

    Raises:
        SettingsError: with what is wrong with the files that are named.
    """
    mistakes: list[str] = []
    tls = _trust(settings.push_ca_file, mistakes)
    senders: dict[PushService, PushSender] = {}
    places, public_key = push_places(settings), ""
    if (file := settings.fcm_service_account_file) is not None:
        try:
            account = read_service_account(file)
        except ServiceAccountError as error:
            mistakes.append(f"{PREFIX}FCM_SERVICE_ACCOUNT_FILE: {error}.")
        else:
            post = _post(settings, tls)
            senders[PushService.FCM] = FcmSender(account, post, clock, settings.fcm_url)
    if settings.webpush_contact is not None:
        key = VapidKey(vapid_secret, settings.webpush_contact)
        public_key = key.public_key
        senders[PushService.WEBPUSH] = WebPushSender(
            key,
            _post(settings, tls),
            clock,
            random,
            allowed=places.allowed,
            hosts=(*known_hosts(), *settings.push_hosts),
        )
    if mistakes:
        raise SettingsError(mistakes)
    return Push(senders, places, public_key)


def _post(settings: Settings, tls: ssl.SSLContext) -> Post:
    proxy = settings.egress_proxy
    secret = None if proxy is None else proxy.get_secret_value()
    return Post(Egress(settings.egress_inside, secret, tls=tls))


def _trust(file: Path | None, mistakes: list[str]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if file is None:
        return context
    try:
        return ssl.create_default_context(cafile=file)
    except ssl.SSLError:
        mistakes.append(f"{PREFIX}PUSH_CA_FILE: {file} has no certificates in PEM.")
    except OSError as error:
        mistakes.append(f"{PREFIX}PUSH_CA_FILE: {file} cannot be read: {error.strerror}.")
    return context

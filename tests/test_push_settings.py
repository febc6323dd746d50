"""What settings about push services may hold."""

import pytest
from pydantic import TypeAdapter, ValidationError

from pairing_server.push_settings import Contact, ServiceUrl
from pairing_server.settings import SettingsError, load

SECRET = "geheim"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Contact, "mailto:push@hospital.example.nl"),
        (Contact, "https://hospital.example.nl/push"),
        (ServiceUrl, "https://fcm.googleapis.com"),
        (ServiceUrl, "https://localhost:8443"),
    ],
)
def test_what_may_be_set(kind, value):
    assert TypeAdapter(kind).validate_python(value) == value


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        (Contact, f"{SECRET}@hospital.example.nl", "must be mailto:name@host"),
        (Contact, f"mailto:{SECRET}", "must be mailto:name@host"),
        (Contact, f"mailto:{SECRET}@hospital", "must be mailto:name@host"),
        (Contact, f"http://hospital.example.nl/{SECRET}", "must be mailto:name@host"),
        (Contact, f"https://{SECRET}/", "must be mailto:name@host"),
        (Contact, f"mailto:{SECRET}@hospital.invalid", "must be on a host that can exist"),
        (Contact, f"https://{SECRET}.localhost/", "must be on a host that can exist"),
        (ServiceUrl, f"http://{SECRET}.example.nl", "must be https://host[:port]"),
        (ServiceUrl, f"https://fcm.example.nl/{SECRET}", "must be https://host[:port]"),
        (ServiceUrl, f"https://{SECRET}@fcm.example.nl", "must be https://host[:port]"),
        (ServiceUrl, "https://10.0.0.1", "must be https://host[:port]"),
    ],
)
def test_what_may_not_is_told_without_its_value(kind, value, told):
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(value)

    (error,) = refused.value.errors()
    assert told in error["msg"]
    assert SECRET not in error["msg"]


def test_push_hosts_are_separated_by_commas():
    settings = load({"PAIRING_PUSH_HOSTS": "ntfy.example.nl, push.example.nl:8443,"})

    assert settings.push_hosts == ("ntfy.example.nl", "push.example.nl:8443")


@pytest.mark.parametrize("hosts", ["*.example.nl", "10.0.0.1", "https://ntfy.example.nl/"])
def test_a_push_host_is_one_exact_name(hosts):
    with pytest.raises(SettingsError) as refused:
        load({"PAIRING_PUSH_HOSTS": hosts})

    (mistake,) = refused.value.mistakes
    assert mistake.startswith("PAIRING_PUSH_HOSTS: must be a host")


def test_nobody_is_woken_by_a_service_that_was_not_set_up():
    settings = load({})

    assert settings.fcm_service_account_file is None
    assert settings.webpush_contact is None

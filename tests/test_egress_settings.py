"""What settings about calls to the outside may hold."""

import pytest
from pydantic import TypeAdapter, ValidationError

from pairing_server.egress_settings import OutsideHost, OutsideProxy, OutsideUrl

SECRET = "geheim"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (OutsideUrl, "http://www.example.nl/a.crl"),
        (OutsideUrl, "https://www.example.nl:8443"),
        (OutsideHost, "www.example.nl"),
        (OutsideHost, "www.example.nl:8080"),
        (OutsideProxy, f"http://me:{SECRET}@proxy.example.nl:3128"),
    ],
)
def test_what_may_be_set(kind, value):
    read = TypeAdapter(kind).validate_python(value)

    assert value in (read, getattr(read, "get_secret_value", str)())
    assert SECRET not in repr(read)


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        (OutsideUrl, f"http://{SECRET}@www.example.nl/", "must be http:// or https:// URLs"),
        (OutsideUrl, "http://10.0.0.1/", "must be http:// or https:// URLs"),
        (OutsideHost, "*.example.nl", "must be a host"),
        (OutsideHost, "10.0.0.1", "must be a host"),
        (OutsideProxy, f"socks5://{SECRET}:1080", "must be http://"),
    ],
)
def test_what_may_not_is_told_without_its_value(kind, value, told):
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(value)

    (error,) = refused.value.errors()
    assert told in error["msg"]
    assert SECRET not in error["msg"]

"""An API as an OpenAPI 3.1 document: one `Operation` for each call, next to its handler.

The routes are made of the operations (`http.route_table`), so that none can be left out; bodies
and answers are the msgspec Structs that are read and sent, so that the schemas are the code's.
"""

import inspect
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from http import HTTPStatus
from typing import Annotated, Any

import msgspec

from pairing_server.errors import (
    BodyTooLarge,
    BodyTooSlow,
    InvalidRequest,
    NotFound,
    Refusal,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
    WrongHost,
)
from pairing_server.keys.refusals import MalformedDeviceToken, PhoneBlocked, PhoneExpired

OPENAPI = "3.1.0"
_PARAMETER = re.compile(r"\{(\w+)\}")
_JSON = "application/json"
#: What an answer of "no" says in a header.
_HEADERS = {
    Unauthenticated.status: "WWW-Authenticate",
    TooManyRequests.status: "Retry-After",
    Unavailable.status: "Retry-After",
}

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What a document says of all its calls.

    Attributes:
        scheme: What the security scheme is called.
        secured_by: What it is (OpenAPI 3.1.0 section 4.8.27).
        scopes: What a token has to be for.
    """

    title: str
    description: str
    scheme: str
    secured_by: Schema
    scopes: tuple[str, ...] = ()


PHONE_API = Api(
    title="Phone API",
    description="The calls of a phone that is somebody's login key.",
    scheme="deviceToken",
    secured_by={
        "type": "http",
        "scheme": "bearer",
        "description": "The device token: 32 random bytes in base64url, which the phone drew.",
    },
)


class Caller(Enum):
    """Who may call; each value is what this alone can be refused with."""

    #: No token.
    ANYBODY = ()
    #: A token that the phone drew, whether or not it is bound.
    ANY_PHONE = (Unauthenticated, MalformedDeviceToken)
    #: The device token of a bound phone.
    BOUND_PHONE = (Unauthenticated, PhoneBlocked, PhoneExpired)
    #: A token that a client got for itself.
    MACHINE = (TooManyRequests,)


class Header(StrEnum):
    """What a call looks at beside path, token and body."""

    PREFER = "Prefer"
    IF_NONE_MATCH = "If-None-Match"
    ACCEPT_LANGUAGE = "Accept-Language"
    IF_MATCH = "If-Match"
    IDEMPOTENCY_KEY = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Filter:
    """What may stand in a query.

    Attributes:
        said: What it means.
        schema: What it can be (JSON Schema 2020-12).
    """

    said: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One call.  The first line of the handler's docstring is its summary.

    What every call can be refused with is not named again: a token that opens nothing, a body of
    another form, an identifier that leads nowhere, a server that is away.  So this is whole:

        Operation(
            "POST",
            "/phone/transfers/{id}/claim",
            self.claim,
            body=ClaimBody,
            responses={200: Claimed},
            refusals=(Expired,),
        )

    Attributes:
        caller: `Caller.ANY_PHONE` for a phone that may not be bound yet.
        body: The type that `json_body` reads; nothing for a call without a body.
        query: What may stand in the query, by name, and what it means.
        headers: With `Header.IF_NONE_MATCH` 200 has an `ETag`, and 304 may be the answer; with
            `Header.IF_MATCH` what was changed has one.
        responses: The Struct that `answer` is given, by status; nothing for no body.
        told: The further headers of an answer that has a body, and what each says.
        media: What that body is.
        refusals: The further refusals that the handler and its flow raise.
        description: What the summary does not tell, in CommonMark.
    """

    method: str
    path: str
    handler: Any
    caller: Caller = Caller.BOUND_PHONE
    body: Any = None
    query: Mapping[str, str | Filter] = field(default_factory=dict)
    headers: tuple[Header, ...] = ()
    responses: Mapping[int, Any] = field(default_factory=lambda: {204: None})
    told: Mapping[str, str] = field(default_factory=dict)
    media: str = _JSON
    refusals: tuple[type[Refusal], ...] = ()
    description: str = ""

    @property
    def id(self) -> str:
        """A name for generated clients, made of what is contract: `postPhoneTransfersIdClaim`."""
        words = re.findall(r"[A-Za-z]+", self.path)
        return self.method.lower() + "".join(word.capitalize() for word in words)

    @property
    def every_refusal(self) -> tuple[type[Refusal], ...]:
        """What it can be refused with, the general ones included."""
        found = [*self.refusals, *self.caller.value]
        if "{" in self.path:
            found.append(NotFound)
        if self.body is not None:
            found += [InvalidRequest, UnsupportedMediaType, BodyTooLarge, BodyTooSlow]
        return tuple(dict.fromkeys([*found, WrongHost, Unavailable]))


class Error(msgspec.Struct):
    """An answer of "no"; the description says what to do next, and may be shown."""

    error: str
    error_description: str
    field: Annotated[
        str | msgspec.UnsetType, msgspec.Meta(description="Which member or filter is not right.")
    ] = msgspec.UNSET
    person_id: Annotated[
        str | msgspec.UnsetType, msgspec.Meta(description="Whom it is about.")
    ] = msgspec.UNSET
    attempts_left: Annotated[
        int | msgspec.UnsetType, msgspec.Meta(description="How often a code may still be typed.")
    ] = msgspec.UNSET
    status: Annotated[
        str | msgspec.UnsetType,
        msgspec.Meta(description="Where that is which this is too late for."),
    ] = msgspec.UNSET
    request_id: Annotated[
        str | msgspec.UnsetType, msgspec.Meta(description="Of 5xx, for the operator to be told.")
    ] = msgspec.UNSET


#: Without which a call is refused, and what it can be.
_NEEDED: Mapping[Header, Schema] = {
    Header.IF_MATCH: {"type": "string", "pattern": '^(\\*|"[!#-~]{1,100}")$'},
    Header.IDEMPOTENCY_KEY: {
        "type": "string",
        "pattern": r'^("[ !#-\[\]-~]{1,253}"|[!#-~]{1,255})$',
    },
}


def document(
    operations: Iterable[Operation],
    *,
    server: str,
    version: str,
    limited: Collection[tuple[str, str]] = (),
    api: Api = PHONE_API,
) -> Schema:
    """Return the OpenAPI 3.1 document of these calls.

    Args:
        server: The base URL.
        limited: Calls, by method and path, that one address may make so often only.
    """
    calls = list(operations)
    bodies = (body for call in calls for body in (call.body, *call.responses.values()) if body)
    types = [*dict.fromkeys(bodies), Error]
    schemas, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, Schema] = {}
    for call in calls:
        is_limited = (call.method, call.path) in limited
        described = _operation(call, schema_of, api, is_limited=is_limited)
        paths.setdefault(call.path, {})[call.method.lower()] = described
    return {
        "openapi": OPENAPI,
        "info": {
            "title": api.title,
            "version": version,
            "description": api.description,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {api.scheme: api.secured_by},
        },
    }


def _operation(
    call: Operation, schema_of: Mapping[Any, Schema], api: Api, *, is_limited: bool
) -> Schema:
    summary = (inspect.getdoc(call.handler) or "").partition("\n")[0]
    described: Schema = {"operationId": call.id, "summary": summary}
    if call.description:
        described["description"] = call.description
    secured = {api.scheme: list(api.scopes)}
    described["security"] = [] if call.caller is Caller.ANYBODY else [secured]
    parameters = [
        *map(_path_parameter, _PARAMETER.findall(call.path)),
        *(_query(name, said) for name, said in call.query.items()),
        *map(_header, call.headers),
    ]
    if parameters:
        described["parameters"] = parameters
    if call.body is not None:
        content = {_JSON: {"schema": schema_of[call.body]}}
        described["requestBody"] = {"required": True, "content": content}
    refusals = (*call.every_refusal, TooManyRequests) if is_limited else call.every_refusal
    described["responses"] = {
        **_answers(call, schema_of),
        **_refused(refusals, schema_of[Error]),
    }
    return described


def _path_parameter(name: str) -> Schema:
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query(name: str, said: str | Filter) -> Schema:
    read = Filter(said) if isinstance(said, str) else said
    return {"name": name, "in": "query", "description": read.said, "schema": read.schema}


def _header(name: Header) -> Schema:
    said = {
        Header.PREFER: "`wait=25` holds the call until there is news, 25 seconds at most "
        "(RFC 7240 section 4.3).",
        Header.IF_NONE_MATCH: "The `ETag` of what the caller knows (RFC 9110 section 13.1.2).",
        Header.ACCEPT_LANGUAGE: "In which language texts are (RFC 9110 section 12.5.4).",
        Header.IF_MATCH: "The `ETag` of what is to be changed (RFC 9110 section 13.1.1).",
        Header.IDEMPOTENCY_KEY: "A name of the caller's for this one act: sent again with the "
        "same body within 24 hours it gets the same answer, and nothing is done twice.",
    }[name]
    schema = _NEEDED.get(name)
    needed = {"required": True} if schema else {}
    schema = schema or {"type": "string"}
    return {"name": name, "in": "header", "description": said, **needed, "schema": schema}


def _answers(call: Operation, schema_of: Mapping[Any, Schema]) -> Schema:
    answers: Schema = {}
    for status, body in call.responses.items():
        answers[str(status)] = {"description": HTTPStatus(status).phrase}
        if body is not None:
            answers[str(status)]["content"] = {call.media: {"schema": schema_of[body]}}
        headers = _told(call, has_body=body is not None)
        if headers:
            answers[str(status)]["headers"] = headers
    if Header.IF_NONE_MATCH in call.headers:
        answers["304"] = {"description": "The caller knows what there is."}
    return answers


def _told(call: Operation, *, has_body: bool) -> Schema:
    schema = {"schema": {"type": "string"}}
    tagged = Header.IF_NONE_MATCH in call.headers or (has_body and Header.IF_MATCH in call.headers)
    said = {name: {"description": words, **schema} for name, words in call.told.items()}
    return ({"ETag": schema} if tagged else {}) | (said if has_body else {})


def _refused(refusals: Iterable[type[Refusal]], error: Schema) -> Schema:
    answers: Schema = {}
    by_status: dict[int, list[type[Refusal]]] = {}
    for refusal in refusals:
        by_status.setdefault(refusal.status, []).append(refusal)
    for status, kinds in sorted(by_status.items()):
        said = "\n".join(f"- `{kind.code}`: {kind.description}" for kind in kinds)
        answers[str(status)] = _no(said, error, sorted({kind.code for kind in kinds}))
        if status in _HEADERS:
            header = {"required": True, "schema": {"type": "string"}}
            answers[str(status)]["headers"] = {_HEADERS[status]: header}
    fault = "This is our fault; tell us the `request_id`."
    answers["500"] = _no(fault, error, ["server_error"])
    return answers


def _no(said: str, error: Schema, codes: list[str]) -> Schema:
    narrowed = {"properties": {"error": {"enum": codes}}}
    return {
        "description": said,
        "content": {_JSON: {"schema": {"allOf": [error, narrowed]}}},
    }

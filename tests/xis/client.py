"""A XIS on the bare wire, and the phone that it asks."""

import json
from dataclasses import dataclass
from typing import Any

from clients.auth_request import AuthRequest as ShownRequest
from clients.event_stream import events
from clients.phone import SoftwarePhone
from tests.approvals.desk import Desk
from tests.oidc.client import BareClient
from tests.qr.logins import frame, login_flow

PLACE = {"WorkstationId": "ws-1", "Workstation": "Balie 1", "Location": "Polikliniek"}
HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
CANCELLED, OPENED, CLOSED, INITIALIZED, UNSIGNED, FINISHED = range(6)


@dataclass(frozen=True)
class Told:
    """An event as it came."""

    id: int
    type: int
    payload: dict[str, Any]


@dataclass(frozen=True)
class Nonce:
    """What opens the frames of a session, by the name under which tests look for it."""

    auth_req_id: str


@dataclass
class Xis:
    """A registered client that speaks ZORG-ID's own interface."""

    desk: Desk
    id: str
    key: Any

    def bearer(self) -> dict[str, str]:
        """A fresh assertion, by the server's clock, which a test may have moved on."""
        now = int(self.desk.house.ports.clock().timestamp())
        signed = BareClient(self.desk.house, self.id, self.key).assertion(iat=now, exp=now + 60)
        return {"Authorization": f"Bearer {signed}"}

    async def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """Make a call; its status and what came."""
        sent, raw = self.bearer() | headers, None
        if body is not None:
            raw = json.dumps(body, ensure_ascii=False).encode()
            sent["Content-Type"] = "application/json"
        url = self.desk.house.base_url + path
        async with self.desk.house.http.request(method, url, data=raw, headers=sent) as answer:
            raw = await answer.read()
            return answer.status, json.loads(raw) if raw else None

    async def open(self, **body: Any) -> dict[str, Any]:
        status, opened = await self.call("POST", "/v1/sessions/open", PLACE | body)
        assert status == 200
        return dict(opened)

    async def close(self, session_id: str) -> int:
        status, _ = await self.call("POST", f"/v1/sessions/close?sessionId={session_id}")
        return status

    async def sign(self, session_id: str, **body: Any) -> tuple[int, Any]:
        asked = {
            "SessionId": session_id,
            "HashAlgorithm": "sha-256",
            "Entries": [{"id": "one", "data": HASH}],
        }
        return await self.call("POST", "/v1/transactions", asked | body)

    async def events(self, after: int | None = None, wait: int = 0) -> list[Told]:
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        status, found = await self.call("GET", "/v1/events", **headers)
        assert status == 200
        return [_told(each) for each in found]

    async def stream(self, after: int, count: int) -> list[Told]:
        """Read server-sent events until there are as many."""
        headers = {**self.bearer(), "Accept": "text/event-stream", "Last-Event-ID": str(after)}
        url, found = self.desk.house.base_url + "/v1/events", []
        async with self.desk.house.http.get(url, headers=headers) as answer:
            assert answer.status == 200
            async for _, data in events(answer.content):
                found.append(_told(json.loads(data)))
                if len(found) == count:
                    break
        return found

    async def scan(
        self, opened: dict[str, Any], phone: SoftwarePhone | None = None
    ) -> ShownRequest:
        """Let a phone scan what the workstation shows."""
        phone = phone or self.desk.phone
        link = await frame(login_flow(self.desk), Nonce(opened["nonce"]))
        return await phone.get(await phone.scan_login(link))

    async def opened(self, **body: Any) -> str:
        """Open a session that the holder approves, and read that it is; its id."""
        opened = await self.open(**body)
        await self.desk.phone.approve(await self.scan(opened), "")
        assert (await self.events(after=0))[-1].type == OPENED
        return str(opened["id"])


def _told(event: dict[str, Any]) -> Told:
    return Told(int(event["id"]), event["type"], json.loads(event["payload"]))

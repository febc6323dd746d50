"""The page of the organisation's own rules: which phones it takes, what it wants two for."""

from aiohttp import web

from admin import policy, policy_record
from admin.access import Act, Target, check
from admin.frame import ORGANISATION, Frame
from admin.gate import Page
from admin.policy import SECONDED, AdminPolicy, PhoneRules
from admin.session import Visit
from admin.words import ACTS
from pairing_server.audit.events import KeyPolicyChanged
from pairing_server.errors import NotFound
from pairing_server.http import form_body
from pairing_server.pages.front import see_other
from pairing_server.ports import Ports
from pairing_server.registry import Query, Transaction, organisations, people_overview
from pairing_server.registry.organisations import Organisation
from pairing_server.registry.people_overview import Kinds
from pairing_server.tokens import new_id

PATH = ORGANISATION


class PolicyPages:
    """Show the rules, and change them."""

    def __init__(self, frame: Frame, ports: Ports) -> None:
        self._frame = frame
        self._registry = ports.registry
        self._clock = ports.clock
        self._random = ports.random

    def pages(self) -> list[Page]:
        """Return the pages."""
        return [
            Page(method="GET", path=PATH, act=Act.SEE_POLICY, handler=self.show),
            Page(method="POST", path=f"{PATH}/policy", act=Act.SET_POLICY, handler=self.change),
            Page(
                method="POST", path=f"{PATH}/phones", act=Act.SET_POLICY, handler=self.set_phones
            ),
        ]

    async def show(self, request: web.Request, visit: Visit) -> web.Response:
        """Show what the organisation wants two people for."""
        now, ura = self._clock(), visit.actor.ura

        def read(tx: Query) -> tuple[Organisation, Kinds]:
            found = organisations.get(tx, ura)
            if found is None:
                raise NotFound("organisation")
            return found, people_overview.kinds(tx, ura, now)

        found, kinds = await self._registry.read(read)
        return self._frame.render(
            request,
            visit,
            "organisation.html",
            organisation=found,
            seconded=sorted((act.value, ACTS[act]) for act in SECONDED),
            second=policy.read(found.admin_policy).second,
            rules=policy.phone_rules(found.key_policy),
            kinds=kinds,
            done=request.query.get("done", ""),
        )

    async def change(self, request: web.Request, visit: Visit) -> web.Response:
        """Change it, or ask a second one to; what else a form says is nothing here."""
        form = await form_body(request)
        wanted = AdminPolicy(second=frozenset(act for act in SECONDED if act.value in form))
        now, pending_id = self._clock(), new_id(self._random)
        is_asked = await self._registry.commit(
            lambda tx: policy_record.settle(tx, visit.still(tx, now), wanted, pending_id, now)
        )
        return see_other(f"{PATH}?done={'asked' if is_asked else 'policy'}")

    async def set_phones(self, request: web.Request, visit: Visit) -> web.Response:
        """Settle which phones the organisation takes; what the operator agreed stays."""
        form, now = await form_body(request), self._clock()
        wanted = PhoneRules(hardware="hardware" in form, no_copies="no_copies" in form)

        def change(tx: Transaction) -> None:
            actor = visit.still(tx, now)
            check(Act.SET_POLICY, actor, Target.of_organisation(actor.ura), now)
            found = organisations.get_for_update(tx, actor.ura)
            if found is None:
                raise NotFound("organisation")
            made = policy.with_phone_rules(found.key_policy, wanted)
            if made == found.key_policy:
                return
            organisations.set_key_policy(tx, actor.ura, made)
            tx.record(
                KeyPolicyChanged(
                    actor=actor.name,
                    object=f"organisation:{actor.ura}",
                    ura=actor.ura,
                    evidence=made,
                )
            )

        await self._registry.commit(change)
        return see_other(f"{PATH}?done=phones")

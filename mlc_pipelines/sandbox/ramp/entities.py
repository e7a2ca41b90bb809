"""The business and its entities: one per company of the world, with its bank account for bills."""

from typing import Any

from mlc_pipelines.sandbox.ramp.answers import Answer, not_found, stamp
from mlc_pipelines.sandbox.ramp.gate import Call, Endpoint
from mlc_pipelines.sandbox.ramp.money import PLACES
from mlc_pipelines.sandbox.ramp.queries import one_of, truth
from mlc_pipelines.sandbox.ramp.store import Entity, Store


class EntityEndpoints:
    """What /entities and /business answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints of this room."""
        return [
            Endpoint("GET", "/entities", "entities:read", self._list),
            Endpoint("GET", "/entities/{id}", "entities:read", self._show),
            Endpoint("GET", "/business", "business:read", self._business),
        ]

    def _list(self, call: Call) -> Answer:
        filters = call.filters({"currency": one_of(*PLACES), "entity_name": str, "is_primary": truth})
        found = list(self._store.entities.values())
        if "currency" in filters:
            found = [entity for entity in found if entity.currency == filters["currency"]]
        if "entity_name" in filters:
            found = [entity for entity in found if entity.name == filters["entity_name"]]
        if "is_primary" in filters:
            found = [entity for entity in found if entity.is_primary is filters["is_primary"]]
        return call.page(found, render=as_entity)

    def _show(self, call: Call) -> Answer:
        found = self._store.entities.get(call.key())
        if found is None:
            raise not_found("entity", call.key())
        return Answer(200, as_entity(found))

    def _business(self, call: Call) -> Answer:
        first = self._store.world.companies[0]
        return Answer(
            200,
            {
                "id": self._store.business_id,
                "active": True,
                "business_name_legal": first.name,
                "business_name_on_card": first.name,
                "billing_address": {"country": first.country},
                "created_time": stamp(next(iter(self._store.entities.values())).created_at),
                "enforce_sso": False,
                "is_integrated_with_slack": False,
                "is_reimbursements_enabled": True,
                "limit_locked": False,
                "phone": None,
                "website": None,
            },
        )


def as_entity(entity: Entity) -> dict[str, Any]:
    """Return an entity row."""
    account = {
        "internal_id": entity.bank_internal_id,
        "bank_account_id": entity.bank_account_id,
        "external_id": f"bank-{entity.currency.lower()}",
        "external_name": f"Main account {entity.currency}",
        "usage_type": "BILL_PAY_BANK_ACCOUNT",
        "classification": "ASSET",
        "created_at": stamp(entity.created_at),
    }
    return {
        "id": entity.id,
        "entity_name": entity.name,
        "currency": entity.currency,
        "is_primary": entity.is_primary,
        "location_ids": [entity.location_id],
        "accounts": [account],
    }

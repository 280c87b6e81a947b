"""What a Temporal namespace must have before processes run in it."""

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client

from runtime.settings import SettingsError
from workflows._kit import attributes


async def register_search_attributes(client: Client) -> None:
    """Add the search attributes that lack, and verify their types.

    Temporal ignores a changed type without a word; here that is a `SettingsError`.
    """
    wanted = {
        key.name: IndexedValueType.ValueType(key.indexed_value_type) for key in attributes.ALL
    }
    listing = ListSearchAttributesRequest(namespace=client.namespace)
    known = (await client.operator_service.list_search_attributes(listing)).custom_attributes
    lacking = {name: kind for name, kind in wanted.items() if name not in known}
    if lacking:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=lacking)
        )
    wrong = [name for name, kind in wanted.items() if name in known and known[name] != kind]
    if wrong:
        raise SettingsError(
            f"Search attributes {', '.join(wrong)} exist in namespace {client.namespace} with "
            "another type: remove them there, or use another namespace."
        )

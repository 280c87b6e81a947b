"""The payload codec: histories hold ciphertext, each execution under a key of its own."""

import copy
import zlib
from collections.abc import Sequence
from typing import Final, Protocol, Self

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    ActivitySerializationContext,
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from persistence.ciphers import DataKey
from persistence.vault import Erased

ENCODING: Final = b"binary/encrypted"
_ZLIB: Final = b"zlib"
_PLAIN: Final = b"none"
_WORTH_COMPRESSING: Final = 256
# What belongs to no execution (a schedule's own memo, say) shares one key.
_NO_EXECUTION: Final = ""
_ERASED: Final = Payload(metadata={"encoding": b"json/plain"}, data=b'"(erased)"')


class DataKeys(Protocol):
    """Where the keys of executions come from (`persistence.vault.Vault`)."""

    async def key_of(self, workflow_id: str) -> DataKey:
        """The key of an execution, made where there is none. Raises `Erased`."""
        ...

    async def key_by_id(self, key_id: str) -> DataKey:
        """The key that a payload names. Raises `Erased` or `KeyUnknown`."""
        ...


class CaravanCodec(PayloadCodec, WithSerializationContext):
    """AES-256-GCM under the key of the execution that the payload belongs to.

    The payload names its key, so that decoding needs no workflow id. Payloads that are not
    encrypted pass unchanged: an operator's tool may send a signal in clear.
    """

    def __init__(self, keys: DataKeys, workflow_id: str = _NO_EXECUTION) -> None:
        """Temporal itself asks for the codec of each *workflow_id*, by `with_context`."""
        self._keys = keys
        self._workflow_id = workflow_id

    def with_context(self, context: SerializationContext) -> Self:
        """The same codec for the execution that *context* names."""
        match context:
            case WorkflowSerializationContext() | ActivitySerializationContext():
                return type(self)(self._keys, context.workflow_id or _NO_EXECUTION)
            case _:
                return self

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt whole payloads, their metadata included. Raises `Erased`."""
        key = await self._keys.key_of(self._workflow_id)
        return [_encrypted(payload, key) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Undo `encode`. Raises `Erased`, `KeyUnknown` or `Tampered`."""
        return [await self._decrypted(payload) for payload in payloads]

    async def show(self, payloads: Sequence[Payload]) -> list[Payload]:
        """As `decode`, for people to read: what was erased says so instead of raising."""
        return [await self._shown(payload) for payload in payloads]

    async def _shown(self, payload: Payload) -> Payload:
        try:
            return await self._decrypted(payload)
        except Erased:
            return _ERASED

    async def _decrypted(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        key = await self._keys.key_by_id(payload.metadata["key-id"].decode())
        compression = payload.metadata["compression"]
        clear = key.decrypt(payload.data, compression.decode())
        return Payload.FromString(zlib.decompress(clear) if compression == _ZLIB else clear)


def _encrypted(payload: Payload, key: DataKey) -> Payload:
    clear, compression = _smallest(payload.SerializeToString())
    return Payload(
        metadata={
            "encoding": ENCODING,
            "key-id": key.key_id.encode(),
            "compression": compression,
        },
        data=key.encrypt(clear, compression.decode()),
    )


def _smallest(clear: bytes) -> tuple[bytes, bytes]:
    if len(clear) <= _WORTH_COMPRESSING:
        return clear, _PLAIN
    packed = zlib.compress(clear)
    return (packed, _ZLIB) if len(packed) < len(clear) else (clear, _PLAIN)


# How a type is read from JSON is worked out once per process. The SDK makes a converter for every
# execution, and each would work it out anew: a tenth of a worker's time. Messages lie in modules
# that all executions share: a type of an execution's own would be kept, with its whole module.
_JSON: Final = PydanticJSONPlainPayloadConverter()


class _Values(CompositePayloadConverter):
    """Pydantic's conversion, shared by all executions."""

    def __init__(self) -> None:
        """Take the SDK's own converters, and Pydantic's for JSON."""
        super().__init__(
            *(
                _JSON if isinstance(one, JSONPlainPayloadConverter) else one
                for one in DefaultPayloadConverter.default_encoding_payload_converters
            )
        )


class _Converter(DataConverter):
    """Of its parts only the codec differs from execution to execution."""

    def with_context(self, context: SerializationContext) -> Self:
        """The same converter with the codec of *context*; the SDK's own makes every part anew."""
        assert isinstance(self.payload_codec, CaravanCodec)  # noqa: S101 - see data_converter
        made = copy.copy(self)
        object.__setattr__(made, "payload_codec", self.payload_codec.with_context(context))
        return made


def data_converter(keys: DataKeys) -> DataConverter:
    """Pydantic values, encrypted; messages and traces of failures, too."""
    return _Converter(
        payload_converter_class=_Values,
        payload_codec=CaravanCodec(keys),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )

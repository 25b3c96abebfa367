"""How a record's id is found in its bytes, also in one that cannot be read whole."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from loader.errors import Lacking


class IdField:
    """The id is a field of the record.

    Args:
        name: its JSON key, `conversationId` or `id`.
    """

    def __init__(self, name: str) -> None:
        self.path: tuple[str, ...] = (name,)
        self._near = re.compile(rb'"%s"\s*:\s*"([^"\\\s][^"\\]{0,127})"' % name.encode())
        self._decoder = _keys([name])

    def of(self, payload: bytes) -> object:
        """Return the field's value, None where it is absent."""
        return self._decoder.decode(payload).field_0

    def guess(self, payload: bytes) -> str | None:
        """Look for the field in the first bytes."""
        match = self._near.search(payload[:4096])
        return match.group(1).decode(errors="backslashreplace") if match else None


class RecordId(IdField):
    """The id is a field of a record that is none without certain others.

    Args:
        name: the id's JSON key.
        required: keys that must be there and not null.
    """

    def __init__(self, name: str, required: Sequence[str]) -> None:
        super().__init__(name)
        self._required = required
        self._fields = _keys(required)

    def of(self, payload: bytes) -> object:
        """Return the id's value; None where it is absent."""
        fields = self._fields.decode(payload)
        for name, attribute in zip(self._required, fields.__struct_fields__, strict=True):
            if getattr(fields, attribute) is None:
                raise Lacking(name)
        return super().of(payload)


class JoinedId:
    """The id is several texts of the record, joined by `|`.

    Args:
        paths: where they lie, each a key or a key and one below it, as ("queue", "id").
    """

    def __init__(self, *paths: tuple[str, ...]) -> None:
        self.path = paths[0]
        self._paths = paths
        self._decoder = _keys([path[0] for path in paths])

    def of(self, payload: bytes) -> object:
        """Return the joined texts, None where one is absent."""
        fields = self._decoder.decode(payload)
        parts = []
        for path, attribute in zip(self._paths, fields.__struct_fields__, strict=True):
            value = getattr(fields, attribute)
            for key in path[1:]:
                value = value.get(key) if isinstance(value, dict) else None
            if not isinstance(value, str) or not value.strip():
                return None
            parts.append(value)
        return "|".join(parts)

    def guess(self, payload: bytes) -> str | None:
        """Return None: no single field tells."""
        return None


def _keys(names: Sequence[str]) -> msgspec.json.Decoder[Any]:
    """Return a decoder of some keys of an object, None where absent; it skips the others."""
    attributes = {f"field_{number}": name for number, name in enumerate(names)}
    kind = msgspec.defstruct(
        "Keys", [(attribute, object, None) for attribute in attributes], rename=attributes
    )
    return msgspec.json.Decoder(kind)

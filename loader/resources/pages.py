"""Decoders of answers, and page tokens that hold more than Genesys' own."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from loader.errors import LostJob, Unreadable, WrongShape
from loader.genesys.replies import Reply
from loader.raw import slice_array

Document = TypeVar("Document", bound=msgspec.Struct)
Records = Sequence[msgspec.Raw | bytes]


def write_token(place: msgspec.Struct) -> str:
    """Return as a page token where reading goes on, for pages that need more than Genesys' own."""
    return msgspec.json.encode(place).decode()


def read_token(kind: type[Document], token: str) -> Document:
    """Return the place a token of `write_token` stands for.

    Raises:
        LostJob: it was written by another version of the loader.
    """
    try:
        return msgspec.json.decode(token, type=kind)
    except msgspec.DecodeError:
        raise LostJob("the page token is of another version of the loader") from None


def decoder(kind: type[Document]) -> Callable[[Reply], Document]:
    """Return a decoder of a small JSON answer into `kind`; unknown fields are let through."""
    inner = msgspec.json.Decoder(kind)

    def decode(reply: Reply) -> Document:
        try:
            return inner.decode(reply.body)
        except msgspec.ValidationError as error:
            raise WrongShape(_problem(error)) from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise Unreadable(_problem(error)) from None

    return decode


def page_decoder(
    envelope: type[Document], key: str
) -> Callable[[Reply], tuple[Document, Records | None]]:
    """Return a decoder of pages whose records lie in the array under `key`.

    Args:
        envelope: fields around the records; `key` itself must be one of type
            `list[msgspec.Raw] | None`.
        key: name of that array in JSON.

    Returns:
        Envelope and records; the records are None where the key is absent or null.
    """
    inner = msgspec.json.Decoder(envelope)

    def decode(reply: Reply) -> tuple[Document, Records | None]:
        body = reply.body
        try:
            page = inner.decode(body)
            return page, getattr(page, key)
        except msgspec.ValidationError as error:
            raise WrongShape(_problem(error)) from None
        except (msgspec.DecodeError, RecursionError) as error:
            # One bad record must not cost the others: cut the page without parsing the records.
            cut = slice_array(body, key)
            if cut is None:
                raise Unreadable(_problem(error)) from None
            try:
                return inner.decode(cut[0]), cut[1]
            except msgspec.ValidationError as wrong:
                raise WrongShape(_problem(wrong)) from None
            except msgspec.DecodeError as broken:
                raise Unreadable(_problem(broken)) from None

    return decode


def _problem(error: Exception) -> str:
    return str(error)[:120] or type(error).__name__

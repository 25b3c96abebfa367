"""Decoders of answers, page tokens that hold more than Genesys' own, and tokens that are lost."""

from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from loader.errors import LostJob, Refused, Unreadable, WrongShape
from loader.genesys.replies import Headers, Reply
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


def token_in_header(headers: Headers, name: str) -> str | None:
    """Return the page token a header tells; the text `null` is none."""
    told = headers.get(name, "").strip()
    return None if told in ("", "null") else told


@contextmanager
def lost_if_refused(token: str | None, statuses: Container[int] = (400,)) -> Iterator[None]:
    """Take the refusal of a request for the loss of what it was made with.

    Args:
        token: the page token or the job's id; None if there is none that could be lost.
        statuses: what a service says that no longer knows it.

    Raises:
        LostJob: token or job have expired.
    """
    try:
        yield
    except Refused as refusal:
        if token is not None and refusal.status in statuses:
            raise LostJob(str(refusal)) from None
        raise


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
    envelope: type[Document], key: str, is_empty: Callable[[Document], bool] | None = None
) -> Callable[[Reply], tuple[Document, Records]]:
    """Return a decoder of pages whose records lie in the array under `key`, which must be there.

    An absent one means that there are no records only where the contract says so: with HTTP 200
    that is how data are lost without a sign.

    Args:
        envelope: as for `envelope_decoder`.
        key: name of that array in JSON.
        is_empty: tells of an envelope without the array that it is one of no records, where the
            contract knows such; none is where it is not given.

    Returns:
        Envelope and records.
    """
    decoded = envelope_decoder(envelope, key)

    def decode(reply: Reply) -> tuple[Document, Records]:
        page, records = decoded(reply)
        if records is None and is_empty is not None and is_empty(page):
            return page, []
        if records is None:
            raise without(key)
        return page, records

    return decode


def without(key: str) -> WrongShape:
    """Return the error of an answer that lacks what it was asked for."""
    return WrongShape(f"answered 200 without `{key}`.")


def envelope_decoder(
    envelope: type[Document], key: str
) -> Callable[[Reply], tuple[Document, Records | None]]:
    """Return a decoder as `page_decoder`'s, for answers that may be without the array.

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
            cut = slice_array(bytes(body), key)
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

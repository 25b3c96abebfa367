"""Raw rows: a record's own bytes, and quarantine for what no warehouse can store."""

import hashlib
import json
import tracemalloc
from datetime import UTC, datetime

import msgspec
import pyarrow as pa
import pytest

from loader import raw
from loader.errors import Unreadable, WrongShape
from loader.genesys.replies import Reply
from loader.raw import RawPages, slice_array
from loader.resources.pages import page_decoder
from loader.resources.record_ids import IdField
from loader.windows import Window

WINDOW = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
EXTRACTED_AT = datetime(2026, 3, 2, 6, tzinfo=UTC)


def raw_pages() -> RawPages:
    return RawPages("conversation_details", IdField("conversationId"), (), WINDOW, EXTRACTED_AT)


def record(value: bytes) -> bytes:
    return b'{"conversationId": "c-1", "value": ' + value + b"}"


@pytest.mark.parametrize(
    "payload",
    [
        b'{ "conversationId":"c-1",  "Key":1, "key":2, "k e.y":"" , "key":3 }',
        record('"\u00e5\u2603\U0001f600"'.encode()),
        record(b'"\\ud83d\\ude00"'),
        record(b'"\\\\u0000"'),
        record(b"[" * 200 + b"]" * 200),
        record(b"123456789012345678901234567890"),
    ],
    ids=["blanks and colliding keys", "utf-8", "escaped pair", "escaped backslash", "deep", "big"],
)
def test_a_valid_record_is_stored_byte_for_byte(payload: bytes) -> None:
    page = raw_pages().page([payload], page_number=1)
    assert page.quarantined == []
    [rows] = page.rows.to_batches()
    assert rows.to_pylist() == [
        {
            "record_id": "c-1",
            "window_start": WINDOW.start,
            "window_end": WINDOW.end,
            "extracted_at": EXTRACTED_AT,
            "payload_hash": hashlib.sha256(payload).hexdigest(),
            "payload": payload.decode(),
        }
    ]


def test_records_of_any_length_are_stored_byte_for_byte_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(raw, "COPIED_BYTES", 150)
    payloads = [record(b'"' + "\u2603".encode() * length + b'"') for length in (0, 9, 1, 60, 2, 7)]
    served = b'{"conversations":[' + b", ".join(payloads) + b"]}"
    _, records = page_decoder(_Page, "conversations")(Reply(bytearray(served)))
    batches = list(raw_pages().page(records, page_number=1).rows.to_batches())
    assert len(batches) > 1
    stored = [text for batch in batches for text in batch["payload"].to_pylist()]
    assert [text.encode() for text in stored] == payloads
    for batch in batches:
        batch.validate(full=True)


@pytest.mark.parametrize(
    ("payload", "record_id", "reason"),
    [
        (b'{"conversationId": null}', None, "no id"),
        (b'{"conversationId": "  "}', None, "no id"),
        (b'{"conversationId": 7}', None, "no id"),
        (b"{}", None, "no id"),
        (b"[1]", None, "not a JSON object"),
        (b"null", None, "not a JSON object"),
        (record(b"NaN"), "c-1", "not valid JSON"),
        (record(b'"\x01"'), "c-1", "not valid JSON"),
        (record(b'"\\ud800"'), "c-1", "not valid JSON"),
        (record(b'"\\ud800x"'), "c-1", "not valid JSON"),
        (record(b'"\\udc00"'), "c-1", "not valid JSON"),
        (record(b'"\\u0000"'), "c-1", "NUL"),
        (record(b'"\\\\\\u0000"'), "c-1", "NUL"),
        (record(b'"\xff"'), "c-1", "UTF-8"),
        (record(b"[" * 100_000 + b"]" * 100_000), "c-1", "nested too deeply"),
        (record(b'"' + b"x" * (33 << 20) + b'"'), "c-1", "larger than 32 MB"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_record_that_is_not_valid_is_refused_with_its_reason_and_the_others_stay(
    payload: bytes, record_id: str | None, reason: str
) -> None:
    good = b'{"conversationId": "c-2"}'
    page = raw_pages().page([good, payload, good], page_number=4)
    assert page.rows.num_rows == 2
    [refused] = page.quarantined
    assert reason in refused.reason
    assert (refused.record_id, refused.page_number, refused.position) == (record_id, 4, 1)
    assert refused.payload_hash == hashlib.sha256(payload).hexdigest()
    assert refused.payload[:20].encode() == payload[:20]


class Envelope(msgspec.Struct):
    """A page as the service wraps it."""

    cursor: str | None = None
    conversations: list[msgspec.Raw] | None = None


decode = page_decoder(Envelope, "conversations")


def texts(body: bytes) -> tuple[str | None, list[bytes]]:
    envelope, records = decode(Reply(body))
    assert records is not None
    return envelope.cursor, [bytes(item) for item in records]


def test_a_page_is_sliced_into_the_bytes_of_its_records() -> None:
    body = b'{"conversations":[{"a": 1 },{"b":"]}"}],"cursor":"next"}'
    assert texts(body) == ("next", [b'{"a": 1 }', b'{"b":"]}"}'])


def test_one_broken_record_does_not_cost_the_page() -> None:
    body = b'{"cursor":"x","conversations":[{"a":NaN}, {"b":[1,{"c":"\\"]"}]} , {"d":2}]}'
    assert texts(body) == ("x", [b'{"a":NaN}', b'{"b":[1,{"c":"\\"]"}]}', b'{"d":2}'])


def test_both_ways_of_slicing_agree() -> None:
    conversations = [{"id": n, "text": '],[{"\\', "list": [[], [{}]]} for n in range(50)]
    for body in (
        json.dumps({"conversations": conversations, "cursor": None}).encode(),
        json.dumps({"cursor": "conversations", "conversations": []}).encode(),
        json.dumps({"x": {"conversations": [1]}, "conversations": [2]}).encode(),
    ):
        cut = slice_array(body, "conversations")
        assert cut is not None
        assert cut[1] == texts(body)[1]


@pytest.mark.parametrize("cut_at", [1, 20, 40, 58])
def test_a_page_cut_short_is_unreadable_so_that_it_is_asked_for_again(cut_at: int) -> None:
    body = b'{"conversations":[{"a": 1 },{"b":NaN,"c":"]}"}],"cursor":"n"}'
    with pytest.raises(Unreadable):
        decode(Reply(body[:cut_at]))


@pytest.mark.parametrize("body", [b'{"conversations":{}}', b'{"cursor":5}', b"[]"])
def test_whole_json_of_another_shape_breaks_the_contract(body: bytes) -> None:
    with pytest.raises(WrongShape):
        decode(Reply(body))


def test_a_nul_in_the_id_itself_does_not_reach_the_quarantine_as_one() -> None:
    page = raw_pages().page([b'{"conversationId": "c\\u00001"}'], page_number=1)
    [refused] = page.quarantined
    assert (refused.record_id, refused.reason) == ("c\\x001", "NUL character")


def test_refused_records_count_towards_the_size_of_a_commit() -> None:
    page = raw_pages().page([b'{"other": "' + b"x" * 1000 + b'"}'] * 5, page_number=1)
    assert page.rows.num_rows == 0
    assert page.byte_count > 5000


def test_m11_a_page_is_in_memory_once() -> None:
    """Its body, and of its rows a part; `make bench` measures a whole load."""
    size = 48 << 20
    one = b'{"conversationId":"c","text":"' + b"x" * 8_000 + b'"}'
    body = b'{"conversations":[' + b",".join([one] * (size // len(one))) + b"]}"
    decode = page_decoder(_Page, "conversations")
    pool = pa.system_memory_pool()
    usual = pa.default_memory_pool()
    pa.set_memory_pool(pool)
    before = pool.bytes_allocated()
    written = 0
    tracemalloc.start()
    try:
        page = raw_pages().page(decode(Reply(body))[1], 1)
        for batch in page.rows.to_batches():
            written += batch.num_rows
            # This one, and the one before.
            assert pool.bytes_allocated() - before < size / 2
        copies = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(usual)
    assert written == page.rows.num_rows == size // len(one)
    assert copies < size / 2


class _Page(msgspec.Struct):
    conversations: list[msgspec.Raw] | None = None

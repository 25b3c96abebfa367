"""How a commit is cut into row groups, which DuckDB reads whole."""

import pyarrow as pa
import pytest

from loader.raw import Rows
from loader.warehouses import dataset as pipeline


def lengths(payloads: list[int], limit: int, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    monkeypatch.setattr(pipeline, "ROW_GROUP_BYTES", limit)
    half = len(payloads) // 2
    # Of two pages, as a commit is.
    pages: list[Rows] = [
        pa.table({"payload": pa.array(["x" * length for length in part], pa.string())})
        for part in (payloads[:half], payloads[half:])
    ]
    return [
        [len(text) for text in group["payload"].to_pylist()]
        for group in pipeline._row_groups(pages)
    ]


@pytest.mark.parametrize(
    ("payloads", "groups"),
    [
        ([], [[]]),
        ([3, 3, 3], [[3, 3, 3]]),
        ([5, 5, 5, 5, 5], [[5, 5], [5, 5], [5]]),
        ([1, 30, 1, 1], [[1], [30], [1, 1]]),
        ([30, 30], [[30], [30]]),
        ([10, 1, 9], [[10], [1, 9]]),
    ],
    ids=["no rows", "few", "cut at the limit", "a long one alone", "long ones", "exactly full"],
)
def test_a_group_ends_before_its_payloads_pass_the_limit(
    payloads: list[int], groups: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lengths(payloads, 10, monkeypatch) == groups


def test_a_table_without_payload_stays_whole() -> None:
    table = pa.table({"status": ["loaded", "failed"]})
    assert list(pipeline._row_groups([table])) == [table]

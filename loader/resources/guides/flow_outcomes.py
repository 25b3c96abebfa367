"""Flow outcomes by name, of the integration guides (GUIDES G-B).

`POST /api/v2/analytics/query-builder/query`. One flow is asked for at a time, so that a share is
one of the flow's outcomes; which flows there are, a first query over all of them tells. Outcomes
are keys of an object, as the flow's author named them. The page token comes and goes in the body.

The endpoint bears ten requests a second and never the same query twice at once; a query that takes
longer than its deadline is given up, and after repeated failures the endpoint is left alone.
"""

from datetime import timedelta

import msgspec

from loader.errors import SourceContractError
from loader.genesys.circuit import EndpointLimits
from loader.genesys.client import Client
from loader.genesys.replies import Decode, Reply
from loader.raw import NOBODY
from loader.resources.granularity import coarsened, finest_answered
from loader.resources.pages import (
    Records,
    envelope_decoder,
    lost_if_refused,
    read_token,
    without,
    write_token,
)
from loader.resources.record_ids import JoinedId
from loader.resources.resource import Answer, Reading, Resource
from loader.windows import Window, iso

PATH = "/api/v2/analytics/query-builder/query"
LIMITS = EndpointLimits(per_second=10, failures=5)
# Later outcomes are not yet counted in full; windows end where they are. So no `metricsDelay` is
# sent: it would leave out what lies before the end of each window, for good.
SETTLE = timedelta(minutes=60)
LARGEST_PAGE = 100
# Time groups, finest first, and the longest range each may be asked for.
TIME_GROUPS = {
    "hourly": timedelta(days=7),
    "daily": timedelta(days=365),
    "monthly": timedelta(days=7 * 365),
}
STEPS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    # Months have no one length; windows are shorter, and are asked for as they are.
    "monthly": timedelta(minutes=1),
}


class _Page(msgspec.Struct):
    data: list[msgspec.Raw] | None = None
    next_page_token: str | None = msgspec.field(default=None, name="nextPageToken")
    metrics: msgspec.Raw = msgspec.Raw()


class _Flow(msgspec.Struct):
    flow_id: str | None = msgspec.field(default=None, name="flow-id")


class _Place(msgspec.Struct, omit_defaults=True):
    """Where reading goes on: the flow, the token within it, and the flows after it."""

    time_group: str
    flow: str
    page: str | None = None
    flows: list[str] = []


class GuidesFlowOutcomes(Resource[None]):
    """The raw table `guides_flow_outcomes`.

    Args:
        window: length of the windows; decides how fine the counts can be.
        page_size: rows a page.
    """

    name = "guides_flow_outcomes"
    kind = "window"
    identity = JoinedId(("flow-id",), ("interval",))
    subjects = NOBODY
    settle = SETTLE

    def __init__(self, window: timedelta, page_size: int) -> None:
        self._finest = next(group for group in ("hourly", "daily") if window <= TIME_GROUPS[group])
        self.step = STEPS[self._finest]
        self._page_size = min(page_size, LARGEST_PAGE)
        self._rows = envelope_decoder(_Page, "data")

    def query(self, window: Window, found: None) -> object:
        """Return the body of the first query, over all flows."""
        return self._body(window, self._finest)

    def read(self, client: Client, reading: Reading[None], token: str | None) -> Answer:
        """Read one page of one flow; before the first, ask which flows there are."""
        window = reading.window
        if token is None:
            time_group, flows = finest_answered(
                self.name,
                window,
                STEPS,
                self._finest,
                lambda time_group: self._flows(client, window, time_group),
            )
            if not flows:
                return Answer((), None)
            first, *others = flows
            place = _Place(time_group, first, None, others)
        else:
            place = read_token(_Place, token)
        body = self._body(window, place.time_group, place.flow, place.page)
        with lost_if_refused(place.page):
            records, page = client.post(PATH, self._decode(window, place.flow), body)
        after: _Place | None = None
        if page is not None:
            after = _Place(place.time_group, place.flow, page, place.flows)
        elif place.flows:
            after = _Place(place.time_group, place.flows[0], None, place.flows[1:])
        return Answer(
            records=records,
            token=None if after is None else write_token(after),
            # Also where it is our own windows that are too long for hours.
            adjustment=coarsened(place.time_group, next(iter(TIME_GROUPS))),
        )

    def _flows(self, client: Client, window: Window, time_group: str) -> list[str]:
        """Return the flows that have counts in this window."""
        flows: set[str] = set()
        page: str | None = None
        pages = set()
        while True:
            body = self._body(window, time_group, None, page)
            with lost_if_refused(page):
                records, page = client.post(PATH, self._decode(window, None), body)
            for record in records:
                try:
                    flow = msgspec.json.decode(record, type=_Flow).flow_id
                except msgspec.DecodeError:
                    continue  # quarantined when its flow is read
                flows |= {flow} if flow else set()
            if page is None:
                return sorted(flows)
            if page in pages:
                raise SourceContractError(f"{PATH}: page token repeated while flows are searched.")
            pages.add(page)

    def _decode(self, window: Window, flow: str | None) -> Decode[tuple[Records, str | None]]:
        def decode(reply: Reply) -> tuple[Records, str | None]:
            envelope, records = self._rows(reply)
            if records is None and flow is not None and bytes(envelope.metrics).strip():
                # One flow without any grouping in the answer: the row is ours to write.
                about = msgspec.json.encode({"flow-id": flow, "interval": str(window)})
                row = about[:-1] + b',"metrics":' + bytes(envelope.metrics) + b"}"
                return [row], envelope.next_page_token
            if records is None:
                raise without("data")
            return records, envelope.next_page_token

        return decode

    def _body(
        self, window: Window, time_group: str, flow: str | None = None, page: str | None = None
    ) -> dict[str, object]:
        query: dict[str, object] = {
            "queryType": "routing/engagement",
            "dateFrom": iso(window.start),
            "dateTo": iso(window.end),
            "metrics": ["flow-outcomes"],
            "filters": [],
            "groupBy": ["flow-id"],
            "timeGroup": time_group,
            "limit": self._page_size,
        }
        if flow is not None:
            query["filters"] = [
                {"type": "dimension", "dimension": "flow-id", "operator": "eq", "values": [flow]}
            ]
        if page is not None:
            query["nextPageToken"] = page
        return {"queryBuilder": query}

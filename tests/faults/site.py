"""A place for a fault: what its tests load, of which days, and what they call its requests."""

from tests.harness.outcome import Outcome
from tests.harness.place import Place, Row

NOW = "2026-11-20T12:00:00Z"
TODAY = "2026-11-20"
YESTERDAY = "2026-11-19"
RESULTS = r"GET .*/results"
FIRST_PAGE = r"GET .*/results\?pageSize=\d+$"
LATER_PAGES = r"GET .*/results\?.*cursor="
SUBMIT = r"POST .*/details/jobs$"
POLL = r"GET .*/details/jobs/[0-9a-f-]{36}$"
LOGIN = r"POST /oauth/token"
AVAILABILITY = r"GET .*/jobs/availability"

DETAILS = ("load", "--only", "conversation_details")
USERS = ("load", "--only", "users")


class Site(Place):
    """A place that loads a day's conversations, in a few small pages."""

    def defaults(self) -> dict[str, str]:
        """Return the settings of a site that a test says nothing about."""
        return {
            **super().defaults(),
            "ELT_START": TODAY,
            "ELT_PAGE_SIZE": "10",
            "ELT_REQUEST_SECONDS": "10",
        }

    def run(self, *arguments: str, **changes: str) -> Outcome:
        """Run the loader here; without arguments it loads conversations."""
        return super().run(*(arguments or DETAILS), **changes)

    def ends_with(self, content: set[Row]) -> None:
        """Check that one more run succeeds and that conversations are these, no others."""
        self.run().succeeded()
        assert self.raw() == content

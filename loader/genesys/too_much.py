"""Which refusals mean that one request asks for too much, or that too many jobs run at once.

A smaller request, or the same one later, may be answered.

Genesys says so with several statuses and in many words; this is the one place that reads them.
"""

import json
import re
from collections.abc import Iterator

# Statuses that mean it whatever the text.
STATUSES = frozenset({413, 422})
# Refusals of something else, whatever the text: who asks, and how often.
_OTHER = frozenset({401, 403, 429})
_SUBJECT = (
    r"(?:results?\b|result ?set|rows\b|records\b|pagination|page ?number\W+page ?size"
    r"|interval|(?:date|time) range)"
)
_TOO_MUCH = (
    r"(?:exceed|too (?:large|long|big|many|much|wide)|(?:larg|long|great|bigg)er than"
    r"|more than|at most|no longer than)"
)
# The one names what the other says, in either order and in one sentence: "Result set is larger
# than result limit", "too many results".
_WORDING = re.compile(
    rf"{_SUBJECT}[^\n]{{0,80}}?{_TOO_MUCH}|{_TOO_MUCH}[^\n.]{{0,40}}?{_SUBJECT}"
    r"|(?:response|query)[^\n.]{0,40}? too (?:large|big)"
)
# As Genesys publishes no text of it: the one near the other, in either order.
_JOBS = r"\b(?:jobs?|async(?:hronous)? quer(?:y|ies))\b"
_TOO_MANY = r"(?:too many|exceed|maximum|limit|concurren)"
_TOO_MANY_JOBS = re.compile(rf"{_TOO_MANY}[^\n.]{{0,60}}{_JOBS}|{_JOBS}[^\n.]{{0,60}}{_TOO_MANY}")
# Coarser buckets are the answer to that, and they are tried first.
_GRANULARITY = "granularity"


def means_too_much(status: int, explanation: str) -> bool:
    """Tell whether a refusal asks for less to be asked for at once.

    Args:
        status: of the answer.
        explanation: its body.
    """
    if status in _OTHER:
        return False
    text = "\n".join(_texts(explanation)).lower()
    if _GRANULARITY in text:
        return False
    return status in STATUSES or says_too_much(text)


def means_too_many_jobs(status: int, explanation: str) -> bool:
    """Tell whether a refusal is of a job because others are still running.

    Args:
        status: of the answer.
        explanation: its body.
    """
    if status in (401, 403) or not 400 <= status < 500:
        return False
    return _TOO_MANY_JOBS.search("\n".join(_texts(explanation)).lower()) is not None


def says_too_much(text: str) -> bool:
    """Tell whether a text says so, of a refusal or of a job that has failed."""
    return _WORDING.search(text.lower()) is not None


def _texts(explanation: str) -> Iterator[str]:
    """Walk through what an error body says, each text a line; all of one that is not JSON."""
    try:
        yield from _strings(json.loads(explanation))
    except (ValueError, RecursionError):
        yield explanation


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        # A code is a sentence too: result.set.too.large
        yield value if " " in value else re.sub(r"[._]", " ", value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)

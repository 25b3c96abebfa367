"""Which of our own words a refusal is about, in whatever form it says so."""

import json
import re
from collections.abc import Iterable, Iterator

_WORD = r"[A-Za-z0-9_.\- ]{1,80}"
_PLAIN = re.compile(r"[A-Za-z0-9_.\-]+", re.ASCII)
# [handledCount], 'handledCount', "handledCount", `handledCount`
_MARKED = re.compile(rf"\[({_WORD})\]|'({_WORD})'|\"({_WORD})\"|`({_WORD})`", re.ASCII)


def named_in(explanation: str, ours: Iterable[str]) -> str | None:
    """Return the word of ours that a refusal names; None where it names none.

    One in brackets or quotation marks goes before one in a plain sentence, and there the longest:
    "count" is a word of English, "handledCount" is not.

    Args:
        explanation: what the service says, text or JSON.
        ours: the words that may be meant, whole and as we wrote them.
    """
    words = set(ours)
    for match in _MARKED.finditer(explanation):
        marked = next(group for group in match.groups() if group is not None)
        if marked in words:
            return marked
    plain = {word.rstrip(".") for word in _PLAIN.findall(explanation)} & words
    return min(plain, key=lambda word: (-len(word), word), default=None)


def words_of(question: bytes) -> set[str]:
    """Return the texts a JSON question holds as values; none of one that is no JSON."""
    try:
        return set(_texts(json.loads(question)))
    except ValueError:
        return set()


def _texts(told: object) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict):
        for value in told.values():
            yield from _texts(value)
    elif isinstance(told, list):
        for value in told:
            yield from _texts(value)

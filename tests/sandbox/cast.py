"""Which part each external contact plays: its type, its merges, its end. people.py tells the story.

Everything follows from a contact's place in Organisation.contacts.
"""

CYCLE = 50
TYPES = ("Curated", "Identified", "Ephemeral")
# Types of the places that take part in merges: C, I or E.
CAST = "ECEICIECIIECICCECIEIECIC"
# (source, target, share of the period or, above 1, days after it), and when it was undone.
MERGES: tuple[tuple[int, int, float, float | None], ...] = (
    (0, 1, 0.2, None),
    (2, 3, 0.3, None), (3, 4, 0.6, None),
    (5, 7, 0.25, None), (6, 7, 0.5, None), (8, 7, 0.75, None),
    (9, 11, 0.35, None), (10, 13, 0.45, None), (11, 13, 0.7, None),
    (12, 14, 0.3, 0.8),
    (15, 16, 2.0, None), (17, 16, 4.0, None),
    (18, 19, -5.0, None),
    (20, 21, 0.2, None),
)  # fmt: skip
DELETED = (21, 25, 38)
DELETED_AT = 0.6
CORRECTED = (22, 23)
CORRECTED_AT = 0.5


def kind_of(place: int) -> str:
    """Return a contact's type, which never changes."""
    number = place % CYCLE
    if number < len(CAST):
        return next(kind for kind in TYPES if kind[0] == CAST[number])
    return TYPES[place % len(TYPES)]


def is_lasting(place: int) -> bool:
    """Tell whether a contact has a CRM id and is not deleted on request."""
    return kind_of(place) != "Ephemeral" and place % CYCLE not in DELETED

"""How large what Genesys sends may be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How large a record may be.

    Attributes:
        record_bytes: a larger one is quarantined (ELT_RECORD_MEGABYTES).
        attribute_bytes: a participant's attributes beyond this are loaded and not in the marts
            (ELT_ATTRIBUTES_KILOBYTES); a record that may hold so many is named.
    """

    record_bytes: int = 32 << 20
    attribute_bytes: int = 1 << 20


USUAL = Limits()

"""How soon the organisation means to answer, as its queues are configured.

Genesys keeps a target by queue and medium: help.mypurecloud.com, "configure the service level
calculation". All queues of this organisation have the same.
"""

from tests.sandbox.clock import HOUR, MINUTE, SECOND

# The share that shall be answered in time.
SHARE = 0.8
IN_TIME = {
    "voice": 20 * SECOND,
    "chat": 60 * SECOND,
    "message": 2 * MINUTE,
    "callback": 30 * MINUTE,
    "email": 8 * HOUR,
}
# Who gives up sooner did not really wait (a queue's short abandon threshold).
SHORT_ABANDON = 10 * SECOND


def in_time(media: str) -> int:
    """Return within how many milliseconds a wait of a medium is to be answered."""
    return IN_TIME.get(media, IN_TIME["voice"])

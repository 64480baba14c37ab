"""What running lanes have still to be told, and the signals that each life of a lane hears anew.

Owns:    mail that the session has not confirmed; the newest of each scope wins.
Refuses: what mail says (runtime/config/lane_mail.py), the rings (the session writes them).
"""

from __future__ import annotations

from collections.abc import Callable

from runtime.config.lane_mail import Mail, Scope, changed
from runtime.config.signals import Signals
from runtime.supervise.child import Message


class Notices:
    """The mail of one appliance's lanes; `tell_session` may lose a message, the mail is kept."""

    def __init__(self, tell_session: Callable[[Message], object]) -> None:
        self.tell_session = tell_session
        self.unsent: dict[Scope, Mail] = {}
        self.count = 0  # how often lanes were to be told something
        self.signals = Signals()

    def tell_changes(self, before: dict[Scope, Mail], after: dict[Scope, Mail]) -> int:
        """Tell lanes what is new in `after`; return how many records that is."""
        found = changed(before, after)
        self.tell(found)
        return len(found)

    def tell(self, mail: dict[Scope, Mail]) -> None:
        """Have the session mail this, and what it has not confirmed yet."""
        self.unsent |= mail
        self.count += 1
        if self.unsent:
            texts = [[one.kind, one.aux, one.data.hex()] for one in self.unsent.values()]
            self.tell_session({"mail": texts, "number": self.count})

    def confirmed(self, number: int) -> None:
        """The session has mailed all up to a number; older numbers say nothing of what is newer."""
        if number == self.count:
            self.unsent.clear()

    def signalled(self, request: Message, numbers: dict[str, int]) -> Message:
        """Take a signal about a market (or about all), or only say which hold; ValueError."""
        if request.keys() & {"toxicity", "emergency"}:
            self.tell(self.signals.take(request, numbers))
        return {"signals": self.signals.shown(numbers)}

    def lane_opened(self) -> None:
        """A life of the lane has not heard the signals yet."""
        self.tell(self.signals.mails())

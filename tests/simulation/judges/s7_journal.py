"""S7, S12, S15: a dead lane's journal is dense and whole, in time, and without secrets.

Of the archive, S7 is looked at where its folder is: archiver.py.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from hotpath.journal.tail import JournalDamaged, Record, Tail
from runtime.journal.tailer import records_of
from tests.simulation.cold import SIGNATURE
from tests.simulation.judges.seen import Part
from tests.simulation.lane import LaneProcess

SECRETS = (SIGNATURE, base64.b64encode(SIGNATURE))


class Journal(Part):
    """Reads the ring of a lane that has died."""

    def records(self, process: LaneProcess) -> Iterator[Record]:
        """Yield each record, judged."""
        last_ns = 0
        tail = Tail(process.journal.map)
        try:
            while (chunk := tail.read()) is not None:
                for record in records_of(chunk):
                    if 0 < record.mono_ns < last_ns:  # 0: before its first turn
                        raise self.broken("S12", f"record {record.sequence} goes back in time")
                    last_ns = max(last_ns, record.mono_ns)
                    yield record
        except JournalDamaged as error:
            raise self.broken("S7", str(error)) from error
        if any(secret in process.journal.map for secret in SECRETS):
            raise self.broken("S15", "the journal has a signature")

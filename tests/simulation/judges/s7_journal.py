"""S7, S12, S15: a lane's journal is dense and whole, in time, and without secrets.

Of the archive, S7 is looked at where its folder is: archiver.py.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from hotpath.journal.tail import JournalDamaged, Record, Tail
from runtime.journal.tailer import records_of
from tests.simulation.cold import SIGNATURE
from tests.simulation.judges.seen import Part, Seen
from tests.simulation.lane import LaneProcess

SECRETS = (SIGNATURE, base64.b64encode(SIGNATURE))


class Journal(Part):
    """Reads the rings of lanes, before what stands there is overwritten and when they have died."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(seen)
        self.tails: dict[int, Tail] = {}  # epoch: how far its journal has been read
        self.last_ns: dict[int, int] = {}  # epoch: time of its last record
        self.refused: set[int] = set()  # epochs whose ring has refused a record

    def tail(self, process: LaneProcess) -> Tail:
        if process.epoch not in self.tails:
            self.tails[process.epoch] = Tail(process.journal.map)
        return self.tails[process.epoch]

    def is_far(self, process: LaneProcess) -> bool:
        """Whether what is new must be read before it is overwritten."""
        tail = self.tail(process)
        return tail.published - tail.position > tail.segment_bytes // 2

    def records(self, process: LaneProcess) -> Iterator[Record]:
        """Yield each record that is new, judged.  A ring that has refused one has a hole there."""
        tail, last_ns = self.tail(process), self.last_ns.get(process.epoch, 0)
        if process.lane.is_broken:
            self.refused.add(process.epoch)
        try:
            while (chunk := tail.read()) is not None:
                if chunk.lost and process.epoch not in self.refused:
                    raise self.broken("S7", f"{chunk.lost} records are lost in the ring")
                for record in records_of(chunk):
                    if 0 < record.mono_ns < last_ns:  # 0: before its first turn
                        raise self.broken("S12", f"record {record.sequence} goes back in time")
                    last_ns = max(last_ns, record.mono_ns)
                    yield record
        except JournalDamaged as error:
            raise self.broken("S7", str(error)) from error
        self.last_ns[process.epoch] = last_ns

    def at_death(self, process: LaneProcess) -> None:
        if any(secret in process.journal.map for secret in SECRETS):
            raise self.broken("S15", "the journal has a signature")

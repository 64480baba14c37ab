from collections.abc import Collection
from typing import NamedTuple

from typing_extensions import Buffer

__test__: dict[str, str]

class Record(NamedTuple):
    sequence: int
    kind: int
    lane: int
    aux: int
    recv_ns: int
    mono_ns: int
    payload: bytes

class Chunk(NamedTuple):
    number: int
    offset: int
    records: int
    first_sequence: int
    last_sequence: int
    lost: int
    lost_from: int
    kinds: int
    data: bytes

class Segment(NamedTuple):
    layout: int
    lane: int
    epoch: int
    number: int
    first_sequence: int
    segment_bytes: int
    build_id: int
    opened_mono_ns: int
    opened_real_ns: int
    fingerprint: int

SEGMENT_BYTES: int
RECORD_BYTES: int

class JournalDamaged(Exception): ...

class Tail:
    def __init__(self, memory: Buffer, from_end: bool = ..., room: int = ...) -> None: ...
    def seek(self, number: int, offset: int, sequence: int) -> None: ...
    def read(self) -> Chunk | None: ...
    @property
    def published(self) -> int: ...
    @property
    def position(self) -> int: ...
    @property
    def sequence(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def lane(self) -> int: ...
    @property
    def segment_bytes(self) -> int: ...
    @property
    def segment_count(self) -> int: ...
    @property
    def holes(self) -> int: ...
    @property
    def lost(self) -> int: ...
    @property
    def damaged(self) -> int: ...

def segment(data: Buffer) -> Segment | None: ...
def records(
    data: Buffer,
    offset: int = ...,
    sequence: int = ...,
    kinds: Collection[int] | None = ...,
    after: int = ...,
) -> list[Record]: ...
def scan(data: Buffer, offset: int = ..., sequence: int = ...) -> tuple[int, int, int, bool]: ...

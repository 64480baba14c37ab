"""Reading a ring while it is written: a gapless prefix or an honest hole, never a wrong record."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpath.journal.tail import SEGMENT_BYTES, JournalDamaged, Tail, records, scan, segment
from tests.steps.test_journal import SEGMENT, make, read_segment


def tail(steps, memory, from_end=False):
    return Tail(steps.ffi.buffer(memory), from_end)


def all_of(reader):
    """Everything there is now: (records, [(first lost, count)])."""
    out, holes = [], []
    while (chunk := reader.read()) is not None:
        if chunk.lost:
            holes.append((chunk.lost_from, chunk.lost))
        found = records(chunk.data, SEGMENT_BYTES if chunk.offset == 0 else 0)
        assert len(found) == chunk.records
        out += found
    return out, holes


def append(steps, writer, payload, kind=64, aux=0):
    assert steps.lib.hp_journal_append(writer, kind, aux, 5, 6, payload, len(payload))


class Oracle:
    """Every record ever appended, kept in a list, and the segment each of them went to."""

    def __init__(self, steps, count):
        self.steps, self.count = steps, count
        self.writer, self.memory = make(steps, count)
        self.written = {1: (0, steps.lib.HP_RECORD_CLOCK, None)}

    def append(self, payload, kind):
        before = self.writer.number
        append(self.steps, self.writer, payload, kind, len(payload))
        if self.writer.number != before:
            self.written[self.writer.sequence - 1] = (
                self.writer.number,
                self.steps.lib.HP_RECORD_CLOCK,
                None,
            )
        self.written[self.writer.sequence] = (self.writer.number, kind, payload)

    def tear(self, noise):
        """Do what a writer that is just opening the next segment has done to the oldest one."""
        slot = 4096 + (self.writer.number + 1) % self.count * SEGMENT
        self.steps.ffi.buffer(self.memory)[slot : slot + len(noise)] = noise

    def is_gone(self, sequence):
        """Whether the writer has taken this record away, or is about to."""
        return self.written[sequence][0] <= self.writer.number - self.count + 1


OPERATION = st.one_of(
    st.tuples(st.just("append"), st.binary(max_size=2000), st.integers(1, 200)),
    st.tuples(st.just("append"), st.integers(9000, 30000), st.integers(1, 200)),
    st.tuples(st.just("read"), st.integers(1, 4)),
    st.tuples(st.just("tear"), st.binary(min_size=1, max_size=300)),
)


@settings(max_examples=150)
@given(st.integers(2, 4), st.lists(OPERATION, min_size=1, max_size=60))
def test_any_interleaving_gives_a_gapless_prefix_or_an_honest_hole(steps, count, operations):
    oracle = Oracle(steps, count)
    reader = tail(steps, oracle.memory)
    expected = 1
    for what, *details in [*operations, ("read", 1000)]:
        if what == "append":
            size = details[0]
            oracle.append(bytes(size) if isinstance(size, int) else size, details[1])
        elif what == "tear":
            if oracle.writer.number + 1 >= count:
                oracle.tear(*details)
        else:
            for _ in range(details[0]):
                chunk = reader.read()
                if chunk is None:
                    break
                if chunk.lost:
                    assert chunk.lost_from == expected
                    lost = range(expected, expected + chunk.lost)
                    assert all(oracle.is_gone(n) for n in lost)
                    expected += chunk.lost
                for found in records(chunk.data, SEGMENT_BYTES if chunk.offset == 0 else 0):
                    assert found.sequence == expected
                    _, kind, payload = oracle.written[expected]
                    assert found.kind == kind
                    if payload is not None:
                        assert (found.payload, found.aux) == (payload, len(payload))
                    expected += 1
    assert expected == oracle.writer.sequence + 1
    assert reader.damaged == 0


def test_chunks_of_a_segment_are_its_bytes(steps):
    writer, memory = make(steps)
    reader = tail(steps, memory)
    data = b""
    for n in range(200):
        append(steps, writer, bytes([n]) * (n * 3 % 500))
        if n % 7 == 0 and (chunk := reader.read()):
            assert chunk.offset == len(data)
            data += chunk.data
    data += reader.read().data
    assert segment(data)[1:4] == (3, 9, 0)
    naive = read_segment(steps, memory, 0)[1]
    assert [(r.sequence, r.kind, r.aux, r.payload) for r in records(data, SEGMENT_BYTES)] == naive
    assert scan(data, SEGMENT_BYTES) == (201, len(data), 202, True)


def test_empty_payload_is_a_record_and_not_an_end(steps):
    writer, memory = make(steps)
    reader = tail(steps, memory)
    append(steps, writer, b"")
    append(steps, writer, b"x")
    assert [r.payload for r in all_of(reader)[0]][1:] == [b"", b"x"]


def test_reader_may_start_at_the_end(steps):
    writer, memory = make(steps)
    append(steps, writer, b"before")
    reader = tail(steps, memory, from_end=True)
    append(steps, writer, b"after")
    found, holes = all_of(reader)
    assert ([r.payload for r in found], holes) == ([b"after"], [])


def test_reader_that_comes_late_starts_at_the_oldest_record_still_there(steps):
    writer, memory = make(steps, 4)
    while writer.number < 9:
        append(steps, writer, bytes(3000))
    found, holes = all_of(tail(steps, memory))
    assert found[0].sequence == read_segment(steps, memory, 6 % 4)[0][5]
    assert (found[-1].sequence, holes) == (writer.sequence, [(1, found[0].sequence - 1)])


def test_record_larger_than_the_readers_room_is_read(steps):
    count = 2
    size = 4 * 1024 * 1024
    memory = steps.ffi.new("uint64_t[]", steps.lib.hp_journal_bytes(size, count) // 8)
    writer = steps.ffi.new("hp_journal_writer_t *")
    steps.lib.hp_journal_init(
        writer, memory, size, count, 0, 1, steps.ffi.new("hp_journal_clock_t *")
    )
    big = bytes(range(256)) * 4096
    append(steps, writer, big)
    append(steps, writer, b"next")
    assert [r.payload for r in all_of(tail(steps, memory))[0]][1:] == [big, b"next"]


@pytest.mark.parametrize("at", [0, 4, 8, 36, 41])
def test_flipped_bit_in_an_old_segment_is_a_hole_that_counts_as_damage(steps, at):
    writer, memory = make(steps, 4)
    while writer.number < 2:
        append(steps, writer, bytes(3000))
    second = SEGMENT_BYTES + 40 + 32  # behind the segment's clock
    steps.ffi.buffer(memory)[4096 + second + at : 4096 + second + at + 1] = b"\x55"
    reader = tail(steps, memory)
    found, holes = all_of(reader)
    first = read_segment(steps, memory, 1)[0][5]
    assert [r.sequence for r in found] == [1, *range(first, writer.sequence + 1)]
    assert (holes, reader.damaged) == ([(2, first - 2)], 1)


def test_flipped_bit_in_the_writers_segment_is_said_at_once(steps):
    writer, memory = make(steps, 4)
    for _ in range(5):
        append(steps, writer, bytes(3000))
    steps.ffi.buffer(memory)[4096 + 5000] = b"\x01"
    reader = tail(steps, memory)
    with pytest.raises(JournalDamaged, match="segment 0 holds no record 3"):
        all_of(reader)


@pytest.mark.parametrize("cut", range(1, 90, 7))
def test_torn_tail_of_a_file_ends_at_the_last_good_record(steps, cut):
    writer, memory = make(steps)
    for n in range(3):
        append(steps, writer, bytes([n]) * 61)
    data = tail(steps, memory).read().data
    count, good, sequence, is_whole = scan(data[: len(data) - cut], SEGMENT_BYTES)
    assert (count, sequence) == (3, 4)
    assert good <= len(data) - cut
    assert is_whole == (good == len(data) - cut)


def test_memory_that_holds_no_ring_is_refused():
    with pytest.raises(ValueError, match="hold no journal ring"):
        Tail(bytes(200_000))


def test_writer_in_another_thread_never_gives_a_wrong_record(steps):
    """The writer runs without the GIL at full speed; each word of a record is its sequence."""
    writer, memory = make(steps, 3)
    reader = tail(steps, memory)
    thread = threading.Thread(target=steps.lib.t_write, args=(writer, 300_000, 100))
    thread.start()
    expected = 1
    is_over = False
    while not is_over:
        is_over = not thread.is_alive()
        while (chunk := reader.read()) is not None:
            expected += chunk.lost
            for found in records(chunk.data, SEGMENT_BYTES if chunk.offset == 0 else 0, kinds={64}):
                assert found.payload == found.sequence.to_bytes(8, "little") * found.aux
            if chunk.records:
                assert chunk.first_sequence == expected
                expected = chunk.last_sequence + 1
    thread.join()
    assert expected == writer.sequence + 1
    assert reader.damaged == 0


def test_what_a_full_ring_refuses_is_a_hole_and_bulk_that_gave_way_is_none(steps):
    writer, memory = make(steps, 3)
    head = steps.ffi.cast("hp_journal_head_t *", steps.ffi.cast("char *", memory) + 128)
    head.archived = 0
    while steps.lib.hp_journal_append(writer, 64, 0, 0, 1, bytes(4000), 4000):
        pass
    last = head.sequence
    assert not steps.lib.hp_journal_append(writer, steps.lib.HP_RECORD_FRAME, 0, 0, 1, b"x", 1)
    assert not steps.lib.hp_journal_append(writer, 64, 0, 0, 1, b"x", 1)  # though it would fit
    reader = tail(steps, memory)
    assert all_of(reader)[0][-1].sequence == last
    head.archived = 2 * SEGMENT
    append(steps, writer, b"y")
    found, holes = all_of(reader)
    assert holes == [(last + 1, 2)]
    assert [(r.sequence, r.kind) for r in found] == [
        (last + 3, steps.lib.HP_RECORD_CLOCK),
        (last + 4, 64),
    ]

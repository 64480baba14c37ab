"""The journal ring: dense, checked, recycled; read back by plain Python."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

SEGMENT = 65536


def crc32c(data):
    """Bitwise CRC-32C: slow and obviously right."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def make(steps, count=2):
    memory = steps.ffi.new("uint64_t[]", steps.lib.hp_journal_bytes(SEGMENT, count) // 8)
    writer = steps.ffi.new("hp_journal_writer_t *")
    clock = steps.ffi.new("hp_journal_clock_t *", {"mono_ns": 100, "real_ns": 1_000_000})
    steps.lib.hp_journal_init(writer, memory, SEGMENT, count, 3, 9, clock)
    return writer, memory


def read_segment(steps, memory, index):
    """Return (segment header, [(sequence, kind, aux, payload)]) of one segment.

    Checks every CRC.
    """
    raw = bytes(steps.ffi.buffer(memory))[4096 + index * SEGMENT : 4096 + (index + 1) * SEGMENT]
    header = struct.unpack_from("<QIIQQQQ", raw)
    at, records = 128, []
    while at + 40 <= len(raw):
        length, kind, lane, _, sequence, _, _, crc, aux = struct.unpack_from("<IHBBQQQII", raw, at)
        if kind == 0:
            break
        blank = raw[at : at + 32] + bytes(4) + raw[at + 36 : at + 40]
        payload = raw[at + 40 : at + 40 + length]
        assert crc == crc32c(blank + payload), "torn or misplaced record"
        assert lane == 3
        records.append((sequence, kind, aux, payload))
        at += (40 + length + 7) & ~7
    return header, records


def test_crc32c_is_castagnoli(steps):
    assert crc32c(b"123456789") == 0xE3069283
    for n in range(40):
        data = bytes(range(n))
        assert steps.lib.hp_crc32c(0, data, n) == crc32c(data)


@settings(max_examples=40)
@given(st.lists(st.binary(min_size=1, max_size=3000), min_size=1, max_size=25))
def test_records_come_back_in_order(steps, payloads):
    writer, memory = make(steps)
    for n, payload in enumerate(payloads):
        assert steps.lib.hp_journal_append(writer, 64, n, 5, 6, payload, len(payload))
    header, records = read_segment(steps, memory, 0)
    rest = [r for r in records if r[1] != steps.lib.HP_RECORD_CLOCK]
    if writer.number == 0:
        assert [(r[2], r[3]) for r in rest] == list(enumerate(payloads))
    assert [r[0] for r in records] == list(range(header[5], header[5] + len(records)))


def test_segment_opens_with_a_clock_and_sequence_goes_on(steps):
    writer, memory = make(steps)
    payload = bytes(1000)
    while writer.number == 0:
        assert steps.lib.hp_journal_append(writer, 64, 0, 0, 500, payload, len(payload))
    first, second = read_segment(steps, memory, 0), read_segment(steps, memory, 1)
    assert second[1][0][1] == steps.lib.HP_RECORD_CLOCK
    assert second[0][5] == first[1][-1][0] + 1
    assert second[0][2:5] == (3, 9, 1)
    real = struct.unpack_from("<QQ", second[1][0][3])
    assert real == (500, 1_000_400)  # extrapolated from the pair at start


def test_ring_overwrites_the_oldest_and_says_so(steps):
    writer, memory = make(steps)
    head = steps.ffi.cast("hp_journal_head_t *", steps.ffi.cast("char *", memory) + 128)
    payload = bytes(4000)
    while writer.number < 5:
        assert steps.lib.hp_journal_append(writer, 64, 0, 0, 1, payload, len(payload))
    assert head.overwritten == 4
    assert head.sequence == writer.sequence
    numbers = {read_segment(steps, memory, n)[0][4] for n in range(2)}
    assert numbers == {4, 5}


def test_ring_never_overwrites_what_the_archiver_has_not(steps):
    writer, memory = make(steps)
    head = steps.ffi.cast("hp_journal_head_t *", steps.ffi.cast("char *", memory) + 128)
    head.archived = 0
    payload = bytes(4000)
    while steps.lib.hp_journal_append(writer, 64, 0, 0, 1, payload, len(payload)):
        assert writer.number < 2
    assert (writer.number, head.overwritten) == (1, 0)
    head.archived = SEGMENT
    assert steps.lib.hp_journal_append(writer, 64, 0, 0, 1, payload, len(payload))
    assert writer.number == 2


def test_record_larger_than_half_a_segment_is_refused(steps):
    writer, _ = make(steps)
    big = bytes(SEGMENT)
    before = writer.sequence
    assert not steps.lib.hp_journal_append(writer, 64, 0, 0, 1, big, len(big))
    assert writer.sequence == before

"""CRC-32C by the instruction against one bit after the other."""

import random
import re
from pathlib import Path

from runtime._shm import ffi, lib

POLYNOMIAL = 0x82F63B78
ROOT = Path(__file__).resolve().parents[2]


def naive(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def moved(value, size):
    """A checksum, as it stands in the register, with so many zeros behind it."""
    for _ in range(8 * size):
        value = (value >> 1) ^ (POLYNOMIAL if value & 1 else 0)
    return value


def test_table_is_what_the_polynomial_makes_of_zeros():
    text = (ROOT / "hotpath/abi/crc32c.h").read_text()
    third = int(re.search(r"HP_CRC32C_THIRD (\d+)u", text)[1])
    found = [int(digits, 16) for digits in re.findall(r"0x([0-9a-f]{8}),?\s", text)]
    wanted = [
        moved(bits << 4 * nibble, size)
        for size in (2 * third, third)
        for nibble in range(8)
        for bits in range(16)
    ]
    assert found == wanted


def test_known_checksums():
    assert lib.hp_crc32c(0, b"123456789", 9) == 0xE3069283
    assert lib.hp_crc32c(0, bytes(32), 32) == 0x8A9136AA  # RFC 3720, B.4
    assert lib.hp_crc32c(0, b"\xff" * 32, 32) == 0x62A8AB43


def test_every_length_and_start_is_that_of_a_naive_count():
    dice = random.Random(29)
    data = dice.randbytes(1300)
    held = ffi.from_buffer(data)
    for size in [*range(70), *range(284, 294), *range(572, 582), 864, 865, 1000, 1275]:
        at, crc = dice.randrange(8), dice.getrandbits(32)
        found = lib.hp_crc32c(crc, held + at, size)
        assert found == naive(data[at : at + size], crc), (size, at)
        half = dice.randrange(size + 1)
        first = lib.hp_crc32c(crc, held + at, half)
        assert lib.hp_crc32c(first, held + at + half, size - half) == found


def test_pair_is_the_checksum_of_header_and_payload_in_one_piece():
    dice = random.Random(31)
    data = dice.randbytes(1300)
    for size in [*range(30), *range(244, 292), 535, 536, 537, 1200]:
        head, at = dice.randbytes(40), dice.randrange(8)
        payload = data[at : at + size]
        found = lib.hp_crc32c_pair(head, ffi.from_buffer(data) + at, size)
        assert found == lib.hp_crc32c(0, head + payload, 40 + size) == naive(head + payload), size

"""C, Cython and cffi agree on every shared byte."""

import pytest

from hotpath.abi import declare, probe
from runtime import _shm

LAYOUT = probe.layout()


def test_every_record_has_one_size_in_cython_and_cffi():
    sizes = {name: size for name, size in LAYOUT.items() if "." not in name}
    assert len(sizes) > 20
    assert sizes == {name: _shm.ffi.sizeof(name) for name in sizes}


@pytest.mark.parametrize("name", [name for name in LAYOUT if "." in name])
def test_field_has_one_offset_in_cython_and_cffi(name):
    record, field = name.split(".")
    assert LAYOUT[name] == _shm.ffi.offsetof(record, field)


def test_derived_declarations_are_up_to_date():
    assert declare.main(["--check"]) == 0


def test_zero_is_the_safe_answer():
    lib = _shm.lib
    assert (lib.HP_BLOCKED, lib.HP_PASS) == (0, 1)
    assert (
        lib.HP_ORDER_NONE
        == lib.HP_BOOK_EMPTY
        == lib.HP_DECODE_REFUSED
        == lib.HP_INTENT_REFUSED
        == 0
    )


@pytest.mark.parametrize("enum", ["hp_mail", "hp_verdict_code", "hp_report_kind", "hp_order_state"])
def test_no_two_words_of_an_enumeration_have_one_number(enum):
    """Two that were added side by side may have taken the same one."""
    numbers = list(_shm.ffi.typeof(f"enum {enum}").relements.values())
    assert len(set(numbers)) == len(numbers)

# ask.h - a question to the gate of a lane: what would it say of this order?
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport uint64_t, uint8_t
from hotpath.abi.intent cimport *

cdef extern from "ask.h" nogil:
    ctypedef struct hp_ask_t:
        hp_intent_t intent
        uint64_t checks
        uint8_t pad[56]

# lease.h - the page of the leader lease: who may speak for an account.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport uint64_t, uint8_t
from hotpath.abi.page cimport *
from hotpath.abi.rule cimport *

cdef extern from "lease.h" nogil:
    ctypedef struct hp_lease_page_t:
        hp_page_t page
        uint64_t seq
        hp_leader_lease_t lease
        char holder[32]
        uint8_t pad[64]

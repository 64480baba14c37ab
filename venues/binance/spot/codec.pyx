"""Binance spot, the hot half: bytes of market streams to events.

Owns:    the state of one codec.
Refuses: orders (market data only), sessions, REST, clocks; entry points (../market.pyx).
"""

from libc.stdlib cimport calloc, free

from hotpath.decode.json cimport face


cdef class Codec(MarketCodec):
    """One codec: instruments, both readers, counters.  Not to be shared between threads."""

    def __cinit__(self, Reader reader=None):
        self.market = <binance_state_t *>calloc(1, sizeof(binance_state_t))
        if self.market == NULL or not spot_open(self.market, face(), self.reader.reader):
            raise MemoryError("codec")
        spot_table(self.market, &self.table)
        self.contract = HP_CONTRACT_SPOT

    def __dealloc__(self):
        if self.market != NULL:
            binance_close(self.market)
        free(self.market)

# book.pyx - the owner of one book's memory.

from hotpath.abi.event cimport hp_level_t
from hotpath.book.view cimport BookView

cdef hp_level_t *levels_of(list bids, list asks) except NULL

cdef class Book(BookView):
    cdef void *memory  # of `book`, which is valid as long as this object

# book.pyx - the owner of one book's memory.

from hotpath.book.sync cimport hp_book_t

cdef class Book:
    cdef hp_book_t *book  # valid as long as this object; the lane works on it directly
    cdef void *memory

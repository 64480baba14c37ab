# book.pyx - the owner of one book's memory.

from hotpath.book.view cimport BookView

cdef class Book(BookView):
    cdef void *memory  # of `book`, which is valid as long as this object

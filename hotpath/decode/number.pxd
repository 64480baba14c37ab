# number.h - decimal text to scaled integers, exactly.

from libc.stdint cimport int32_t, int64_t
from hotpath.abi.event cimport *

cdef extern from "hotpath/decode/number.h" nogil:
    ctypedef struct hp_patterns_t:
        pass
    ctypedef struct hp_scale_t:
        const hp_patterns_t *patterns
        int32_t decimals
    ctypedef struct hp_decimal_t:
        unsigned size
    void hp_patterns_set(hp_patterns_t *patterns, int decimals)
    int hp_decimal_read(const char *text, size_t size, int decimals, int64_t *value, int *needed)
    hp_decimal_t hp_decimal_scan(const char *text, const hp_scale_t *scale)
    int hp_decimal_one(const char *text, const hp_scale_t *scale, int64_t *value)
    ctypedef struct hp_whole_t:
        unsigned size
    hp_whole_t hp_whole_scan(const char *text)
    int64_t hp_whole_one(hp_whole_t whole)
    size_t hp_whole_read(const char *text, size_t size, int64_t *value)

# number.h - decimal text to scaled integers, exactly.

from libc.stdint cimport int32_t, int64_t, int8_t
from hotpath.abi.event cimport *

cdef extern from "<smmintrin.h>" nogil:
    ctypedef struct __m128i:
        pass
    int64_t _mm_cvtsi128_si64(__m128i value)

cdef extern from "hotpath/decode/number.h" nogil:
    ctypedef struct hp_scale_t:
        int8_t source[16]
        int32_t decimals
    void hp_scale_set(hp_scale_t *scale, int decimals)
    int hp_decimal_read(const char *text, size_t size, int decimals, int64_t *value, int *needed)
    unsigned hp_decimal_digits(const char *text, const hp_scale_t *scale, __m128i *digits)
    unsigned hp_whole_digits(const char *text, __m128i *digits)
    size_t hp_whole_read(const char *text, size_t size, int64_t *value)
    __m128i hp_digits_to_pair(__m128i a, __m128i b)

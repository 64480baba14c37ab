# ttl.h - how long an order of a layer may rest, as data; and what is signalled about an instrument.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int64_t, uint32_t, uint8_t

cdef extern from "ttl.h" nogil:
    cdef enum hp_layer:
        HP_LAYER_NONE
        HP_LAYER_TOUCH
        HP_LAYER_NEAR
        HP_LAYER_DEEP
        HP_LAYER_COUNT
    ctypedef struct hp_ttl_layer_t:
        uint32_t base_ms
        uint32_t least_ms
        uint32_t most_ms
        uint32_t pad
    ctypedef struct hp_ttl_step_t:
        uint32_t bound
        uint32_t permille
    ctypedef struct hp_ttl_rule_t:
        hp_ttl_layer_t layers[4]
        hp_ttl_step_t speeds[2]
        hp_ttl_step_t toxicities[2]
        hp_ttl_step_t distances[2]
        int64_t volatility_e8_max
        uint32_t volatility_ms
        uint32_t queue_max
        uint32_t queue_ms
        uint32_t emergency_ms
        uint32_t least_ms
        uint32_t sweep_ms
        uint8_t pad[48]
    ctypedef struct hp_signal_t:
        uint32_t instrument
        uint32_t toxicity_permille
        uint32_t is_emergency
        uint32_t pad
    void hp_ttl_open(hp_ttl_rule_t *r) noexcept nogil

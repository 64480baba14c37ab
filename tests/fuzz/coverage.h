/* coverage.h - has a frame run code, or run it so often, as no frame before it?
 *
 * Owns:    the compiler's callback, the map of one run, what all runs have reached.
 * Refuses: knowing what ran.
 *
 * The instrumented units (targets.c, general.cpp) call back at every block; an edge is the pair of
 * two blocks, and how often it ran counts in eight classes: 1, 2, 3, 4, 8, 16, 32, 128 and more. */
#ifndef FUZZ_COVERAGE_H
#define FUZZ_COVERAGE_H

#include <string.h>

#include "fuzz.h"

uint8_t fuzz_edges[FUZZ_EDGES];
static uint8_t fuzz_reached[FUZZ_EDGES]; /* bit per class */
static uintptr_t fuzz_block;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    const uintptr_t here = (uintptr_t)__builtin_return_address(0);
    const uintptr_t block = (here >> 4 ^ here << 8) & (FUZZ_EDGES - 1);
    uint8_t *edge = &fuzz_edges[block ^ fuzz_block];
    *edge = (uint8_t)(*edge + (*edge != 255));
    fuzz_block = block >> 1;
}

static inline uint8_t fuzz_class(uint8_t count)
{
    static const uint8_t bounds[] = { 1, 2, 3, 4, 8, 16, 32, 128 };
    for (int n = 7; n >= 0; n--)
        if (count >= bounds[n]) return (uint8_t)(1 << n);
    return 0;
}

static inline void fuzz_begin(void)
{
    memset(fuzz_edges, 0, sizeof fuzz_edges);
    fuzz_block = 0;
}

/* Take the run into account; 1 = it reached something new. */
static inline int fuzz_is_new(void)
{
    int is_new = 0;
    for (size_t at = 0; at < FUZZ_EDGES; at += 8) {
        uint64_t eight;
        memcpy(&eight, fuzz_edges + at, 8);
        if (eight == 0) continue;
        for (size_t n = at; n < at + 8; n++) {
            const uint8_t reached = fuzz_class(fuzz_edges[n]);
            is_new |= (reached & (uint8_t)~fuzz_reached[n]) != 0;
            fuzz_reached[n] |= reached;
        }
    }
    return is_new;
}

static inline size_t fuzz_edge_count(void)
{
    size_t count = 0;
    for (size_t at = 0; at < FUZZ_EDGES; at++) count += fuzz_reached[at] != 0;
    return count;
}

#endif

/* atomic.h - the few memory orders that pages and rings need.
 *
 * Owns:    acquire/release loads and stores, the seqlock of single-writer copies.
 * Refuses: locks, read-modify-write between two writers (every page has one writer).
 *
 * Seqlock: the writer makes seq odd, writes, makes it even; a reader that saw an odd or a changed seq
 * failed and keeps its previous copy.  A failed read is counted, never a reason to call a book stale. */
#ifndef HP_ATOMIC_H
#define HP_ATOMIC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HP_LINE_BYTES 128 /* two lines: the adjacent-line prefetcher pairs them */

static inline uint64_t hp_load_acquire(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static inline uint64_t hp_load_relaxed(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
static inline void hp_store_release(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
static inline void hp_store_relaxed(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }
static inline uint32_t hp_load32_acquire(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static inline void hp_store32_release(uint32_t *p, uint32_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }

/* Single-writer counter: a plain add that readers in other processes never see torn. */
static inline void hp_count(uint64_t *p, uint64_t n) { hp_store_relaxed(p, hp_load_relaxed(p) + n); }

static inline void hp_seq_begin(uint64_t *seq)
{
    hp_store_relaxed(seq, hp_load_relaxed(seq) + 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void hp_seq_end(uint64_t *seq) { hp_store_release(seq, hp_load_relaxed(seq) + 1); }

/* Copy `size` bytes that stand behind *seq.  Returns 1 when the copy is whole, 0 after `tries`. */
static inline int hp_seq_read(const uint64_t *seq, const void *source, void *to, size_t size, int tries)
{
    while (tries-- > 0) {
        uint64_t before = hp_load_acquire(seq);
        if (before & 1u) { __builtin_ia32_pause(); continue; }
        memcpy(to, source, size);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (hp_load_relaxed(seq) == before) return 1;
    }
    return 0;
}

#endif

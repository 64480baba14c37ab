/* panic.h - what happens when the impossible happens.
 *
 * Owns:    HP_ASSERT, which stays on in every build (CPython defines NDEBUG for extensions, so
 *          assert() would vanish), and the exit that follows it.
 * Refuses: expected trouble (a gap, a reject, a full ring): that is an enum, a counter and a state.
 *
 * A panic writes one line to standard error by write(2) and ends the process by abort(): no unwinding,
 * no Python, no allocation.  The supervisor reads the line, cancels at the venue and reports it. */
#ifndef HP_PANIC_H
#define HP_PANIC_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef __cplusplus
#define _Static_assert static_assert /* decode/general.cpp reads these headers too */
#endif

#define HP_LIKELY(x) __builtin_expect(!!(x), 1)
#define HP_UNLIKELY(x) __builtin_expect(!!(x), 0)

__attribute__((noreturn, cold, noinline, unused))
static void hp_panic(const char *what, const char *file, int line)
{
    char text[512];
    int n = snprintf(text, sizeof text, "lane.panic cause=HP_ASSERT where=%s:%d what=\"%s\"\n",
                     file, line, what);
    if (n > 0) {
        size_t size = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
        ssize_t wrote = write(STDERR_FILENO, text, size);
        (void)wrote;
    }
    abort();
}

#define HP_ASSERT(x) (HP_LIKELY(x) ? (void)0 : hp_panic(#x, __FILE__, __LINE__))

/* Debug builds also check invariants that cost more than a compare. */
#if defined(HP_DEBUG) && HP_DEBUG
#define HP_DEBUG_ASSERT(x) HP_ASSERT(x)
#else
#define HP_DEBUG_ASSERT(x) ((void)0)
#endif

/* Prove a layout where it is declared. */
#define HP_FIELD(type, field, off) \
    _Static_assert(offsetof(type, field) == (off), #type "." #field " moved")
#define HP_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " changed its size")

#endif

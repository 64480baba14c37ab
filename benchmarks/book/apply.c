/* apply.c - what do the depth events of a capture cost in the book?
 *
 * Reads a file written by apply.py: per event hp_event_t, then its levels.  Copies the levels of each
 * event into one scratch, as a codec leaves them, and applies them.  Prints one line of JSON:
 * nanoseconds per pass from outside wall clock over memory, (PASSES passes - 1 pass) / (PASSES - 1)
 * less the same loop without the book, and a checksum over the tops. */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "hotpath/book/sync.h"

static hp_levels_t scratch;

static uint64_t run_pass(hp_book_t *book, const char *from, const char *end, uint64_t *sum,
                         int with_book)
{
    uint64_t begin = hp_mono_ns();
    while (from < end) {
        const hp_event_t *event = (const hp_event_t *)(const void *)from;
        size_t bytes = (event->bid_count + event->ask_count) * sizeof(hp_level_t);
        memcpy(scratch.at, from + sizeof *event, bytes);
        from += sizeof *event + bytes;
        if (!with_book) {
            __asm__ volatile("" : : "r"(scratch.at) : "memory");
            continue;
        }
        hp_book_apply(book, event, &scratch, 0);
        hp_top_t top;
        hp_book_top(book, &top);
        *sum = *sum * 31 + (uint64_t)top.bid_ticks * 7 + (uint64_t)top.ask_ticks * 5 +
               (uint64_t)top.bid_lots * 3 + (uint64_t)top.ask_lots;
    }
    return hp_mono_ns() - begin;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return fprintf(stderr, "usage: apply FILE PASSES WINDOW_LOG2 OVERFLOW_LOG2\n"), 2;
    FILE *file = fopen(argv[1], "rb");
    if (!file) return perror(argv[1]), 2;
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *data = malloc(size);
    if (!data || fread(data, 1, size, file) != size) return perror("read"), 2;
    int passes = atoi(argv[2]);
    hp_book_size_t sizes = { (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]), 10, 32768 };
    size_t bytes = (hp_book_bytes(&sizes) + 4095) & ~(size_t)4095;
    void *memory = aligned_alloc(4096, bytes);
    hp_book_t *book = aligned_alloc(64, (sizeof *book + 63) & ~(size_t)63);
    if (!memory || !book) return perror("memory"), 2;
    uint64_t first[2] = { 0, 0 }, best[2] = { UINT64_MAX, UINT64_MAX }, total[2] = { 0, 0 };
    uint64_t sum = 0, again;
    for (int with_book = 0; with_book <= 1; with_book++)
        for (int i = 0; i < passes; i++) {
            memset(memory, 0, bytes);
            hp_book_init(book, 1, HP_SEQUENCE_BINANCE_FUTURES, &sizes, memory);
            book->is_offline = 1;
            again = 0;
            uint64_t took = run_pass(book, data, data + size, &again, with_book);
            if (with_book && i && again != sum) return fprintf(stderr, "passes differ\n"), 1;
            if (with_book) sum = again;
            if (i == 0) first[with_book] = took;
            else total[with_book] += took;
            if (took < best[with_book]) best[with_book] = took;
        }
    double mean = (double)(total[1] - total[0]) / (passes - 1);
    printf("{\"pass_ns\": %.0f, \"pass_ns_min\": %llu, \"first_pass_ns\": %llu, \"copy_ns\": %.0f, "
           "\"applied\": %llu, \"gaps\": %llu, \"levels\": %llu, \"moves\": %llu, "
           "\"checksum\": %llu}\n",
           mean, (unsigned long long)(best[1] - best[0]), (unsigned long long)first[1],
           (double)total[0] / (passes - 1), (unsigned long long)book->counts.applied,
           (unsigned long long)book->counts.gaps, (unsigned long long)hp_l2_total(&book->l2),
           (unsigned long long)(book->l2.bid.moves + book->l2.ask.moves), (unsigned long long)sum);
    return 0;
}

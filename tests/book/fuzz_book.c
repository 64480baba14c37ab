/* fuzz_book.c - the book's memory under sanitizers: random events, compared with plain arrays.
 *
 * usage: fuzz_book SEED EVENTS WINDOW_LOG2 OVERFLOW_LOG2.  Exit 1 names the first difference. */
#include "hotpath/book/sync.h"

#define PRICES 3000

static hp_levels_t message;
static hp_level_t out[2 * HP_LEVELS_MAX];
static int64_t price[PRICES], lots[2][PRICES]; /* ascending; [bid, ask] */
static uint64_t state;

static uint32_t below(uint32_t limit) /* xorshift */
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 11) % limit;
}

/* Clusters near, far and at the ends of 64 bits, so that windows wrap and tables fill. */
static void make_prices(void)
{
    for (int i = 0; i < PRICES; i++)
        price[i] = i < 4    ? INT64_MIN + 1 + i
                   : i < 400  ? i * 1000003LL
                   : i < 2900 ? 1000000000LL + (i - 400) * (i % 7 ? 1 : 2)
                              : INT64_MAX - PRICES + i;
    for (int i = 1; i < PRICES; i++) /* strictly ascending */
        if (price[i] <= price[i - 1]) price[i] = price[i - 1] + 1;
}

/* What ladder.h promises between calls. */
static int keeps_its_invariants(const hp_ladder_t *l)
{
    uint64_t window = l->mask + 1;
    for (uint64_t i = 0; i < window; i++) {
        int there = (l->bits[i / 64] >> (i % 64) & 1) != 0;
        int summed = (l->summary[i / 4096] >> (i / 64 % 64) & 1) != 0;
        int64_t key = (int64_t)((uint64_t)l->base + ((i - (uint64_t)l->base) & l->mask));
        if (there != (l->slots[i].lots > 0) || summed != (l->bits[i / 64] != 0)) return 0;
        if (there && (key < l->best || (uint64_t)key - (uint64_t)l->base >= l->reach)) return 0;
    }
    for (uint64_t i = 0; i <= l->overflow.mask; i++) {
        const hp_level_t *slot = &l->overflow.slots[i];
        if (slot->lots == 0) continue;
        if (slot->price_ticks < l->base || slot->price_ticks >= l->horizon) return 0;
        if ((uint64_t)slot->price_ticks - (uint64_t)l->base < window) return 0;
    }
    if (l->best == HP_KEY_NONE) return hp_ladder_total(l) == 0;
    return (l->base & 63) == 0 && (uint64_t)l->best - (uint64_t)l->base < window / 2;
}

static int check(const hp_book_t *book, int side)
{
    const hp_ladder_t *ladder = side ? &book->l2.ask : &book->l2.bid;
    size_t total = hp_ladder_total(ladder), at = 0, got = hp_ladder_copy(ladder, out, total);
    if (got != total || !keeps_its_invariants(ladder)) return 0;
    for (int i = 0; i < PRICES; i++) {
        int k = side ? i : PRICES - 1 - i;
        if ((price[k] ^ ladder->flip) >= ladder->horizon) lots[side][k] = 0;
        if (lots[side][k] == 0) continue;
        if (at == got || out[at].price_ticks != price[k] || out[at].lots != lots[side][k]) return 0;
        at++;
    }
    return at == got && ladder->best_lots == (got ? out[0].lots : 0);
}

int main(int argc, char **argv)
{
    if (argc != 5) return 2;
    state = strtoull(argv[1], NULL, 10) * 2654435761u + 88172645463325252u;
    long events = atol(argv[2]);
    hp_book_size_t size = { (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]), 3, 64 };
    void *memory = calloc(1, hp_book_bytes(&size));
    hp_book_t *book = malloc(sizeof *book);
    if (!memory || !book) return 2;
    make_prices();
    hp_book_init(book, 1, HP_SEQUENCE_BINANCE_FUTURES, &size, memory);
    book->is_offline = 1;
    uint32_t center = 1500;
    for (long n = 0; n < events; n++) {
        hp_event_t event = { .kind = HP_EVENT_DEPTH, .prev_id = book->update_id, .first_id = 0,
                             .last_id = book->update_id + 1 };
        if (n == 0 || below(300) == 0) { /* a snapshot of the same moment: start again */
            event.kind = HP_EVENT_SNAPSHOT;
            event.last_id = n ? book->update_id : 1;
            memset(lots, 0, sizeof lots);
        }
        if (below(50) == 0) center = below(PRICES);
        uint32_t counts[2] = { below(20), below(20) }, at = 0;
        for (int side = 0; side < 2; side++)
            for (uint32_t i = 0; i < counts[side]; i++, at++) {
                uint32_t k = below(4) ? (center + below(60)) % PRICES : below(PRICES);
                int64_t value = below(2) ? 0 : 1 + below(9);
                message.at[at] = (hp_level_t){ price[k], value };
                lots[side][k] = value;
            }
        event.bid_count = counts[0];
        event.ask_count = counts[1];
        if (below(200) == 0 && n) hp_book_refresh(book); /* fills the backlog meanwhile */
        hp_book_apply(book, &event, &message, 0);
        if (n == 0) { /* hook, so that the chain runs */
            event = (hp_event_t){ .kind = HP_EVENT_DEPTH, .first_id = 1, .last_id = 2 };
            hp_book_apply(book, &event, &message, 0);
        }
        if (!check(book, 0) || !check(book, 1)) {
            printf("event %ld of seed %s differs\n", n, argv[1]);
            return 1;
        }
    }
    printf("%llu moves, %llu forgotten, %llu lost\n",
           (unsigned long long)(book->l2.bid.moves + book->l2.ask.moves),
           (unsigned long long)(book->l2.bid.forgotten + book->l2.ask.forgotten),
           (unsigned long long)book->backlog.lost);
    free(memory);
    free(book);
    return 0;
}

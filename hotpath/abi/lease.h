/* lease.h - the page of the leader lease: who may speak for an account.
 *
 * Owns:    the page that carries it to lanes and sentinel.
 * Refuses: the lease itself (rule.h), renewing and electing (runtime/supervise/lease.py).
 *
 * hp_lease_page_t, 256 bytes.  Writer: the provider.  Readers: lanes (once a turn), sentinel; seqlock. */
#ifndef HP_LEASE_H
#define HP_LEASE_H

#include <stddef.h>
#include <stdint.h>

#include "page.h"
#include "panic.h"
#include "rule.h"

/* cffi:begin */
typedef struct hp_lease_page {
    hp_page_t page;
    uint64_t seq;
    hp_leader_lease_t lease;
    char     holder[32];
    uint8_t  pad[64];
} hp_lease_page_t;
/* cffi:end */
HP_SIZE(hp_lease_page_t, 256);

#endif

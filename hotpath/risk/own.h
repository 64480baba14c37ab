/* own.h - the best of our own resting prices, by account, instrument and side, over all strategies.
 *
 * Owns:    an index over the orders that work or may work: its top is read in one look, whatever the
 *          number of orders; adding is O(1), removing O(log n) over many.
 * Refuses: the orders themselves (the lane's table), deciding what a meeting of two of ours means.
 *
 * A pairing heap per account, instrument and side, its nodes beside the order table by slot: no memory
 * is asked for.  Links are slot + 1; 0 = none.  `left` of a first child is its parent. */
#ifndef HP_RISK_OWN_H
#define HP_RISK_OWN_H

#include <stddef.h>
#include <stdint.h>

#include "intent.h"
#include "limit.h"
#include "order.h"
#include "panic.h"
#include "hotpath/order/state.h"

#define HP_OWN_ACCOUNTS 32u
#define HP_OWN_INSTRUMENTS 256u

typedef struct hp_own_node {
    const hp_order_t *order; /* NULL = not in the index */
    int64_t  key;            /* smaller is better: the price for sells, its negative for buys */
    uint32_t child, left, right;
    uint32_t root;           /* index into `roots` */
} hp_own_node_t;

typedef struct hp_own {
    hp_own_node_t *nodes;    /* by slot of the order table */
    const hp_order_t *slots;
    uint32_t capacity;
    uint32_t count;
    uint32_t roots[HP_OWN_ACCOUNTS * HP_OWN_INSTRUMENTS * 2];
} hp_own_t;

static inline uint32_t hp_own_root(uint32_t account, uint32_t instrument, uint32_t side)
{
    return (instrument * HP_OWN_ACCOUNTS + account) * 2 + (side == HP_SIDE_SELL);
}

/* `memory` is zeroed and holds `capacity` nodes; `slots` is the order table that they stand beside. */
static inline void hp_own_init(hp_own_t *own, void *memory, const hp_order_t *slots, uint32_t capacity)
{
    own->nodes = (hp_own_node_t *)memory;
    own->slots = slots;
    own->capacity = capacity;
}

/* Make two heaps one; each is its top, without siblings. */
static inline uint32_t hp_own_meld(hp_own_t *own, uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0) return a | b;
    hp_own_node_t *x = &own->nodes[a - 1], *y = &own->nodes[b - 1];
    if (y->key < x->key) {
        uint32_t t = a; a = b; b = t;
        hp_own_node_t *n = x; x = y; y = n;
    }
    y->right = x->child;
    y->left = a;
    if (x->child != 0) own->nodes[x->child - 1].left = b;
    x->child = b;
    return a;
}

/* Make a list of siblings one heap: in pairs, then from the last. */
static inline uint32_t hp_own_gather(hp_own_t *own, uint32_t first)
{
    uint32_t pairs = 0, heap = 0;
    while (first != 0) {
        uint32_t a = first, b = own->nodes[a - 1].right;
        uint32_t rest = b != 0 ? own->nodes[b - 1].right : 0;
        own->nodes[a - 1].left = own->nodes[a - 1].right = 0;
        if (b != 0) own->nodes[b - 1].left = own->nodes[b - 1].right = 0;
        uint32_t one = hp_own_meld(own, a, b);
        own->nodes[one - 1].right = pairs;
        pairs = one;
        first = rest;
    }
    while (pairs != 0) {
        uint32_t rest = own->nodes[pairs - 1].right;
        own->nodes[pairs - 1].right = 0;
        heap = hp_own_meld(own, heap, pairs);
        pairs = rest;
    }
    return heap;
}

/* The price at which an order would be met first: the nearer one while it changes. */
static inline int64_t hp_own_ticks(const hp_order_t *o)
{
    if (HP_LIKELY(!hp_order_is_changing(o))) return o->price_ticks;
    return o->side == HP_SIDE_BUY ? hp_limit_most(o->asked_ticks, o->price_ticks) : hp_limit_least(o->asked_ticks, o->price_ticks);
}

static inline void hp_own_add(hp_own_t *own, const hp_order_t *o)
{
    uint32_t slot = (uint32_t)(o - own->slots);
    HP_ASSERT(slot < own->capacity && o->account < HP_OWN_ACCOUNTS && o->instrument < HP_OWN_INSTRUMENTS);
    hp_own_node_t *n = &own->nodes[slot];
    HP_ASSERT(n->order == NULL);
    n->order = o;
    n->key = o->side == HP_SIDE_SELL ? hp_own_ticks(o) : -hp_own_ticks(o);
    n->child = n->left = n->right = 0;
    n->root = hp_own_root(o->account, o->instrument, o->side);
    own->roots[n->root] = hp_own_meld(own, own->roots[n->root], slot + 1);
    own->count++;
}

static inline void hp_own_remove(hp_own_t *own, const hp_order_t *o)
{
    uint32_t slot = (uint32_t)(o - own->slots), *root;
    HP_ASSERT(slot < own->capacity);
    hp_own_node_t *n = &own->nodes[slot];
    if (n->order == NULL) return;
    root = &own->roots[n->root];
    uint32_t below = hp_own_gather(own, n->child);
    if (*root == slot + 1) {
        *root = below;
    } else {
        hp_own_node_t *left = &own->nodes[n->left - 1];
        if (left->child == slot + 1) left->child = n->right;
        else left->right = n->right;
        if (n->right != 0) own->nodes[n->right - 1].left = n->left;
        *root = hp_own_meld(own, *root, below);
    }
    n->order = NULL;
    n->child = n->left = n->right = 0;
    own->count--;
}

/* An order may have another price now. */
static inline void hp_own_move(hp_own_t *own, const hp_order_t *o)
{
    const hp_own_node_t *n = &own->nodes[o - own->slots];
    if (n->order == NULL || n->key == (o->side == HP_SIDE_SELL ? hp_own_ticks(o) : -hp_own_ticks(o))) return;
    hp_own_remove(own, o);
    hp_own_add(own, o);
}

/* The order of ours that an order on `side` would meet first; NULL = none rests there. */
static inline const hp_order_t *hp_own_facing(const hp_own_t *own, uint32_t account, uint32_t instrument, uint32_t side)
{
    uint32_t top = own->roots[hp_own_root(account, instrument, side == HP_SIDE_BUY ? HP_SIDE_SELL : HP_SIDE_BUY)];
    return top == 0 ? NULL : own->nodes[top - 1].order;
}

/* Would an order on `side` at this price trade with `rests`, which rests on the other side? */
static inline int hp_own_meets(uint32_t side, uint32_t type, int64_t price_ticks, const hp_order_t *rests)
{
    if (type == HP_TYPE_MARKET) return 1;
    return side == HP_SIDE_BUY ? price_ticks >= hp_own_ticks(rests) : price_ticks <= hp_own_ticks(rests);
}

#endif

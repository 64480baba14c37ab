/* ask.h - a question to the gate of a lane: what would it say of this order?
 *
 * Owns:    the record of the question.  The answer is a verdict (verdict.h), its `intent_id` the number
 *          that the asker gave.
 * Refuses: sending, holding, counting: a lane answers and is what it was (hotpath/lane/ask.h).
 *
 * hp_ask_t, 256 bytes.  Writer: the cold side, by mail.  Reader: the lane of the account's orders. */
#ifndef HP_ASK_H
#define HP_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "intent.h"
#include "panic.h"

/* cffi:begin */
typedef struct hp_ask {
    hp_intent_t intent;      /* its picture counts where the lane has no book of its own */
    uint64_t    checks;      /* bit n = verdict n: only these are asked; 0 = the whole chain, in its order */
    uint8_t     pad[56];
} hp_ask_t;
/* cffi:end */
HP_SIZE(hp_ask_t, 256);
HP_FIELD(hp_ask_t, checks, 192);

#endif

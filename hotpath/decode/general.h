/* general.h - the general reader: any JSON text, read by a venue's table of fields.
 *
 * Owns:    the words in which a venue describes its messages, and the face of the reader.
 * Refuses: knowing a venue; events (a venue's schema.h turns values into them); allocation after
 *          start.
 *
 * It is the specification of what a message means.  It visits each field once, in any order,
 * refuses a key that stands twice in an object of the schema, checks values that it does not know,
 * and checks to the end of the document.  Structure comes from simdjson's index of the text.
 *
 * A plan is a list of shapes; a shape is the table of an object's fields.  A KIND field names, by
 * its text, the further shape of the object it stands in; fields met before it wait for it, and
 * fields that need a scale wait for the symbol.  An object that could name its kind and does not is
 * of the shape whose kind is "", if it holds all that this shape requires: some venues leave the
 * kind of one message out.  Where the kind stands elsewhere (a channel or topic beside the data) it
 * is APART and names the shape of the CHOSEN field.  All shapes of a plan share one set of slots. */
#ifndef HP_GENERAL_H
#define HP_GENERAL_H

#include <stddef.h>
#include <stdint.h>

#include "symbols.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HP_JSON_SLOTS_MAX 64
#define HP_JSON_FIELDS_MAX 48  /* of one shape */
#define HP_JSON_SHAPES_MAX 24
#define HP_JSON_OTHERS_MAX 64  /* keys of one object that its shape does not know */
#define HP_JSON_DEPTH_MAX 32   /* of values that no shape describes */

enum hp_json_type {
    HP_JSON_ANY = 0,      /* checked, not kept */
    HP_JSON_TEXT = 1,     /* string */
    HP_JSON_KIND = 2,     /* string that selects the object's further shape */
    HP_JSON_SYMBOL = 3,   /* string, looked up; its scales hold from here on */
    HP_JSON_WHOLE = 4,    /* number 0 .. INT64_MAX */
    HP_JSON_TIME_MS = 5,  /* the same, milliseconds; kept as nanoseconds */
    HP_JSON_BOOL = 6,
    HP_JSON_PRICE = 7,    /* decimal string, kept as ticks */
    HP_JSON_SIZE = 8,     /* decimal string, kept as lots */
    HP_JSON_MONEY = 9,    /* decimal string, kept in 1e-8 */
    HP_JSON_BIDS = 10,    /* array of [price, size] */
    HP_JSON_ASKS = 11,
    HP_JSON_OBJECT = 12,  /* `shape` describes it */
    HP_JSON_ROWS = 13,    /* array of objects that `shape` describes; each is handed to `row` */
    HP_JSON_GROUPS = 14,  /* array of such arrays; values->group says which */
    HP_JSON_CHOSEN = 15,  /* an object, or an array of them as ROWS, by the shape that the APART kind
                           * named; waits for it.  A shape without fields: any value, checked */
    HP_JSON_TIME = 16     /* number 0 .. INT64_MAX, microseconds from 10^14 on, milliseconds below;
                           * kept as nanoseconds */
};

enum hp_json_flag {
    HP_JSON_REQUIRED = 1,
    HP_JSON_SIGNED = 2, /* decimals and whole numbers: one minus sign is fine */
    HP_JSON_EMPTY = 4,  /* decimals: "" is how the venue says nothing; reads as 0, of size 0 */
    HP_JSON_ROUND = 8,  /* decimals that only inform: digits finer than the scale are cut */
    HP_JSON_LATER = 16, /* OBJECT, ROWS, CHOSEN: waits for the symbol, which stands outside it */
    HP_JSON_LOOSE = 32, /* TEXT, OBJECT, an element of ROWS: a value of another type is checked and
                         * not kept; BIDS, ASKS: so is what stands behind price and size */
    HP_JSON_APART = 64, /* KIND: names the shape of CHOSEN fields; its text up to a point counts */
    HP_JSON_QUOTED = 128 /* whole numbers: they stand in quotes */
};

typedef struct hp_json_field {
    const char *key;
    uint8_t type;     /* enum hp_json_type */
    uint8_t flags;    /* enum hp_json_flag */
    uint8_t slot;     /* where the value goes; one slot, one field */
    uint8_t shape;    /* OBJECT, ROWS */
} hp_json_field_t;

typedef struct hp_json_shape {
    const char *kind;  /* text of a KIND field that selects this shape; "" = there is no KIND field,
                        * one shape of a plan may say so; NULL = by reference only */
    const hp_json_field_t *fields;
    uint32_t count;
    uint32_t number;   /* the venue's name of the kind; 0 only where `kind` is NULL */
} hp_json_shape_t;

typedef struct hp_json_value {
    int64_t number;
    const char *text;  /* in the frame, or in the reader's scratch when it had escapes */
    size_t size;
} hp_json_value_t;

typedef struct hp_json_values {
    uint64_t seen;             /* bit per slot */
    uint32_t kind;             /* hp_json_shape_t.number of the chosen shape; 0 = no KIND field */
    uint8_t  kind_unknown;     /* a KIND field whose text no shape has */
    uint8_t  symbol_unknown;
    uint8_t  missing;          /* a required field was */
    uint8_t  odd_text;         /* LOOSE levels: a number is not in its shortest form */
    uint8_t  pad[3];
    uint32_t group;            /* GROUPS: which of the arrays the row is of, from 0 */
    uint32_t index;            /* ROWS: which element of its array the row is, or was last, from 0 */
    const hp_symbol_t *symbol; /* NULL = none met, or unknown */
    const char *symbol_text;
    size_t symbol_size;
    const hp_symbol_t *finer;  /* the first whose scale a value was too fine for; NULL = none */
    int price_needed, size_needed; /* decimals that its values need */
    uint32_t bid_count, ask_count; /* in hp_levels_t, bids first */
    /* Called at the end of each object of a ROWS field; its slots are empty again afterwards.  It
     * may forgive an unknown symbol (set symbol_unknown to 0).  Answers HP_DECODE_EVENT to go on,
     * anything else to end the reading with it.  May be NULL. */
    int (*row)(void *context, struct hp_json_values *values, uint32_t shape);
    void *context;
    hp_json_value_t at[HP_JSON_SLOTS_MAX];
} hp_json_values_t;

typedef struct hp_json_plan hp_json_plan_t;
typedef struct hp_json_reader hp_json_reader_t;

/* How venues reach the reader: it lives in one library, `hotpath.decode.json`. */
typedef struct hp_json_functions {
    /* NULL when the table is not one (too many fields, a slot or a key twice in a shape). */
    hp_json_plan_t *(*plan)(const hp_json_shape_t *shapes, uint32_t count);
    void (*plan_free)(hp_json_plan_t *plan);
    hp_json_reader_t *(*open)(size_t frame_bytes_max);
    void (*close)(hp_json_reader_t *reader);
    /* Read one document by shape `root` of the plan.  `symbol` gives the scales when the text names
     * no symbol.  The caller sets values->row and ->context; all else is written here.  Errors of
     * the text first; then UNKNOWN_KIND, MISSING, UNKNOWN_SYMBOL, FINER; then HP_DECODE_EVENT. */
    int (*read)(hp_json_reader_t *reader, const hp_json_plan_t *plan, uint32_t root,
                const hp_symbols_t *symbols, const hp_symbol_t *symbol,
                const char *text, size_t size, hp_levels_t *levels, hp_json_values_t *values);
    const char *(*kernel)(void); /* which of simdjson's kernels this machine got */
} hp_json_face_t;

const hp_json_face_t *hp_json_face(void);

static inline int hp_json_seen(const hp_json_values_t *values, unsigned slot)
{
    return (int)(values->seen >> slot & 1);
}

/* Is a text value this one? */
static inline int hp_json_is(const hp_json_value_t *value, const char *text, size_t size)
{
    return value->size == size && memcmp(value->text, text, size) == 0;
}

#ifdef __cplusplus
}
#endif
#endif

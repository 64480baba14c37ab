"""Try a table of fields from Python: what the general reader makes of a text by it.

Owns:    plans written as Python lists, values as dicts; for tests and for whoever writes a venue.
Refuses: speed, events.

A shape is (kind or None, number, fields); a field is (key, type, flags, slot, shape).
"""

from enum import IntEnum, IntFlag

from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from hotpath.abi.event cimport *
from hotpath.abi.instrument cimport HP_SYMBOL_BYTES, hp_instrument_t
from hotpath.decode.general cimport *
from hotpath.decode.json cimport Reader, face
from hotpath.decode.symbols cimport *

from hotpath.decode.json import Status

PAD = bytes(HP_FRAME_PAD_BYTES)


class Type(IntEnum):
    """enum hp_json_type."""

    ANY = HP_JSON_ANY
    TEXT = HP_JSON_TEXT
    KIND = HP_JSON_KIND
    SYMBOL = HP_JSON_SYMBOL
    WHOLE = HP_JSON_WHOLE
    TIME_MS = HP_JSON_TIME_MS
    BOOL = HP_JSON_BOOL
    PRICE = HP_JSON_PRICE
    SIZE = HP_JSON_SIZE
    MONEY = HP_JSON_MONEY
    BIDS = HP_JSON_BIDS
    ASKS = HP_JSON_ASKS
    OBJECT = HP_JSON_OBJECT
    ROWS = HP_JSON_ROWS
    GROUPS = HP_JSON_GROUPS
    CHOSEN = HP_JSON_CHOSEN
    TIME = HP_JSON_TIME


class Flag(IntFlag):
    """enum hp_json_flag."""

    NONE = 0
    REQUIRED = HP_JSON_REQUIRED
    SIGNED = HP_JSON_SIGNED
    EMPTY = HP_JSON_EMPTY
    ROUND = HP_JSON_ROUND
    LATER = HP_JSON_LATER
    LOOSE = HP_JSON_LOOSE
    APART = HP_JSON_APART
    QUOTED = HP_JSON_QUOTED


TEXTS = (Type.TEXT, Type.KIND, Type.SYMBOL)
NUMBERS = (Type.WHOLE, Type.TIME_MS, Type.TIME, Type.BOOL, Type.PRICE, Type.SIZE, Type.MONEY)


cdef class Trial:
    """A plan with its reader and its instruments."""

    cdef Reader reader
    cdef hp_json_plan_t *plan
    cdef hp_symbols_t *symbols
    cdef hp_levels_t *levels
    cdef hp_json_values_t *values
    cdef list shapes
    cdef list rows

    def __cinit__(self, list shapes):
        self.reader = Reader()
        self.shapes = [
            (None if kind is None else kind.encode(), number, [(field[0].encode(), *field[1:]) for field in fields])
            for kind, number, fields in shapes
        ]
        self.symbols = <hp_symbols_t *>calloc(1, sizeof(hp_symbols_t))
        self.levels = <hp_levels_t *>calloc(1, sizeof(hp_levels_t))
        self.values = <hp_json_values_t *>calloc(1, sizeof(hp_json_values_t))
        if self.symbols == NULL or self.levels == NULL or self.values == NULL:
            raise MemoryError("trial")
        self.plan = self.made()
        if self.plan == NULL:
            raise ValueError("not a plan: too many fields, or a key or a slot twice in a shape")

    def __dealloc__(self):
        face().plan_free(self.plan)
        free(self.symbols)
        free(self.levels)
        free(self.values)

    cdef hp_json_plan_t *made(self) except? NULL:
        """Make the plan; its keys stay in self.shapes."""
        cdef size_t total = sum(len(fields) for _, _, fields in self.shapes)
        cdef size_t count = len(self.shapes)
        cdef hp_json_shape_t *shapes = <hp_json_shape_t *>calloc(count + 1, sizeof(hp_json_shape_t))
        cdef hp_json_field_t *fields = <hp_json_field_t *>calloc(total + 1, sizeof(hp_json_field_t))
        cdef size_t at = 0
        cdef size_t n = 0
        try:
            for kind, number, some in self.shapes:
                if kind is not None:
                    shapes[n].kind = <const char *>kind
                shapes[n].fields = &fields[at]
                shapes[n].count = len(some)
                shapes[n].number = number
                n += 1
                for key, type_, flags, slot, shape in some:
                    fields[at].key = <const char *>key
                    fields[at].type = type_
                    fields[at].flags = flags
                    fields[at].slot = slot
                    fields[at].shape = shape
                    at += 1
            return face().plan(shapes, n)
        finally:
            free(shapes)
            free(fields)

    def put_instrument(self, symbol, id, price_decimals, size_decimals):
        """Let the reader know a symbol."""
        cdef hp_instrument_t record
        cdef bytes text = symbol.encode()
        memset(&record, 0, sizeof(record))
        memcpy(record.symbol, <const char *>text, min(len(text), HP_SYMBOL_BYTES))
        record.symbol_length = len(text)
        record.id = id
        record.price_decimals = price_decimals
        record.size_decimals = size_decimals
        return hp_symbols_put(self.symbols, &record) != NULL

    cdef dict seen(self, int only):
        """Show the filled slots by their keys; `only` one shape's, or -1 for all."""
        cdef hp_json_value_t *value
        out = {}
        for index, (_, number, fields) in enumerate(self.shapes):
            if index != only if only >= 0 else number not in (0, self.values.kind):
                continue
            for key, type_, _, slot, _ in fields:
                if not hp_json_seen(self.values, slot):
                    continue
                value = &self.values.at[<int>slot]
                if type_ in TEXTS:
                    out[key.decode()] = None if value.text == NULL else value.text[:value.size]
                elif type_ in NUMBERS:
                    out[key.decode()] = value.number
        return out

    def read(self, bytes text not None, uint32_t root=0):
        """Return (Status, values, rows, bids, asks) of a document."""
        cdef bytes padded = text + PAD
        cdef uint32_t i
        self.rows = []
        self.values.row = take_row
        self.values.context = <void *>self
        status = face().read(self.reader.reader, self.plan, root, self.symbols, NULL,
                             padded, len(text), self.levels, self.values)
        if status != HP_DECODE_EVENT:
            return Status(status), {}, [], [], []
        cdef uint32_t bids = self.values.bid_count
        cdef uint32_t count = bids + self.values.ask_count
        levels = [(self.levels.at[i].price_ticks, self.levels.at[i].lots) for i in range(count)]
        return Status(status), self.seen(-1), self.rows, levels[:bids], levels[bids:]


cdef int take_row(void *context, hp_json_values_t *values, uint32_t shape) noexcept with gil:
    cdef Trial trial = <Trial>context
    trial.rows.append(trial.seen(shape))
    return HP_DECODE_EVENT

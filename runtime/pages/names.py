"""Names of the numbers that pages hold, from the headers' own enums.

Owns:    {number: lower-case name} of each enum that people are shown.
Refuses: sentences (runtime/show/verdicts.py), numbers of its own.
"""

from __future__ import annotations

from runtime._shm import ffi


def of(enum: str, prefix: str) -> dict[int, str]:
    """Return {number: name} of an enum, its prefix cut off, the closing COUNT left out."""
    return {
        number: text.removeprefix(prefix).lower()
        for number, text in sorted(ffi.typeof(f"enum {enum}").elements.items())
        if not text.endswith("_COUNT")
    }


ARCHIVE_STATES = of("hp_archive_state", "HP_ARCHIVE_")
BOOK_STATES = of("hp_book_state", "HP_BOOK_")
CANCEL_CAUSES = of("hp_cancel_cause", "HP_CANCEL_")
CLOCK_SOURCES = of("hp_clock_source", "HP_CLOCK_SOURCE_")
DECODED = of("hp_decode", "HP_DECODE_")
ERRORS = of("hp_error", "HP_ERROR_")
EVENTS = of("hp_event_kind", "HP_EVENT_")
EXIT_CAUSES = of("hp_exit_cause", "HP_EXIT_")
FLATTEN_STATES = of("hp_flatten_state", "HP_FLATTEN_")
FEED_SOURCES = of("hp_source", "HP_SOURCE_")
CAUTIONS = of("hp_caution", "HP_CAUTION_")  # bits
HOPS = of("hp_hop", "HP_HOP_")
KNOB_STATES = of("hp_knob_state", "HP_KNOB_")
LANE_ROLES = of("hp_lane_role", "HP_ROLE_")
LAYERS = of("hp_layer", "HP_LAYER_")
LANE_STATES = of("hp_lane_state", "HP_LANE_")
MARGINS = of("hp_margin", "HP_MARGIN_")
ORDER_STATES = of("hp_order_state", "HP_ORDER_")
POSITION_SIDES = of("hp_position_side", "HP_POSITION_")
PROCESS_ROLES = of("hp_process_role", "HP_PROCESS_")
PROCESS_STATES = of("hp_process_state", "HP_PROCESS_")
RESYNC_REASONS = of("hp_resync_reason", "HP_RESYNC_")
SENTINEL_STATES = of("hp_sentinel_state", "HP_SENTINEL_")
STREAM_STATES = of("hp_stream_state", "HP_STREAM_")
TRIGGERS = of("hp_trigger", "HP_TRIGGER_")
TROUBLES = of("hp_trouble", "HP_TROUBLE_")
VERDICTS = {
    number: name.removeprefix("verdict_") for number, name in of("hp_verdict_code", "HP_").items()
}
WORDS = of("hp_word", "HP_WORD_")
DIMENSIONS = of("hp_dimension", "HP_DIMENSION_")
QUOTA_MODES = of("hp_quota_mode", "HP_QUOTA_")
QUOTA_RANKS = of("hp_quota_rank", "HP_RANK_")
QUOTAS = {1: "weight", 2: "orders"}  # enum hp_quota_kind


def words(bits: int) -> list[str]:
    """Name the bits of a control word."""
    return [name for bit, name in WORDS.items() if bits & bit]

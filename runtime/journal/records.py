"""Journal records with names: which struct a payload is, what its numbers mean.

Owns:    kind -> name and struct, fields as plain Python values, enums as words.
Refuses: sentences, judging, numbers of its own: layouts and names are the headers'.
"""

from __future__ import annotations

import json
from typing import Any

from hotpath.journal.tail import Record
from runtime._shm import ffi, lib
from runtime.pages import names

KINDS = names.of("hp_record_kind", "HP_RECORD_")
BY_NAME = {name: number for number, name in KINDS.items()}
OUTPUTS_FROM = lib.HP_RECORD_INTENT  # kinds below are inputs

VERDICT_NUMBERS = {name: number for number, name in names.VERDICTS.items()}
OF_INSTRUMENT = frozenset(  # kinds whose aux is an instrument
    (
        lib.HP_RECORD_INSTRUMENT,
        lib.HP_RECORD_SNAPSHOT,
        lib.HP_RECORD_STREAM,
        lib.HP_RECORD_SANITY,
        lib.HP_RECORD_RULE,
        lib.HP_RECORD_SPARE,
        lib.HP_RECORD_MISSED,
        lib.HP_RECORD_REQUEST,
        lib.HP_RECORD_FILL,
        lib.HP_RECORD_RESYNC,
        lib.HP_RECORD_UNSENT,
        lib.HP_RECORD_FLATTEN,
    )
)
SIDES = names.of("hp_side", "HP_SIDE_")
TYPES = names.of("hp_order_type", "HP_TYPE_")
TIMES_IN_FORCE = names.of("hp_time_in_force", "HP_TIF_")
INTENTS = names.of("hp_intent_kind", "HP_INTENT_")
REPORTS = names.of("hp_report_kind", "HP_REPORT_")
SESSIONS = names.of("hp_session", "HP_SESSION_")
COMMANDS = names.of("hp_command", "HP_COMMAND_")
PAIR_KINDS = names.of("hp_pair_kind", "HP_PAIR_")
SOCKETS = {lib.HP_SOCKET_ORDER: "order", lib.HP_SOCKET_USER: "user"}

ORDER_WORDS = {
    "side": SIDES,
    "position_side": names.POSITION_SIDES,
    "type": TYPES,
    "time_in_force": TIMES_IN_FORCE,
    "state": names.ORDER_STATES,
    "error": names.ERRORS,
    "layer": names.LAYERS,
    "cancel_cause": names.CANCEL_CAUSES,
    "reason": names.CANCEL_CAUSES,
}
STRUCTS: dict[int, str] = {
    lib.HP_RECORD_CLOCK: "hp_journal_clock_t",
    lib.HP_RECORD_INSTRUMENT: "hp_instrument_t",
    lib.HP_RECORD_POSITION: "hp_report_t",
    lib.HP_RECORD_STREAM: "hp_stream_rule_t",
    lib.HP_RECORD_SANITY: "hp_sanity_rule_t",
    lib.HP_RECORD_LIMITS: "hp_limit_t",
    lib.HP_RECORD_RULE: "hp_instrument_limits_t",
    lib.HP_RECORD_POLICY: "hp_gate_rule_t",
    lib.HP_RECORD_TTL: "hp_ttl_rule_t",
    lib.HP_RECORD_SIGNAL: "hp_signal_t",
    lib.HP_RECORD_QUOTA_RULE: "hp_quota_rule_t",
    lib.HP_RECORD_QUOTA: "hp_quota_told_t",
    lib.HP_RECORD_QUOTA_MODE: "hp_quota_event_t",
    lib.HP_RECORD_CLOSING: "hp_flatten_rule_t",
    lib.HP_RECORD_INTENT: "hp_intent_t",
    lib.HP_RECORD_VERDICT: "hp_verdict_t",
    lib.HP_RECORD_ORDER: "hp_order_t",
    lib.HP_RECORD_FILL: "hp_report_t",
    lib.HP_RECORD_FEED: "hp_feed_event_t",
    lib.HP_RECORD_CORRECTION: "hp_correction_t",
    lib.HP_RECORD_FLATTEN: "hp_flatten_row_t",
}
FACTS = {  # payloads of OPENING and CARRY by their aux
    lib.HP_MAIL_BASE: "hp_base_t",
    lib.HP_MAIL_ORDER: "hp_order_t",
    lib.HP_MAIL_OPENING: "hp_opening_t",
}
PEER = {  # payloads of PEER by their aux
    lib.HP_PAIR_HELLO: "hp_pair_hello_t",
    lib.HP_PAIR_INTENT: "hp_pair_intent_t",
    lib.HP_PAIR_PICTURE: "hp_pair_picture_t",
    lib.HP_PAIR_MIRROR: "hp_pair_hello_t",
    lib.HP_PAIR_POSITION: "hp_pair_position_t",
    lib.HP_PAIR_ORDER: "hp_pair_order_t",
    lib.HP_PAIR_FILL: "hp_pair_fill_t",
}
WORD_STRUCTS = {  # payloads of WORDS by their aux
    lib.HP_WORDS_CLOCK: ("clock", "hp_time_record_t"),
    lib.HP_WORDS_LIMIT_LEASE: ("limit_lease", "hp_limit_lease_t"),
    lib.HP_WORDS_LEADER_LEASE: ("leader_lease", "hp_leader_lease_t"),
}
WORDS: dict[str, dict[str, dict[int, str]]] = {
    "hp_order_t": ORDER_WORDS,
    "hp_report_t": {**ORDER_WORDS, "kind": REPORTS},
    "hp_intent_t": {**ORDER_WORDS, "kind": INTENTS, "book_state": names.BOOK_STATES},
    "hp_verdict_t": {"verdict": names.VERDICTS},
    "hp_quota_told_t": {"kind": names.QUOTAS},
    "hp_quota_event_t": {
        "kind": names.QUOTAS,
        "mode": names.QUOTA_MODES,
        "before": names.QUOTA_MODES,
    },
    "hp_instrument_t": {
        "status": names.of("hp_instrument_status", "HP_STATUS_"),
        "contract": names.of("hp_contract", "HP_CONTRACT_"),
    },
    "hp_feed_event_t": {
        "trouble": names.of("hp_trouble", "HP_TROUBLE_"),
        "stream": names.EVENTS,
        "policy": names.of("hp_policy", "HP_POLICY_"),
        "source": names.of("hp_source", "HP_SOURCE_"),
    },
    "hp_stream_rule_t": {"kind": names.EVENTS},
    "hp_correction_t": {
        "cause": names.of("hp_correction_cause", "HP_CORRECTION_"),
        "position_side": names.POSITION_SIDES,
    },
    "hp_flatten_row_t": {
        "state": names.FLATTEN_STATES,
        "position_side": names.POSITION_SIDES,
        "verdict": names.VERDICTS,
        "error": names.ERRORS,
    },
}
# Time stamp counters are no outputs: two runs never have the same.
STAMPS_AT = ffi.offsetof("hp_order_t", "stamps")
STAMPS_TO = STAMPS_AT + ffi.sizeof("hp_stamps_t")


def struct(kind: str, payload: bytes) -> Any:
    """Return a copy of a payload as its struct."""
    out = ffi.new(f"{kind} *")
    ffi.memmove(out, payload, min(len(payload), ffi.sizeof(kind)))
    return out


def plain(value: Any, words: dict[int, str] | None) -> Any:
    """Return a field as plain Python: text, a number, a word, a list or a dict."""
    if isinstance(value, int):
        return value if words is None else words.get(value, value)
    kind = ffi.typeof(value)
    if kind.kind == "array":
        if kind.item.cname == "char":
            return ffi.string(value).decode(errors="replace")
        return [plain(item, words) for item in value]
    return fields_of(value, kind)


def fields_of(value: Any, kind: Any, words: dict[str, dict[int, str]] | None = None) -> Any:
    return {
        name: plain(getattr(value, name), (words or {}).get(name))
        for name, _ in kind.fields
        if not name.startswith("pad")
    }


def fields(record: Record) -> dict[str, Any]:
    """Return what a record's payload says; {"text": ...} for bytes of the venue."""
    name = STRUCTS.get(record.kind)
    if record.kind in (lib.HP_RECORD_OPENING, lib.HP_RECORD_CARRY):
        name = FACTS.get(record.aux)
    if record.kind == lib.HP_RECORD_PEER:
        name = PEER.get(record.aux)
    if name is not None and len(record.payload) == ffi.sizeof(name):
        found: dict[str, Any] = fields_of(
            struct(name, record.payload)[0], ffi.typeof(name), WORDS.get(name)
        )
        if record.kind == lib.HP_RECORD_INTENT:
            found.pop("state", None)
        return found
    number = int.from_bytes(record.payload[:4], "little")
    match record.kind:
        case lib.HP_RECORD_WORDS if record.aux == lib.HP_WORDS_CONTROL:
            return {"words": names.words(number)}
        case lib.HP_RECORD_WORDS:
            word, kind = WORD_STRUCTS[record.aux]
            return {word: fields_of(struct(kind, record.payload)[0], ffi.typeof(kind))}
        case lib.HP_RECORD_SESSION:
            socket = SOCKETS.get(record.aux, f"market {record.aux}")
            return {"socket": socket, "session": SESSIONS.get(number, number)}
        case lib.HP_RECORD_COMMAND:
            return {"command": COMMANDS.get(record.aux, record.aux)}
        case lib.HP_RECORD_PEER:
            return {"said": PAIR_KINDS.get(record.aux, record.aux)}
        case lib.HP_RECORD_TIMER:
            return {"due": record.aux}
        case lib.HP_RECORD_STRATEGY:
            return {"strategy": record.aux, "class": record.payload[8:].decode(errors="replace")}
        case lib.HP_RECORD_LANE:
            try:
                return {"lane": json.loads(record.payload)}
            except ValueError:
                pass
        case lib.HP_RECORD_RESYNC | lib.HP_RECORD_HALT:
            return {}
        case lib.HP_RECORD_WISH:
            return {"generation": int.from_bytes(record.payload[:8], "little")}
        case lib.HP_RECORD_OPENING | lib.HP_RECORD_CARRY if record.aux == lib.HP_MAIL_BOOKED:
            return {"fills": len(record.payload) // ffi.sizeof("hp_booked_t")}
    return {"text": record.payload.decode(errors="replace")}


def output_bytes(record: Record) -> bytes:
    """Return a payload without what no two runs can have in common."""
    is_order = record.kind == lib.HP_RECORD_ORDER or (
        record.kind == lib.HP_RECORD_CARRY and record.aux == lib.HP_MAIL_ORDER
    )
    if is_order and len(record.payload) >= STAMPS_TO:
        return (
            record.payload[:STAMPS_AT] + bytes(STAMPS_TO - STAMPS_AT) + record.payload[STAMPS_TO:]
        )
    return record.payload


def name_of(record: Record) -> str:
    return KINDS.get(record.kind, f"kind {record.kind}")

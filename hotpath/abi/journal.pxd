# journal.h - bytes of the event journal: file header, segment header, record.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport uint16_t, uint32_t, uint64_t, uint8_t

cdef extern from "journal.h" nogil:
    enum: HP_JOURNAL_LAYOUT
    enum: HP_JOURNAL_HEAD_BYTES
    enum: HP_SOCKET_ORDER
    enum: HP_SOCKET_USER
    enum: HP_CLOCK_RECORD_PAIR
    enum: HP_CLOCK_RECORD_OPENING
    const uint64_t HP_JOURNAL_SEGMENT_MAGIC
    cdef enum hp_record_kind:
        HP_RECORD_END
        HP_RECORD_CLOCK
        HP_RECORD_INSTRUMENT
        HP_RECORD_FRAME
        HP_RECORD_REPORT_FRAME
        HP_RECORD_TIMER
        HP_RECORD_COMMAND
        HP_RECORD_WORDS
        HP_RECORD_SNAPSHOT
        HP_RECORD_SESSION
        HP_RECORD_LIMITS
        HP_RECORD_SIGNAL
        HP_RECORD_POSITION
        HP_RECORD_STREAM
        HP_RECORD_SANITY
        HP_RECORD_SPARE
        HP_RECORD_LANE
        HP_RECORD_OPENING
        HP_RECORD_RULE
        HP_RECORD_POLICY
        HP_RECORD_PEER
        HP_RECORD_STRATEGY
        HP_RECORD_TTL
        HP_RECORD_CLOSING
        HP_RECORD_QUOTA_RULE
        HP_RECORD_QUOTA
        HP_RECORD_INTENT
        HP_RECORD_VERDICT
        HP_RECORD_REQUEST
        HP_RECORD_ORDER
        HP_RECORD_FILL
        HP_RECORD_CORRECTION
        HP_RECORD_RESYNC
        HP_RECORD_FEED
        HP_RECORD_UNSENT
        HP_RECORD_HALT
        HP_RECORD_WISH
        HP_RECORD_FLATTEN
        HP_RECORD_QUOTA_MODE
        HP_RECORD_CARRY
    cdef enum hp_words_of:
        HP_WORDS_CONTROL
        HP_WORDS_CLOCK
        HP_WORDS_LIMIT_LEASE
        HP_WORDS_LEADER_LEASE
        HP_WORDS_ARCHIVED
    cdef enum hp_archive_state:
        HP_ARCHIVE_NONE
        HP_ARCHIVE_COPYING
        HP_ARCHIVE_FULL
        HP_ARCHIVE_FAILED
        HP_ARCHIVE_STATE_COUNT
    cdef enum hp_session:
        HP_SESSION_CLOSED
        HP_SESSION_OPEN
        HP_SESSION_READY
        HP_SESSION_ASKED
        HP_SESSION_CURRENT
    cdef enum hp_command:
        HP_COMMAND_NONE
        HP_COMMAND_START
        HP_COMMAND_END
        HP_COMMAND_OPEN
        HP_COMMAND_SHUT
        HP_COMMAND_DRAIN
        HP_COMMAND_WISH
    cdef enum hp_turn_due:
        HP_DUE_DECIDE
        HP_DUE_SWEEP
        HP_DUE_STRATEGY
    cdef enum hp_callback:
        HP_CALL_BOOK
        HP_CALL_TOP
        HP_CALL_TRADE
        HP_CALL_MARK
        HP_CALL_ORDER
        HP_CALL_FILL
        HP_CALL_TIMER
        HP_CALL_FEED
    ctypedef struct hp_journal_record_t:
        uint32_t length
        uint16_t kind
        uint8_t lane
        uint8_t flags
        uint64_t sequence
        uint64_t recv_ns
        uint64_t mono_ns
        uint32_t crc32c
        uint32_t aux
    ctypedef struct hp_journal_segment_t:
        uint64_t magic
        uint32_t layout
        uint32_t lane
        uint64_t epoch
        uint64_t number
        uint64_t first_sequence
        uint64_t segment_bytes
        uint64_t build_id
        uint64_t opened_mono_ns
        uint64_t opened_real_ns
        uint64_t fingerprint
        uint8_t pad[44]
        uint32_t crc32c
    ctypedef struct hp_journal_clock_t:
        uint64_t mono_ns
        uint64_t real_ns
        uint64_t uncertainty_ns
        uint64_t tsc
    ctypedef struct hp_journal_head_t:
        uint64_t segment_bytes
        uint64_t segment_count
        uint64_t epoch
        uint64_t published
        uint64_t sequence
        uint64_t overwritten
        uint64_t fingerprint
        uint8_t pad0[72]
        uint64_t archived
        uint32_t archive_state
        uint32_t archiver_pid
        uint64_t checkpoint_real_ns
        uint64_t checkpoint_bytes
        uint64_t checkpoint_ns
        uint32_t checkpoints
        uint32_t checkpoint_failures
        uint8_t pad1[80]
    int hp_record_is_bulk(uint32_t kind) noexcept nogil

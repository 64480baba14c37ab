# mail.h - what a lane and its cold side tell each other, as records of two rings (ring.h).
# Names only; python -m hotpath.abi.declare derives them from the header.

cdef extern from "mail.h" nogil:
    cdef enum hp_mail:
        HP_MAIL_NONE
        HP_MAIL_LOGON
        HP_MAIL_SNAPSHOT
        HP_MAIL_LISTEN_KEY
        HP_MAIL_REPORT
        HP_MAIL_OPENING
        HP_MAIL_SPARE
        HP_MAIL_BASE
        HP_MAIL_BOOKED
        HP_MAIL_ORDER
        HP_MAIL_TRADES
        HP_MAIL_LIMIT
        HP_MAIL_RULE
        HP_MAIL_POLICY
        HP_MAIL_SIGNAL
        HP_MAIL_TTL
        HP_MAIL_QUOTA
        HP_MAIL_INSTRUMENT
        HP_MAIL_QUOTA_RULE
        HP_MAIL_MISSED
        HP_MAIL_ASK
        HP_MAIL_WANT
        HP_MAIL_LOG
        HP_MAIL_VERDICT
    cdef enum hp_want:
        HP_WANT_NONE
        HP_WANT_SNAPSHOT
        HP_WANT_LOGON
        HP_WANT_LISTEN_KEY
        HP_WANT_TRADES
        HP_WANT_STATUS
        HP_WANT_STREAM
        HP_WANT_RECONNECT
        HP_WANT_OPENING
        HP_WANT_MISSED

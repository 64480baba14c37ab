"""What a running lane is told by mail: a specification's instruments and limits, and signals.

Owns:    which records a specification is (INSTRUMENT, LIMIT, RULE, POLICY, QUOTA_RULE), which of
         them another one changes.  Signals (runtime/config/signals.py) are the same kind of mail.
Refuses: rings (runtime/session/process.py writes them), judging, what is leased (the authority's).

A lane journals each record that it takes, so that a re-run takes them at the same place.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hotpath.lane.lane import (
    instrument_bytes,
    limit_bytes,
    policy_bytes,
    quota_rule_bytes,
    rule_bytes,
)
from runtime._shm import lib
from runtime.lanes.spec import policies

Scope = tuple[int, int, int]  # kind of mail, then what it is about


class Mail(NamedTuple):
    """One record of a lane's mail."""

    kind: int  # enum hp_mail
    aux: int
    data: bytes


def mails(spec: dict[str, Any], leased: set[tuple[int, int]]) -> dict[Scope, Mail]:
    """Return all of a specification but the limits that are leased: (dimension, id)."""
    out: dict[Scope, Mail] = {}
    for item in spec["instruments"]:
        data = instrument_bytes(item["id"], item["symbol"], **item["about"])
        out[lib.HP_MAIL_INSTRUMENT, item["id"], 0] = Mail(lib.HP_MAIL_INSTRUMENT, 0, data)
    for one in spec["limits"]:
        about = (one["dimension"], one["id"])
        if about not in leased:
            data = limit_bytes(*about, **one["bounds"])
            out[lib.HP_MAIL_LIMIT, *about] = Mail(lib.HP_MAIL_LIMIT, 0, data)
    for item in spec["instruments"]:
        data = rule_bytes(**item["limits"])
        out[lib.HP_MAIL_RULE, item["id"], 0] = Mail(lib.HP_MAIL_RULE, item["id"], data)
    data = policy_bytes(**policies(spec))
    out[lib.HP_MAIL_POLICY, 0, 0] = Mail(lib.HP_MAIL_POLICY, 0, data)
    data = quota_rule_bytes(**spec["quota"]["rule"])
    out[lib.HP_MAIL_QUOTA_RULE, 0, 0] = Mail(lib.HP_MAIL_QUOTA_RULE, 0, data)
    return out


def changed(before: dict[Scope, Mail], after: dict[Scope, Mail]) -> dict[Scope, Mail]:
    """Return what a lane that holds `before` has to be told."""
    return {scope: mail for scope, mail in after.items() if before.get(scope) != mail}

"""What a drill says of the archive that it leaves: conserved, and as it was signed.

Owns:    one verdict out of what `ledger check` and `ledger verify` find.
Refuses: finding it (runtime/journal).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runtime.journal import audit, key, ledger, recording
from runtime.journal.archiver import kept_heads
from runtime.pages.figures import scaled
from runtime.supervise.state import state_path


def judge(directory: Path, balance_e8: int) -> tuple[dict[str, Any], list[str]]:
    """Return what `ledger check` and `ledger verify` find in the archive, and what is wrong in it.

    Its key and the heads kept outside lie in the drill's own state directory: ask while it stands.
    """
    found = ledger.read(directory)
    wrong = [f"{one.what}: {one.text}" for one in found.problems()]
    booked = [one.balance_e8() for one in found.wallets.values() if one.count]
    if booked != [balance_e8]:
        wrong.append(f"wallet: the ledger {booked}, venue {balance_e8}")
    home = state_path(recording.manifest(directory)["deployment"])
    keys = key.known_ids(home)
    report = audit.verify(directory, keys, kept_heads(home, directory))
    about = {
        "directory": str(directory),
        "conserved": not wrong,
        "entries": len(found.entries),
        "wallet_e8": booked[0] if len(booked) == 1 else None,
        "wallet_words": sum(one.count for one in found.wallets.values()),
        "verified": report.is_good,
        "records": report.records,
        "blocks": report.blocks,
        "signed_blocks": report.signed_blocks,
        "keys": sorted(keys),
    }
    return about, wrong + [f"verify: {one}" for one in report.faults]


def text(about: dict[str, Any]) -> list[str]:
    wallet = "unknown" if about["wallet_e8"] is None else scaled(about["wallet_e8"], 8)
    money = "conserved to the last 1e-8" if about["conserved"] else "NOT CONSERVED"
    whole = "every byte as it was signed" if about["verified"] else "NOT AS IT WAS SIGNED"
    options = " ".join(f"--key {one}" for one in about["keys"])
    return [
        f"  ledger {money}: {about['entries']} entries, wallet {wallet} by {about['wallet_words']}"
        " words of the venue",
        f"  archive {whole}: {about['records']} records, {about['signed_blocks']} of"
        f" {about['blocks']} blocks under a head",
        f"  again: corelane ledger check {about['directory']}; corelane ledger verify"
        f" {about['directory']} {options}",
    ]

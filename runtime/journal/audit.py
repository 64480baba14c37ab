"""Is an archive what its archiver wrote?  Its bytes against the chain, the chain against heads.

Owns:    finding what differs and where: file, block, record, byte; what is missing; whose
         signatures vouch for how much; moving what is damaged aside.
Refuses: writing an archive (archive.py), the meaning of records (ledger.py), deleting anything.

Nothing here is shared with ops/verify_archive.py, which judges the same files by the format alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hotpath.journal.tail import SEGMENT_BYTES, scan, segment
from runtime.journal import chain, recording
from runtime.journal import key as archive_key
from runtime.journal.archive import ArchiveDamaged, EpochWriter
from runtime.journal.chain import RETIRED
from runtime.journal.key import ArchiveKey
from runtime.journal.recording import RecordingError


@dataclass(frozen=True)
class Finding:
    """One difference.  A note is no fault: it says what nobody has vouched for yet."""

    what: str
    where: str  # path below the RUN
    text: str
    block: int | None = None
    first_byte: int | None = None
    last_byte: int | None = None
    sequence: int | None = None
    is_note: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if value is not None}


@dataclass
class Report:
    """What an audit found."""

    findings: list[Finding] = field(default_factory=list)
    epochs: int = 0
    blocks: int = 0
    bytes: int = 0
    records: int = 0
    signed_blocks: int = 0
    retired_segments: int = 0
    heads: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)  # (lane, epoch)
    keys: set[str] = field(default_factory=set)  # that signed
    strangers: set[str] = field(default_factory=set)  # of them, those that no trust reaches

    @property
    def faults(self) -> list[Finding]:
        return [one for one in self.findings if not one.is_note]

    @property
    def is_good(self) -> bool:
        return not self.faults


def is_half_written(rest: bytes) -> bool:
    """Whether a killed archiver left this of a line: its beginning, and no byte behind its end."""
    if b"\n" in rest:
        return False
    try:
        _, end = json.JSONDecoder().raw_decode(rest.decode(errors="replace"))
    except ValueError:
        return True
    return end == len(rest)


class EpochAudit:
    """One lane epoch."""

    def __init__(self, run: Path, folder: Path, keys: dict[str, bytes], report: Report) -> None:
        self.folder = folder
        self.where = str(folder.relative_to(run))
        self.lane, self.epoch = int(folder.parent.name[5:]), int(folder.name[6:])
        self.keys = keys
        self.report = report
        self.blocks, self.chain_bytes = chain.read(folder)
        self.heads, self.heads_bytes = chain.read_heads(folder)
        covered = [int(head["index"]) for head in self.heads if str(head.get("index")).isdigit()]
        self.covered = max(covered, default=-1)  # by a head, as far as the lines say

    def fault(self, what: str, text: str, name: str = "", **more: Any) -> None:
        where = f"{self.where}/{name}" if name else self.where
        self.report.findings.append(Finding(what, where, text, **more))

    def go(self, previous: bytes) -> bytes:
        """Check everything; return the hash that the lane's next epoch must follow."""
        self.report.epochs += 1
        self.report.blocks += len(self.blocks)
        self.check_links(previous)
        self.check_heads()
        self.check_bytes()
        return self.blocks[-1].hash if self.blocks else previous

    def check_links(self, previous: bytes) -> None:
        path = self.folder / chain.CHAIN
        size = path.stat().st_size if path.exists() else 0
        if size > self.chain_bytes:
            self.fault(
                "chain",
                f"bytes {self.chain_bytes} to {size} are no block header",
                chain.CHAIN,
                first_byte=self.chain_bytes,
                last_byte=size - 1,
                is_note=self.covered < len(self.blocks),  # torn: nobody had vouched for it
            )
        before: chain.Block | None = None
        for number, block in enumerate(self.blocks):
            at = number * chain.HEADER_BYTES
            problem = ""
            if (block.lane, block.epoch, block.index) != (self.lane, self.epoch, number):
                problem = f"it says lane {block.lane} epoch {block.epoch} block {block.index}"
            elif block.previous != previous:
                problem = "it does not follow the block before it: that one, or this, was changed"
            elif before is not None:
                is_next = block.offset == 0 and block.segment > before.segment
                if not is_next and (block.segment, block.offset) != (before.segment, before.end):
                    problem = "its bytes do not follow those of the block before it"
                elif block.first_sequence != before.last_sequence + 1 + block.lost:
                    problem = "its records do not follow those of the block before it"
            if problem:
                self.fault(
                    "link",
                    f"block {number}: {problem}",
                    chain.CHAIN,
                    block=number,
                    first_byte=at,
                    last_byte=at + chain.HEADER_BYTES - 1,
                )
            if block.lost:
                self.fault(
                    "hole",
                    f"{block.lost} records before {block.first_sequence} were overwritten before"
                    " they could be archived",
                    chain.CHAIN,
                    block=number,
                    is_note=True,
                )
            previous, before = block.hash, block

    def check_heads(self) -> None:
        path = self.folder / chain.HEADS
        size = path.stat().st_size if path.exists() else 0
        if size > self.heads_bytes:
            is_torn = is_half_written(path.read_bytes()[self.heads_bytes :])
            self.fault(
                "head",
                f"bytes {self.heads_bytes} to {size} are no head",
                chain.HEADS,
                first_byte=self.heads_bytes,
                last_byte=size - 1,
                is_note=is_torn,
            )
        covered = -1
        for number, head in enumerate(self.heads):
            problem = self.head_problem(head, covered)
            if problem:
                self.fault("head", f"head {number}: {problem}", chain.HEADS)
                continue
            covered = int(head["index"])
            self.report.keys.add(head["key"])
            self.report.heads[self.lane, self.epoch] = head
        self.report.signed_blocks += min(covered + 1, len(self.blocks))
        if covered + 1 < len(self.blocks):
            self.fault(
                "unsigned",
                f"blocks {covered + 1} to {len(self.blocks) - 1} are younger than the newest head",
                chain.CHAIN,
                is_note=True,
            )

    def head_problem(self, head: dict[str, Any], covered: int) -> str:
        try:
            index, key = int(head["index"]), str(head["key"])
            says = (int(head["lane"]), int(head["epoch"]))
        except (KeyError, ValueError, TypeError):
            return "it lacks what a head has"
        if key not in self.keys:
            return f"its key {key} is not in {chain.KEYS}/"
        if not archive_key.is_signed(head, self.keys[key]):
            return "its signature is not that of its key over it: the line was changed"
        if says != (self.lane, self.epoch):
            return f"it is of lane {says[0]} epoch {says[1]}"
        if index < covered:
            return f"it covers block {index}; an earlier one covers {covered}"
        if index >= len(self.blocks):
            missing = index - len(self.blocks) + 1
            return (
                f"it covers block {index} (record {head.get('sequence')}); the chain ends with"
                f" block {len(self.blocks) - 1}: {missing} blocks are missing"
            )
        if self.blocks[index].hash.hex() != head.get("hash"):
            return f"block {index} has another hash: a header up to it was changed"
        return ""

    def retired(self) -> set[int]:
        """Return the segments that signed notes say retention has removed."""
        out: set[int] = set()
        try:
            lines = (self.folder / RETIRED).read_text().splitlines()
        except FileNotFoundError:
            return out
        for line in lines:
            try:
                note = json.loads(line)
                key = self.keys[note["key"]]
                is_ours = (note["lane"], note["epoch"]) == (self.lane, self.epoch)
                if is_ours and archive_key.is_signed(note, key):
                    out.add(int(note["retired"]))
                    continue
            except (ValueError, KeyError, TypeError):
                pass
            self.fault("retired", "a note of removal is not signed by a key that is here", RETIRED)
        return out

    def check_bytes(self) -> None:
        paths = recording.segment_paths(self.folder)
        retired = self.retired()
        by_segment: dict[int, list[chain.Block]] = {}
        for block in self.blocks:
            by_segment.setdefault(block.segment, []).append(block)
        for number, blocks in by_segment.items():
            if number not in paths:
                if number in retired:
                    self.report.retired_segments += 1
                    continue
                first, last = blocks[0].first_sequence, blocks[-1].last_sequence
                if blocks[0].index > self.covered:
                    what = f"blocks from {blocks[0].index} on, younger than the newest head"
                    name = recording.segment_path(self.folder, number).name
                    self.fault("torn", f"{what}, are not there", name, is_note=True)
                    continue
                self.fault(
                    "missing",
                    f"the segment's file is not there: records {first} to {last}",
                    recording.segment_path(self.folder, number).name,
                    block=blocks[0].index,
                    sequence=first,
                )
                continue
            self.check_segment(paths[number], blocks)
        last_number = max(by_segment, default=-1)
        for number, path in paths.items():
            if number not in by_segment:
                size = path.stat().st_size
                self.fault(
                    "unchained",
                    f"{size} bytes that no block holds",
                    path.name,
                    is_note=number > last_number,
                )

    def check_segment(self, path: Path, blocks: list[chain.Block]) -> None:
        try:
            data = recording.load(path)
        except recording.SegmentGone as error:  # retention says so first, then it removes
            if blocks[0].segment in self.retired():
                self.report.retired_segments += 1
            else:
                self.fault("missing", str(error), path.name, block=blocks[0].index)
            return
        except RecordingError as error:
            self.fault("unreadable", str(error), path.name, block=blocks[0].index)
            return
        view = memoryview(data)
        for block in blocks:
            part = view[block.offset : block.end]
            self.report.bytes += len(part)
            if len(part) == block.length and hashlib.sha256(part).digest() == block.sha256:
                self.report.records += block.last_sequence - block.first_sequence + 1
                continue
            self.locate(path, bytes(part), block)
        end = blocks[-1].end
        if len(view) > end:
            is_last = blocks[-1].index == len(self.blocks) - 1
            count, good, _, _ = scan(bytes(view[end:]), 0, blocks[-1].last_sequence + 1)
            self.fault(
                "tail",
                f"{len(view) - end} bytes behind the last block: {count} whole records,"
                f" {len(view) - end - good} torn bytes",
                path.name,
                first_byte=end,
                last_byte=len(view) - 1,
                is_note=is_last,
            )

    def locate(self, path: Path, part: bytes, block: chain.Block) -> None:
        """Say which record of a block was changed: the first that is none, or in a wrong place."""
        first, last = block.offset, block.end - 1
        if block.index > self.covered:
            self.fault(
                "torn",
                f"block {block.index}, younger than the newest head, is not there as it was hashed",
                path.name,
                block=block.index,
                first_byte=first,
                last_byte=last,
                is_note=True,
            )
            return
        if len(part) < block.length:
            self.fault(
                "short",
                f"block {block.index}: {block.length - len(part)} of its bytes are not there",
                path.name,
                block=block.index,
                first_byte=block.offset + len(part),
                last_byte=last,
            )
            return
        start = 0
        if block.offset == 0:
            head = segment(part[:SEGMENT_BYTES])
            if head is None:
                self.fault(
                    "changed",
                    f"block {block.index}: the segment's header",
                    path.name,
                    block=block.index,
                    first_byte=0,
                    last_byte=SEGMENT_BYTES - 1,
                )
                return
            start = SEGMENT_BYTES
        _, good, sequence, is_whole = scan(part, start, block.first_sequence)
        if is_whole and good == len(part):  # every record checks: someone made new checksums
            self.fault(
                "forged",
                f"block {block.index}: its records are whole and are not those that were hashed",
                path.name,
                block=block.index,
                first_byte=first,
                last_byte=last,
                sequence=block.first_sequence,
            )
            return
        length = int.from_bytes(part[good : good + 4], "little")
        end = min(good + ((40 + length + 7) & ~7), len(part))
        self.fault(
            "changed",
            f"block {block.index}: record {sequence}",
            path.name,
            block=block.index,
            first_byte=block.offset + good,
            last_byte=block.offset + max(end, good + 1) - 1,
            sequence=sequence,
        )


def verify(
    run: Path,
    trusted: set[str] | None = None,
    heads: list[dict[str, Any]] | None = None,
) -> Report:
    """Check a RUN.  trusted: ids of keys known from elsewhere; heads: signed heads kept elsewhere,
    which tell of blocks that were cut off together with the heads over them."""
    recording.manifest(run)
    report = Report()
    keys, reached = archive_key.public_keys(run, trusted or set())
    previous: dict[int, bytes] = {}
    for folder in recording.epoch_folders(run):
        if not any(folder.iterdir()):
            continue
        audit = EpochAudit(run, folder, keys, report)
        follows = previous.get(audit.lane, chain.NOTHING)
        if audit.heads and "replaces" in audit.heads[0]:
            audit.fault(
                "repaired",
                f"this epoch was repaired; what was damaged is in {audit.heads[0].get('aside')}",
                is_note=True,
            )
        previous[audit.lane] = audit.go(follows)
        for head in audit.heads:
            if "replaces" in head:  # the next epoch follows the chain that was there before
                previous[audit.lane] = bytes.fromhex(head["replaces"])
    for head in heads or []:
        check_kept(run, head, keys, report)
    report.strangers = report.keys - reached
    if trusted and report.strangers:
        for key in sorted(report.strangers):
            report.findings.append(
                Finding("key", f"{chain.KEYS}/{key}.json", f"key {key} is not one that is trusted")
            )
    return report


def check_kept(
    run: Path, head: dict[str, Any], keys: dict[str, bytes], report: Report
) -> None:
    """Hold a head that was kept elsewhere against the chain."""
    try:
        lane, epoch, index = int(head["lane"]), int(head["epoch"]), int(head["index"])
    except (KeyError, ValueError, TypeError):
        report.findings.append(Finding("kept", "", "a head that was kept elsewhere is no head"))
        return
    folder = recording.epoch_folder(run, lane, epoch)
    where = str(folder.relative_to(run))
    blocks, _ = chain.read(folder)
    if index >= len(blocks):
        repaired = chain.read_heads(folder)[0]
        if any("replaces" in one for one in repaired):
            return
        report.findings.append(
            Finding(
                "truncated",
                where,
                f"a head that was kept elsewhere covers block {index} (record"
                f" {head.get('sequence')}); the chain here ends with block {len(blocks) - 1}",
                block=len(blocks),
            )
        )
    elif blocks[index].hash.hex() != head.get("hash"):
        report.findings.append(
            Finding(
                "truncated",
                where,
                f"block {index} is not the one that a head kept elsewhere covers",
                block=index,
            )
        )


def repair(run: Path, key: ArchiveKey, deployment: str) -> list[str]:
    """Move damaged lane epochs aside and make new ones of what is good; say what was done.

    Nothing is removed: the damaged epoch stays whole in lane-N/damaged-NNNNN-<time>.
    """
    out = []
    for folder in recording.epoch_folders(run):
        report = Report()
        keys, _ = archive_key.public_keys(run, set())
        audit = EpochAudit(run, folder, keys, report)
        blocks = audit.blocks
        follows = blocks[0].previous if blocks else chain.NOTHING
        audit.go(follows)
        if not report.faults:
            continue
        aside = folder.with_name(f"damaged-{folder.name[6:]}-{time.time_ns()}")
        folder.rename(aside)
        folder.mkdir()
        kept = rebuild(aside, folder)
        writer = EpochWriter(folder, audit.lane, audit.epoch, deployment, key)
        writer.resume(has_holes=True)
        writer.head(
            replaces=(blocks[-1].hash if blocks else chain.NOTHING).hex(),
            aside=aside.name,
            faults=[one.text for one in report.faults][:20],
            final=True,
        )
        writer.close()
        out.append(
            f"{audit.where}: {len(report.faults)} faults; {kept} segments hold good records and"
            f" were chained anew; the damaged epoch is kept as {aside.name}"
        )
    return out


def rebuild(aside: Path, folder: Path) -> int:
    """Copy of each segment what is good from its beginning on; return how many there are."""
    kept = 0
    for number, path in recording.segment_paths(aside).items():
        try:
            data = bytes(recording.load(path))
        except RecordingError:
            continue
        head = segment(data[:SEGMENT_BYTES])
        if head is None:
            continue
        count, good, _, _ = scan(data, SEGMENT_BYTES, head.first_sequence)
        if count == 0:
            continue
        to = recording.segment_path(folder, number)
        to.write_bytes(data[:good])
        with to.open("rb") as file:
            os.fsync(file.fileno())
        kept += 1
    if (aside / RETIRED).exists():
        shutil.copy2(aside / RETIRED, folder / RETIRED)
    return kept


__all__ = ["ArchiveDamaged", "Finding", "Report", "repair", "verify"]

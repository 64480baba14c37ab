"""A second opinion on an archive: the format alone, the standard library, and `cryptography`.

Owns:    reading chains, heads and keys by the layout in docs/archive.md; saying what differs.
Refuses: any code of the appliance.  It runs where nothing of Corelane is installed:

    python verify_archive.py RUN [--key ID] [--head FILE]

--key: the id of a key that is known from elsewhere; heads by others are faults.
--head: a signed head (one line of JSON) that was kept elsewhere: it tells of a cut end.
Exit code 0: every byte is what was hashed, every head is signed; 1: not; 2: it could not be read.
Packed segments (.journal.zst) need the module zstandard or the program zstd.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# magic layout lane epoch index segment offset length first last lost real_ns pad previous sha256
Line = dict[str, Any]
Row = tuple[int, int, int, bytes]  # index, offset, length, SHA-256
HEADER = struct.Struct("<8sIIQQQQQQQQQ8x32s32s")


def unpack_segment(folder: Path, number: int) -> bytes | None:
    plain, packed = folder / f"{number:08d}.journal", folder / f"{number:08d}.journal.zst"
    if plain.exists():
        return plain.read_bytes()
    if not packed.exists():
        return None
    try:
        import zstandard
    except ImportError:
        done = subprocess.run(["zstd", "-dc", str(packed)], capture_output=True, check=False)
        return done.stdout if done.returncode == 0 else b""
    try:
        return zstandard.ZstdDecompressor().decompress(packed.read_bytes())
    except zstandard.ZstdError:
        return b""


def read_keys(run: Path) -> dict[str, dict[str, str]]:
    keys = {}
    for path in (run / "keys").glob("*.json"):
        try:
            text = json.loads(path.read_text())
            if hashlib.sha256(bytes.fromhex(text["public"])).hexdigest()[:16] == path.stem:
                keys[path.stem] = text
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return keys


def checks(public: str, signature: str, text: bytes) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        key.verify(bytes.fromhex(signature), text)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def is_signed(line: Line, keys: dict[str, dict[str, str]]) -> bool:
    rest = {name: value for name, value in line.items() if name != "signature"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()
    key = keys.get(line.get("key", ""))
    return key is not None and checks(key["public"], line.get("signature", ""), text)


def reach(keys: dict[str, dict[str, str]], trusted: str) -> set[str]:
    """Follow endorsements from a trusted key to its successors."""
    reached = {trusted} & set(keys)
    while True:
        more = {
            name
            for name, key in keys.items()
            if name not in reached
            and key.get("endorsed_by") in reached
            and checks(
                keys[key["endorsed_by"]]["public"],
                key.get("endorsement", ""),
                bytes.fromhex(key["public"]),
            )
        }
        if not more:
            return reached
        reached |= more


def lines_of(path: Path) -> tuple[list[Line], bytes]:
    """Return the whole lines of a file as objects, and what stands behind the last good one."""
    out, data = [], path.read_bytes() if path.exists() else b""
    while b"\n" in data:
        line, rest = data.split(b"\n", 1)
        try:
            found = json.loads(line)
        except ValueError:
            break
        if not isinstance(found, dict):
            break
        out.append(found)
        data = rest
    return out, data


def is_half_written(rest: bytes) -> bool:
    """Whether this is the beginning of a line, with nothing behind its end."""
    try:
        _, end = json.JSONDecoder().raw_decode(rest.decode(errors="replace"))
    except ValueError:
        return b"\n" not in rest
    return end == len(rest)


def check_epoch(
    folder: Path, before: bytes, keys: dict[str, dict[str, str]], allowed: set[str] | None
) -> tuple[list[str], bytes, list[bytes], int]:
    """Check one lane epoch: faults, the hash to follow, the hashes of its blocks, bytes hashed."""
    faults: list[str] = []
    lane, epoch = int(folder.parent.name[5:]), int(folder.name[6:])
    data = (folder / "chain").read_bytes() if (folder / "chain").exists() else b""
    hashes: list[bytes] = []
    blocks: dict[int, list[Row]] = {}
    last = None
    for at in range(0, len(data) - HEADER.size + 1, HEADER.size):
        packed = data[at : at + HEADER.size]
        f = HEADER.unpack(packed)
        magic, layout, its_lane, its_epoch, index, segment = f[:6]
        offset, length, first, end, lost, _, previous, sha = f[6:]
        if magic != b"HPBLOCK1" or layout != 1:
            break  # torn, unless a head covers more
        if (its_lane, its_epoch, index) != (lane, epoch, len(hashes)):
            faults.append(f"{folder}/chain: block {len(hashes)} says that it is another")
        if previous != before:
            faults.append(f"{folder}/chain: block {index} does not follow the one before it")
        if last is not None:
            follows = (segment, offset) == last[:2] or (offset == 0 and segment > last[0])
            if not follows or first != last[2] + 1 + lost:
                faults.append(f"{folder}/chain: block {index} leaves a gap before it")
        last = (segment, offset + length, end)
        before = hashlib.sha256(packed).digest()
        hashes.append(before)
        blocks.setdefault(segment, []).append((index, offset, length, sha))
    heads, rest = lines_of(folder / "heads")
    if not is_half_written(rest):
        faults.append(f"{folder}/heads: line {len(heads) + 1} is no head")
    after = before
    for number, head in enumerate(heads, 1):
        where = f"{folder}/heads: line {number}"
        if not is_signed(head, keys):
            faults.append(f"{where}: not signed by a key that is here")
        elif allowed is not None and head["key"] not in allowed:
            faults.append(f"{where}: signed by {head['key']}, which is not trusted")
        elif (head["lane"], head["epoch"]) != (lane, epoch):
            faults.append(f"{where}: of another lane or epoch")
        elif head["index"] >= len(hashes):
            faults.append(f"{where}: covers block {head['index']}; there are {len(hashes)}")
        elif hashes[head["index"]].hex() != head["hash"]:
            faults.append(f"{where}: block {head['index']} is not the one that was signed")
        elif "replaces" in head:
            after = bytes.fromhex(head["replaces"])
    notes, _ = lines_of(folder / "retired")
    retired = {
        note["retired"]
        for note in notes
        if is_signed(note, keys) and (note["lane"], note["epoch"]) == (lane, epoch)
    }
    hashed, covered = 0, max((head.get("index", -1) for head in heads), default=-1)
    for segment, rows in blocks.items():
        content = unpack_segment(folder, segment)
        rows = [row for row in rows if row[0] <= covered]  # what is younger may be torn
        if not rows:
            continue
        if content is None:
            if segment not in retired:
                faults.append(f"{folder}: segment {segment} is missing")
            continue
        for index, offset, length, sha in rows:
            part = content[offset : offset + length]
            hashed += len(part)
            if len(part) != length or hashlib.sha256(part).digest() != sha:
                faults.append(
                    f"{folder}/{segment:08d}: block {index}, bytes {offset} to"
                    f" {offset + length - 1}, are not what was hashed"
                )
        tail = blocks[segment][-1][1] + blocks[segment][-1][2]
        if len(content) > tail and segment != max(blocks):
            faults.append(f"{folder}/{segment:08d}: bytes behind {tail} belong to no block")
    return faults, after, hashes, hashed


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--key", help="id of a key that is known from elsewhere")
    parser.add_argument("--head", type=Path, help="a signed head that was kept elsewhere")
    arguments = parser.parse_args(argv)
    if not (arguments.run / "run.json").exists():
        print(f"{arguments.run} is no RUN", file=sys.stderr)
        return 2
    keys = read_keys(arguments.run)
    allowed = reach(keys, arguments.key) if arguments.key else None
    faults: list[str] = []
    before: dict[str, bytes] = {}
    found: dict[tuple[int, int], list[bytes]] = {}
    hashed = 0
    for folder in sorted(arguments.run.glob("lane-*/epoch-*")):
        lane = folder.parent.name
        more, before[lane], hashes, size = check_epoch(
            folder, before.get(lane, bytes(32)), keys, allowed
        )
        faults += more
        hashed += size
        found[int(lane[5:]), int(folder.name[6:])] = hashes
    if arguments.head:
        head = json.loads(arguments.head.read_text())
        hashes = found.get((head["lane"], head["epoch"]), [])
        if not is_signed(head, keys):
            faults.append(f"{arguments.head}: not signed by a key that is here")
        elif head["index"] >= len(hashes) or hashes[head["index"]].hex() != head["hash"]:
            faults.append(
                f"lane {head['lane']} epoch {head['epoch']}: the kept head covers block"
                f" {head['index']}, which is not here: the end was cut off"
            )
    for fault in faults:
        print(fault)
    blocks = sum(len(hashes) for hashes in found.values())
    verdict = "good" if not faults else f"{len(faults)} faults"
    print(f"{verdict}: {len(found)} lane epochs, {blocks} blocks, {hashed} bytes, {len(keys)} keys")
    return 0 if not faults else 1


if __name__ == "__main__":
    sys.exit(main())

"""A wallet: the venue's words about it, held against what has been booked.

Owns:    which fills and payments a word counts, by the venue's own time; what does not add up.
Refuses: frames and records (ledger.py), whose positions they are.

The venue says what is in a wallet at a time; the ledger books what moved it, each at a time.  Both
come in any order: a word stands before the fill that it counts, a fill whose event was lost is
learnt seconds later, or by the next life of the lane.  So a word is not compared with what happened
to be booked when it came, but with everything booked that is older than itself.

    a word  =  what was there at first  +  moves before it  +  some of those around it

Times are those of the venue's events: they follow the account's own order.  The time of a match
does not: two markets of one account may settle in another order than they matched.  Which move
is the last one that a word counts is not said, so around it any number of the next ones may be in
it; an answer, which is younger than it says or older, has a wider margin.  A fill that no event
told has bounds only; a word between them may count it or not.  What was there at first is thus a
set of candidates, that each word narrows; none left is a problem, and the next ones are compared
with that word.

Bounded: the newest WORDS_KEPT words can still be explained by something late; older ones are
settled.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

WORDS_KEPT = 256
MOVES_KEPT = 4096  # while no word comes that settles them
MIXED_MAX = 6  # fills without an event of which a word may count any; the first ones of more
EVENT_NS = 50_000_000  # between an event about the wallet and those about the fills in it
ANSWER_NS = 1_000_000_000  # the same of an answer, and of a match and its event
UNBOOKED_NS = 1_000_000_000  # a word so young that no fill followed may wait for its own


class Difference(NamedTuple):
    """Between two words the venue's wallet moved otherwise than what is booked."""

    after_ns: int  # venue's times of the two words
    at_ns: int
    venue_e8: int
    booked_e8: int
    lane: int
    epoch: int
    sequence: int  # of the record that holds the later one


class Judged(NamedTuple):
    """What is known behind a word."""

    starts: frozenset[int]  # what may have been there at first
    at_ns: int
    balance_e8: int
    booked_e8: int


class Booked(NamedTuple):
    """What a word may count."""

    before_e8: int  # everything older than its margin
    around: list[int]  # the next ones, in their order
    likely: int  # how many of those
    perhaps: list[int]  # moves with bounds around it


@dataclass
class Wallet:
    """One asset of one account.  Lists, so that a checkpoint can hold it as it is."""

    starts: list[int] = field(default_factory=list)  # of the settled words; [] = none yet
    newest: list[int] = field(default_factory=list)  # settled word: time, balance, booked then
    settled_e8: int = 0  # moves that every word to come counts
    words: list[list[int]] = field(default_factory=list)  # time, balance, margin, place of record
    moves: list[list[int]] = field(default_factory=list)  # first and last time, amount
    count: int = 0  # words ever taken
    differences: list[list[int]] = field(default_factory=list)  # of settled words

    def move(self, at_ns: int, amount_e8: int) -> None:
        """Book what moved the wallet, by the time of the venue's event."""
        self.move_between(at_ns, at_ns, amount_e8)

    def move_between(self, first_ns: int, last_ns: int, amount_e8: int) -> None:
        """Book what no event told: the account's order has it between two events' times."""
        if amount_e8 == 0:
            return
        if self.newest and last_ns < self.newest[0] - ANSWER_NS:
            self.settled_e8 += amount_e8
            return
        bisect.insort(self.moves, [first_ns, last_ns, amount_e8], key=lambda one: one[1])
        if len(self.moves) > MOVES_KEPT:
            self.settled_e8 += self.moves.pop(0)[2]

    def say(
        self, at_ns: int, balance_e8: int, where: tuple[int, int, int], is_event: bool = True
    ) -> None:
        """Take the venue's word; an answer says nothing that an event of its time has not said."""
        if self.newest and at_ns <= self.newest[0]:
            return
        word = [at_ns, balance_e8, EVENT_NS if is_event else ANSWER_NS, *where]
        at = bisect.bisect_left(self.words, [at_ns])
        if at < len(self.words) and self.words[at][0] == at_ns:
            if is_event:
                self.words[at] = word
        else:
            self.words.insert(at, word)
            self.count += 1
        if len(self.words) >= 2 * WORDS_KEPT:
            self.settle()

    def settle(self) -> None:
        """Judge all but the newest words for good; moves around the last one stay open."""
        judged = self.judged()
        words, self.words = self.words[:-WORDS_KEPT], self.words[-WORDS_KEPT:]
        for word, booked in self.counted(words):
            judged, difference = self.judge(word, booked, judged)
            if difference is not None:
                self.differences.append(list(difference))
        self.starts = sorted(judged.starts)
        self.newest = [judged.at_ns, judged.balance_e8, judged.booked_e8]
        open_ns = judged.at_ns - ANSWER_NS
        self.settled_e8 += sum(one[2] for one in self.moves if one[1] < open_ns)
        self.moves = [one for one in self.moves if one[1] >= open_ns]

    def judged(self) -> Judged:
        at_ns, balance_e8, booked_e8 = self.newest or (0, 0, 0)
        return Judged(frozenset(self.starts), at_ns, balance_e8, booked_e8)

    def counted(self, words: list[list[int]]) -> Iterator[tuple[list[int], Booked]]:
        """Give words, oldest first, with what each of them counts."""
        exact = [one for one in self.moves if one[0] == one[1]]
        bounded = [one for one in self.moves if one[0] < one[1]]
        times = [one[0] for one in exact]
        totals = [self.settled_e8, *(one[2] for one in exact)]
        totals = list(itertools.accumulate(totals))
        for word in words:
            at_ns, margin_ns = word[0], word[2]
            first = bisect.bisect_left(times, at_ns - margin_ns)
            last = bisect.bisect_right(times, at_ns + margin_ns)
            yield word, Booked(
                totals[first] + sum(one[2] for one in bounded if one[1] < at_ns),
                [one[2] for one in exact[first:last]],
                bisect.bisect_right(times, at_ns) - first,
                [one[2] for one in bounded if one[0] <= at_ns <= one[1]],
            )

    def judge(
        self, word: list[int], booked: Booked, before: Judged
    ) -> tuple[Judged, Difference | None]:
        """Hold a word against what is booked, and against the word before."""
        at_ns, balance_e8 = word[0], word[1]
        around = list(itertools.accumulate(booked.around, initial=booked.before_e8))
        all_then = around[booked.likely]
        perhaps = sums(booked.perhaps)
        possible = frozenset(balance_e8 - a - b for a in around for b in perhaps)
        agreed = possible & before.starts if before.starts else possible
        if agreed:
            likely = all_then if balance_e8 - all_then in agreed else balance_e8 - min(agreed)
            return Judged(agreed, at_ns, balance_e8, likely), None
        moved = balance_e8 - before.balance_e8
        likely = min(
            (all_then + one for one in perhaps),
            key=lambda one: (abs(moved - (one - before.booked_e8)), one),
        )
        difference = Difference(
            before.at_ns, at_ns, moved, likely - before.booked_e8, *word[3:]
        )
        return Judged(possible, at_ns, balance_e8, likely), difference

    def look(self) -> tuple[Judged, list[Difference]]:
        """Judge the words that are kept, as they are now; nothing is settled by it.

        A word at the end whose own fill is not booked yet (the lane was killed, or the reader looks
        at that instant) is left open.
        """
        out = []
        judged = self.judged()
        moved_ns = max((one[1] for one in self.moves), default=0)
        for word, booked in self.counted(self.words):
            found, difference = self.judge(word, booked, judged)
            if difference is not None:
                if word[0] > moved_ns and self.words[-1][0] - word[0] < UNBOOKED_NS:
                    continue
                out.append(difference)
            judged = found
        return judged, out

    def problems(self) -> list[Difference]:
        """Return all differences."""
        return [*(Difference(*one) for one in self.differences), *self.look()[1]]

    def balance_e8(self) -> int | None:
        """Return what is in it by all that is booked; None while no word has made that certain."""
        starts = self.look()[0].starts
        if len(starts) != 1:
            return None
        return min(starts) + self.settled_e8 + sum(one[2] for one in self.moves)


def sums(amounts: list[int]) -> set[int]:
    """Return what some of these moves may add up to: any of a few, the first ones of many."""
    out, total = {0}, 0
    for amount in amounts:
        total += amount
        out |= {one + amount for one in out} if len(amounts) <= MIXED_MAX else {total}
    return out

"""Wallets: whatever order words and fills come in, money that is right agrees to the last unit, and
money that is not is told."""

import random

import pytest

from runtime.journal import wallet as wallets
from runtime.journal.wallet import Wallet

MS, S = 1_000_000, wallets.ANSWER_NS
WHERE = (0, 7, 1)


def fills(dice, count):
    """Fills at the venue in its order: time, amount; some at the same millisecond."""
    at, out = 10**9, []
    for _ in range(count):
        at += dice.choice([0, 0, 1, 3, 40]) * MS
        out.append((at, dice.randrange(-9000, 9000)))
    return out


def balances(truth, first):
    out, balance = [], first
    for at, amount in truth:
        balance += amount
        out.append((at, balance))
    return out


def live(dice, truth, words, lost=0.0, late=0):
    """One life of events as a lane hears them: a word before its fill.  Some events are lost; after
    up to `late` more the lane asks for the list of trades and learns the fills by their time."""
    out, waiting, ask_at = [], [], 0
    for (at, amount), (_, balance) in zip(truth, words, strict=True):
        if dice.random() < lost:
            ask_at = ask_at if waiting else len(out) + dice.randrange(late + 1)
            waiting.append(("between", at - S, at + S, amount))
        else:
            out += [("say", at, balance), ("move", at, amount)]
        if waiting and len(out) >= ask_at:
            out += waiting
            waiting = []
    return out + waiting


def told(events, found=None):
    found = found or Wallet()
    for what, *rest in events:
        if what == "say":
            found.say(*rest, WHERE)
        elif what == "move":
            found.move(*rest)
        else:
            found.move_between(*rest)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_events_that_are_late_or_lost_are_no_difference(seed):
    dice = random.Random(seed)
    truth = fills(dice, 600)
    words = balances(truth, 10**12)
    assert told(live(dice, truth, words)).problems() == []
    found = told(live(dice, truth, words, lost=0.1, late=80))
    assert found.problems() == []
    assert len(found.words) < 2 * wallets.WORDS_KEPT and len(found.moves) < 4 * wallets.WORDS_KEPT


@pytest.mark.parametrize("seed", range(20))
def test_fills_that_an_opening_told_have_bounds_only(seed):
    """A lane dies between the word and the fill; the next one learns the rest at its opening."""
    dice = random.Random(seed)
    truth = fills(dice, 300)
    words = balances(truth, 10**12)
    cut = dice.randrange(50, 250)
    missed = dice.randrange(1, 12)
    found = told(live(dice, truth[:cut], words[:cut]))
    at, balance = words[cut]
    found.say(at, balance, WHERE)  # of the first missed one, and the lane is dead
    asked_ns = truth[cut + missed - 1][0] + dice.randrange(2) * MS
    within = [n for n in range(len(truth)) if truth[n][0] <= asked_ns]
    end = max(within) + 1
    found.say(asked_ns, words[end - 1][1], WHERE, is_event=False)
    for _, amount in truth[cut:end]:
        found.move_between(truth[cut - 1][0] - S, asked_ns + S, amount)
    rest = live(dice, truth[end:], words[end:])
    assert told(rest, found).problems() == []


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("what", ["missing", "twice", "one unit"])
def test_money_that_is_wrong_is_told_once_and_where(seed, what):
    dice = random.Random(seed)
    truth = fills(dice, 700)
    words = balances(truth, 10**12)
    at = dice.randrange(5, 690)
    events = live(dice, truth, words)
    bad = [n for n, one in enumerate(events) if one[0] == "move"][at]
    amount = events[bad][2]
    wrong = {"missing": 0, "twice": 2 * amount, "one unit": amount + 1}[what]
    events[bad] = ("move", events[bad][1], wrong)
    (found,) = told(events).problems()
    assert found.venue_e8 - found.booked_e8 == amount - wrong
    assert found.after_ns <= truth[at][0] <= found.at_ns


def test_newest_word_waits_for_its_fill_and_no_longer():
    found = told([("say", 10**9, 500), ("say", 2 * 10**9, 530)])
    assert found.problems() == []
    found.say(4 * 10**9, 530, WHERE)
    (one,) = found.problems()
    assert (one.venue_e8, one.booked_e8, one.at_ns) == (30, 0, 2 * 10**9)
    found.move(2 * 10**9, 30)
    assert found.problems() == []


def test_answer_does_not_overrule_an_event_of_its_millisecond():
    found = told([("say", 10**9, 500), ("move", 2 * 10**9, 7), ("say", 2 * 10**9, 507)])
    found.say(2 * 10**9, 500, WHERE, is_event=False)
    found.say(3 * 10**9, 507, WHERE)
    assert found.problems() == []


def test_wallet_stays_small_whatever_comes():
    found, total = Wallet(), 0
    for n in range(30_000):  # no word comes for long
        found.move(n * MS, 1 + n % 97)
        total += 1 + n % 97
    assert len(found.moves) == wallets.MOVES_KEPT
    found.say(29_999 * MS + 1, total, WHERE)
    for n in range(30_000, 40_000):
        total += 1 + n % 97
        found.say(n * MS, total, WHERE)
        found.move(n * MS, 1 + n % 97)
    a_second = S // MS
    assert len(found.words) < 2 * wallets.WORDS_KEPT
    assert len(found.moves) <= a_second + 2 * wallets.WORDS_KEPT
    assert found.problems() == []
    found.say(40_100 * MS, total - 1, WHERE)
    found.say(42_000 * MS, total, WHERE)
    assert [one.venue_e8 - one.booked_e8 for one in found.problems()] == [-1]

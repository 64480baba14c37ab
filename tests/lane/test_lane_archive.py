"""What a lane does about an archiver that lags, and about orders that must be on disk first."""

import pytest

from hotpath.journal.tail import Tail
from runtime._shm import ffi, lib
from runtime.journal import records
from runtime.journal.tailer import records_of
from strategies import Strategy

MS = 1_000_000
SEGMENT = 65536
RULE = {
    "strategies": 0b1,
    "accounts": 1,
    "order_lots_max": 1000,
    "position_lots_max": 1000,
    "open_orders_max": 9,
    "band_bps": 100,
    "stale_ms": 300,
}


class Quoter(Strategy):
    """Wants one order, a buy or a reduce-only sell, whenever it has none."""

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.told, self.reduce = [], False

    def on_book(self, book):
        if self.working(book.instrument):
            return
        if self.reduce:
            self.sell(
                book.instrument, price_ticks=book.ask_ticks, lots=1, reduce_only=True, ttl_ms=0
            )
        else:
            self.buy(book.instrument, price_ticks=book.bid_ticks, lots=5, ttl_ms=500)

    def on_order(self, order):
        self.told.append((order.state, order.verdict))


@pytest.fixture
def lane(rig):
    """A rig with a ring of four small segments and an archiver that has copied everything."""
    r = rig(Quoter(), journal=True, segment_bytes=SEGMENT)
    page = ffi.cast("hp_page_t *", ffi.from_buffer(r.journal))
    r.head = ffi.cast("hp_journal_head_t *", page + 1)
    r.head.archived = r.head.published
    r.lane.archive()
    return r


def fill_ring(r, share):
    """Let this share of the ring be published and not archived."""
    while r.head.published - r.head.archived < share * 4 * SEGMENT:
        r.lane.clocks(1_700_000_000_000_000_000)


def words(r):
    return r.view.words


def last_verdict(r):
    found = [
        records.struct("hp_verdict_t", record.payload)
        for record in journal(r)
        if record.kind == lib.HP_RECORD_VERDICT
    ]
    return found[-1].verdict


def journal(r):
    tail, out = Tail(r.journal), []
    while (chunk := tail.read()) is not None:
        out += records_of(chunk)
    return out


def test_half_a_ring_unarchived_stops_quoting_and_cancels_what_adds_risk(lane):
    lane.sync()
    order = lane.only()
    lane.report("ACK", order, venue_id=7)
    fill_ring(lane, 0.5)
    lane.lane.archive()
    assert words(lane) == lib.HP_WORD_LAGGING
    assert b'"order.cancel"' in lane.lane.sent[-1]
    lane.report("CANCELED", order)
    sent = len(lane.lane.sent)
    lane.depth()
    assert len(lane.lane.sent) == sent
    assert last_verdict(lane) == lib.HP_VERDICT_ARCHIVE_LAG
    lane.head.archived = lane.head.published - SEGMENT - 8  # a little over a quarter: it stays
    lane.lane.archive()
    assert words(lane) == lib.HP_WORD_LAGGING
    lane.head.archived = lane.head.published
    lane.lane.archive()
    assert words(lane) == 0
    lane.depth()
    assert len(lane.lane.sent) == sent + 1


def test_exits_pass_at_half_and_nothing_but_cancels_at_three_quarters(lane):
    lane.sync()
    order = lane.only()
    lane.report("FILL", order, last_lots=5, last_ticks=600000, trade_id=1)
    lane.lane.strategies[0].reduce = True
    fill_ring(lane, 0.5)
    lane.lane.archive()
    lane.depth()
    exit_order = lane.only()
    assert b'"reduceOnly":"true"' in lane.lane.sent[-1]
    lane.report("CANCELED", exit_order)
    fill_ring(lane, 0.75)
    lane.lane.archive()
    assert words(lane) == lib.HP_WORD_LAGGING | lib.HP_WORD_CHOKED
    sent = len(lane.lane.sent)
    lane.lane.strategies[0].sell(1, price_ticks=600001, lots=1, reduce_only=True)
    lane.lane.turn(1)
    assert len(lane.lane.sent) == sent
    assert last_verdict(lane) == lib.HP_VERDICT_ARCHIVE_LAG


def test_ring_of_a_deployment_with_an_archive_waits_for_an_archiver_that_is_not_there_yet(rig):
    r = rig(Quoter(), journal=True, segment_bytes=SEGMENT, is_archived=True)
    page = ffi.cast("hp_page_t *", ffi.from_buffer(r.journal))
    r.head = ffi.cast("hp_journal_head_t *", page + 1)
    assert r.head.archived == 0
    fill_ring(r, 0.5)
    r.lane.archive()
    assert words(r) == lib.HP_WORD_LAGGING
    for _ in range(4 * SEGMENT // 72):
        r.lane.clocks(1_700_000_000_000_000_000)
    assert r.head.overwritten == 0 and r.head.published <= 4 * SEGMENT


def test_full_disk_stops_quoting_at_once(lane):
    lane.head.archive_state = lib.HP_ARCHIVE_FULL
    lane.lane.archive()
    assert words(lane) == lib.HP_WORD_LAGGING
    lane.head.archive_state = lib.HP_ARCHIVE_COPYING
    lane.lane.archive()
    assert words(lane) == 0


def test_last_segment_is_kept_for_order_records_and_market_data_is_dropped_unseen(lane):
    lane.sync()
    order = lane.only()
    before = lane.count.messages
    while lane.count.frames_unjournaled == 0:
        lane.depth(bids=[(59000.0, 1.0)] * 40)
    assert lane.head.published - lane.head.archived > 2 * SEGMENT
    state = lane.view.tops[1].state
    assert lane.lane.is_armed
    lane.lane.archive()
    for _ in range(100):  # it ends by its time, and the venue's word is booked: from the reserve
        lane.lane.turn(5 * MS)
    assert b'"order.cancel"' in lane.lane.sent[-1]
    lane.report("CANCELED", order)
    assert lane.state(order) == "CANCELED"
    assert lane.count.messages > before and lane.view.tops[1].state in (state, 2, 3, 4)
    kinds = [r.kind for r in journal(lane)]
    assert lib.HP_RECORD_ORDER in kinds[-50:]
    lane.head.archived = lane.head.published
    dropped = lane.count.frames_unjournaled
    lane.depth()
    assert lane.count.frames_unjournaled == dropped


def test_book_that_missed_a_dropped_frame_is_not_traded_on_when_the_archive_has_caught_up(lane):
    lane.lane.add_stream(1, lib.HP_EVENT_DEPTH, 0)
    lane.sync()
    lane.report("CANCELED", lane.only())
    while lane.count.frames_unjournaled == 0:
        lane.depth(bids=[(59000.0, 1.0)] * 40)
    assert lane.view.tops[1].state == lib.HP_BOOK_GAPPED
    lane.head.archived = lane.head.published
    lane.lane.archive()
    sent = len(lane.lane.sent)
    assert words(lane) == 0 and lane.lane.is_armed
    lane.lane.strategies[0].buy(1, price_ticks=600000, lots=5)
    lane.lane.turn(1)
    assert len(lane.lane.sent) == sent
    assert last_verdict(lane) == lib.HP_VERDICT_BOOK_NOT_SYNCED
    sessions = [r for r in journal(lane) if r.kind == lib.HP_RECORD_SESSION and r.aux == 0]
    assert sessions[-1].payload == lib.HP_SESSION_CLOSED.to_bytes(4, "little")
    lane.depth()  # a frame that is taken: the socket is read again, and says so before it
    tail = [r.kind for r in journal(lane) if r.kind in (lib.HP_RECORD_SESSION, lib.HP_RECORD_FRAME)]
    assert tail[-2:] == [lib.HP_RECORD_SESSION, lib.HP_RECORD_FRAME]


def test_exhausted_ring_sends_no_order_that_it_could_not_journal(lane):
    lane.sync()
    lane.report("CANCELED", lane.only())
    sent = len(lane.lane.sent)
    payload_free = 3 * 4 * SEGMENT
    for _ in range(payload_free // 72):
        lane.lane.clocks(1_700_000_000_000_000_000)  # not bulk: it takes the reserve too
    lane.lane.strategies[0].told.clear()
    lane.lane.turn(1)
    assert len(lane.lane.sent) == sent
    assert not lane.lane.is_armed
    lane.head.archived = lane.head.published
    lane.depth()
    lane.lane.turn(5 * MS)
    assert len(lane.lane.sent) == sent  # its journal has a hole: it trades no more


# -- orders that wait for the disk ---------------------------------------------------------------


@pytest.fixture
def parked(lane):
    lane.lane.set_durable(1)
    lane.sync()
    return lane, lane.only()


def test_order_of_class_local_disk_leaves_when_its_records_are_archived(parked):
    r, order = parked
    assert r.lane.sent == [] and r.state(order) == "PENDING"
    assert r.lane.exposure(1)["working_buy_lots"] == 5
    (request,) = [x.payload for x in journal(r) if x.kind == lib.HP_RECORD_REQUEST]
    r.head.archived = r.head.published - 400  # short of the request
    r.lane.archive()
    assert r.lane.sent == []
    r.head.archived = r.head.published
    r.lane.archive()
    assert r.lane.sent == [request]
    assert r.state(order) == "SENT"
    r.lane.archive()
    assert len(r.lane.sent) == 1
    assert (r.count.orders_parked, r.count.orders_sent, r.count.orders_absent) == (1, 1, 0)


def test_parked_order_waits_for_itself_only(parked):
    r, _ = parked
    r.sync(instrument=2)  # another order parks behind it; the lane decides and books on
    assert {o["instrument"] for o in r.lane.orders()} == {1, 2}
    messages = r.count.messages
    r.depth()
    assert r.count.messages == messages + 1
    r.head.archived = r.head.published
    r.lane.archive()
    assert len(r.lane.sent) == 2


@pytest.mark.parametrize(
    "cause", ["kill", "freeze", "session", "lag", "cancel", "time", "lease", "book"]
)
def test_parked_order_whose_permit_has_gone_is_never_sent(parked, cause):
    r, order = parked
    match cause:
        case "kill":
            r.lane.archive(lib.HP_WORD_KILL)
        case "freeze":
            r.lane.archive(lib.HP_WORD_FREEZE)
        case "session":
            r.lane.session(order_ready=False)
        case "lag":
            fill_ring(r, 0.5)
            r.lane.archive()
        case "cancel":
            r.lane.strategies[0].cancel(order)
            r.lane.turn(1 * MS)
        case "time":
            r.lane.turn(1100 * MS)
        case "lease":
            r.lane.set_limit_lease(r.lane.now_ns + 10 * MS, 1)
            r.lane.turn(20 * MS)
        case "book":  # older than its bound, and no sweep has seen that yet
            r.lane.put_rule(1, **RULE)
            r.lane.now_ns += RULE["stale_ms"] * MS + 1
    r.head.archived = r.head.published
    r.lane.archive(lib.HP_WORD_KILL if cause == "kill" else 0)
    assert r.lane.sent == [] or cause == "freeze"
    assert all(b'"order.place"' not in sent for sent in r.lane.sent)
    assert r.state(order) == "REJECTED"
    assert r.lane.order(order)["flags"] & lib.HP_ORDER_ABSENT
    assert r.count.orders_sent - r.count.orders_absent == 0
    assert r.lane.exposure(1)["working_buy_lots"] == 0
    assert r.lane.strategies[0].told[-1][0] == "REJECTED"


def test_parked_exit_leaves_although_the_limits_lease_is_over(lane):
    """What only reduces passes past the end of a lease, parked or not."""
    lane.sync()
    order = lane.only()
    lane.report("FILL", order, last_lots=5, last_ticks=600000, trade_id=1)
    lane.lane.set_durable(1)
    lane.lane.strategies[0].reduce = True
    lane.depth()
    lane.lane.set_limit_lease(lane.lane.now_ns + 10 * MS, 1)
    lane.lane.turn(20 * MS)
    lane.head.archived = lane.head.published
    lane.lane.archive()
    assert b'"reduceOnly":"true"' in lane.lane.sent[-1]


def test_parked_order_of_a_former_life_that_never_left_counts_as_absent(rig):
    """A permit counts as sent; its absence, once proven, takes it out again in any life."""
    r = rig(Quoter())
    generation = r.lane.begin_opening()
    order = ffi.new("hp_order_t *", {"client_id": 2**48 + 1, "instrument": 1, "lots": 5})
    order.state, order.side, order.price_ticks = lib.HP_ORDER_UNKNOWN, 1, 600_000
    order.flags, order.deadline_ns = lib.HP_ORDER_PARKED, r.lane.now_ns + 1
    base = ffi.new("hp_base_t *", {"instrument": 1})
    said = ffi.new("hp_opening_t *", {"base_count": 1, "order_count": 1, "orders": 1})
    for kind, fact in (
        (lib.HP_MAIL_BASE, base),
        (lib.HP_MAIL_ORDER, order),
        (lib.HP_MAIL_OPENING, said),
    ):
        r.lane.fact(kind, generation, bytes(ffi.buffer(fact)))
    r.lane.turn(6_000 * MS)  # behind the deadline and the venue's read lag
    r.report("NOT_FOUND", 2**48 + 1)
    assert r.state(2**48 + 1) == "REJECTED"
    assert (r.count.orders_sent, r.count.orders_absent, r.count.orders_refused) == (1, 1, 0)


def test_kill_word_ends_every_parked_order(parked):
    r, _ = parked
    r.sync(instrument=2)
    r.lane.archive(lib.HP_WORD_KILL)
    assert r.lane.orders() == []


def test_without_an_archiver_a_local_disk_order_never_leaves(rig):
    r = rig(Quoter(), journal=True, segment_bytes=SEGMENT)
    r.lane.set_durable(1)
    r.sync()
    order = r.only()
    for _ in range(300):
        r.lane.archive()
        r.lane.turn(5 * MS)
    assert r.lane.sent == []
    assert r.state(order) == "REJECTED"


def test_orders_of_other_strategies_do_not_wait(rig):
    r = rig(Quoter(), Quoter(), journal=True, segment_bytes=SEGMENT)
    r.lane.set_durable(2)
    r.sync()
    assert len(r.lane.sent) == 1
    assert len(r.lane.orders()) == 2

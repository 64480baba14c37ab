"""Trading systems, one folder each, over the base class that lanes offer.

    from strategies import Param, Strategy
"""

from hotpath.book.view import BookView as Book
from hotpath.lane.strategy import Event, Feed, Fill, Order, Param, Strategy

__all__ = ["Book", "Event", "Feed", "Fill", "Order", "Param", "Strategy"]

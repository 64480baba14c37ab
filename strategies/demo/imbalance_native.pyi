from strategies import Param, Strategy

class ImbalanceNative(Strategy):
    depth: Param
    threshold_bps: Param
    size_lots: Param
    ttl_ms: Param

"""Which core does what: housekeeping, lanes, isolated, idle siblings; by rule, with reasons.

Owns:    the rule and the sentences that say why it came out so.
Refuses: isolating the last housekeeping core, or half of a core.

    housekeeping   everything that is no lane: interrupts, kernel threads, cold processes
    lanes          one CPU per core for lanes; on one core it is that core, shared
    isolated       whole cores that the kernel should keep free; holds the lanes, and their siblings
    idle           siblings of isolated lanes: isolated too, and nothing may run there
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuning import cpus
from tuning.facts import Facts

NONE: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Roles:
    housekeeping: frozenset[int]
    lanes: frozenset[int]
    isolated: frozenset[int]
    idle: frozenset[int]
    reasons: tuple[str, ...] = ()

    def named(self, name: str) -> frozenset[int]:
        """Return the CPUs of a role; `hot` is isolated where something is, else the lanes."""
        if name == "hot":
            return self.isolated or self.lanes - self.housekeeping
        return frozenset(getattr(self, name))


def assign(facts: Facts, rule: Mapping[str, Any], trading_node: int | None = None) -> Roles:
    """Give each online core its role.

    rule: housekeeping_per_node (whole cores, at least), housekeeping_share (one core in so many),
    isolate_from_cores (fewer whole cores: nothing is isolated), lanes_node ("card" or "any"), and
    for a site that knows better: isolated = "2-7" with a reason.
    """
    online, cores = facts.online, facts.cores
    if not online:
        return Roles(NONE, NONE, NONE, NONE, ("no CPU could be seen: no roles",))
    if "isolated" in rule:
        return _by_hand(facts, cpus.parse_list(str(rule["isolated"]), last=facts.last), rule)
    if len(cores) == 1:
        lane = frozenset({min(online)})
        return Roles(online, lane, NONE, NONE, ("one core: the fused lane shares it and blocks",))
    reasons = []
    housekeeping: set[int] = set()
    per_node = int(rule.get("housekeeping_per_node", 1))
    share = int(rule.get("housekeeping_share", 4))
    for node, members in sorted(facts.nodes.items()):
        local = [core for core in cores if min(core) in members]
        keep = min(max(per_node, len(local) // share), len(local))
        for core in local[:keep]:
            housekeeping |= core
        reasons.append(f"node {node}: the first {keep} of {len(local)} cores keep house")
    rest = [core for core in cores if not core & housekeeping]
    if not rest:  # every node has one core: the first stays, the others work
        housekeeping = set(cores[0])
        rest = cores[1:]
        reasons.append("one core per node: only the first keeps house")
    lanes = _lanes(facts, rest, rule, trading_node, reasons)
    floor = int(rule.get("isolate_from_cores", 2))
    if not floor or len(cores) < floor:
        want = (
            "the profile isolates nothing"
            if not floor
            else f"{len(cores)} cores, isolation from {floor}"
        )
        reasons.append(f"nothing is isolated: {want}")
        return Roles(frozenset(housekeeping), lanes, NONE, NONE, tuple(reasons))
    isolated = frozenset().union(*rest)
    idle = frozenset(cpu for core in rest for cpu in core if cpu != min(core))
    if idle:
        reasons.append(f"siblings {cpus.format_list(idle)} stay idle")
    return Roles(frozenset(housekeeping), lanes, isolated, idle, tuple(reasons))


def _lanes(
    facts: Facts,
    rest: list[frozenset[int]],
    rule: Mapping[str, Any],
    node: int | None,
    reasons: list[str],
) -> frozenset[int]:
    firsts = [min(core) for core in rest]
    near = [cpu for cpu in firsts if node is not None and facts.node_of(cpu) == node]
    if rule.get("lanes_node") == "card" and near and len(near) < len(firsts):
        reasons.append(f"lanes stay on node {node}, where the trading card is")
        return frozenset(near)
    return frozenset(firsts)


def _by_hand(facts: Facts, wanted: frozenset[int], rule: Mapping[str, Any]) -> Roles:
    """Take a site's own choice, completed to whole cores and never all of them."""
    isolated = frozenset(cpu for core in facts.cores if core & wanted for cpu in core)
    housekeeping = facts.online - isolated
    reasons = [f"isolated by the profile: {rule.get('reason', 'no reason given')}"]
    if isolated - wanted:
        reasons.append(
            f"siblings {cpus.format_list(isolated - wanted)} added: a core is isolated whole"
        )
    if not housekeeping:
        raise ValueError(
            f"roles.isolated is {cpus.format_list(wanted)}, which is every online CPU; "
            "want at least one core left for housekeeping"
        )
    lanes = frozenset(min(core) for core in facts.cores if core <= isolated)
    return Roles(housekeeping, lanes, isolated, isolated - lanes, tuple(reasons))

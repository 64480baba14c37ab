"""What must hold, whatever happened: one file per invariant of docs/simulation.md, by its number.

Owns:    the venue's own truth against what our side did and believes, each invariant looked at in
         the moment in which it can break: at the venue's door, at the wire, in each turn, at a
         death, at the end.
Refuses: asking the code under test whether it is right.

judge.py hands what happens to each of them; seen.py is what several of them look at.
"""

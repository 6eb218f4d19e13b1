r"""What a loop needs beforehand, entry by entry, is made for as many steps as the cache holds.

The factors of a gate's gradient that do not depend on the arriving one, $s \odot (1 - s)$ for
example, could be computed for all T steps at once, but would have left the cache when the loop gets
to them; one step at a time they would cost a call for each.  In chunks of time they cost neither.
Chosen in `plan/schedule.py`; `plan/memory.py` says how long a chunk is.
"""

"""Timesteps are applications of one piece of graph, so one step is written down for all of them.

Node j of every step plays the same role: its values of all steps lie in one array, (T, ...), and
the state that a step reads is the array that the step before has filled, one slot earlier.  The
gradient of a sum over steps is the sum of the steps' gradients, so the loop is also differentiated
once.  Without this pass every node of the graph is a step of its own.  Done in `plan/roles.py`,
`plan/build.py` and `plan/reverse.py`.
"""

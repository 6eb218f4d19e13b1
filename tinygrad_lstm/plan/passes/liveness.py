"""Memory is given to what is alive: a value that nobody reads any more leaves its place to others.

Pointwise results overwrite the argument that dies with them, so preactivation, tanh and gate are
one array; the gradients of the gates' preactivations overwrite the gates, step by step on the way
back.  Done in `plan/sharing.py`.
"""

r"""What does not depend on the recurrence is computed for all timesteps by one call.

$x_t W^\top$ for every t is $X W^\top$ with the rows of all steps below each other, (T N, D): the
input Linear before the loop; output layer, softmax and gradients of the inputs after it.  Only the
terms that depend on the state and that the next state depends on are computed step after step:
the `cores` of `plan/program.py`, put in order by `plan/schedule.py`.
"""

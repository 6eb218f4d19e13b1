"""Every op's NumPy spelling computes what the op computes."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.ops.samples import CASES, sample
from tinygrad_lstm.explain.spelling import spelled

UNSPELLED = {"KeepMask", "CrossEntropy", "MSE", "BCEWithLogits", "OneHot", "RowShare"}
SAMPLES = [
    (name, k)
    for name, case in CASES.items()
    if name not in UNSPELLED
    for k in range(len(case.samples))
]


@pytest.mark.parametrize("name, k", SAMPLES)
def test_the_spelling_of_an_op_computes_its_value(name, k):
    _, op, arrays = sample(name, k)
    inputs = [tl.Tensor(np.asarray(a)) for a in arrays]
    node = op(*inputs)
    names = {leaf: f"x{j}" for j, leaf in enumerate(inputs)}
    values = {names[leaf]: leaf.data for leaf in inputs}
    value = eval(spelled(node, names, "test"), {"np": np, **values})
    np.testing.assert_allclose(value, node.data, rtol=1e-12, atol=1e-12)
    assert np.shape(value) == node.shape


def test_only_losses_and_chance_have_no_spelling():
    ours = {
        name for name, kind in tl.OPS.items() if kind.__module__.startswith("tinygrad_lstm.ops.")
    }
    assert {name for name in ours if not tl.OPS[name].numpy} == UNSPELLED

"""Values and gradients of the derivative table against PyTorch's."""

import numpy as np
import pytest

from tests.ops.samples import SAMPLES, sample, sample_id, wrt
from tests.oracles import assert_close, contributions

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = torch.nn.functional
pytestmark = pytest.mark.torch


def all_axes(op, x):
    return tuple(range(x.ndim)) if op.axis is None else op.axis


def narrowed(op, x):
    places = torch.tensor([op.start + k * op.step for k in range(op.length)], dtype=torch.long)
    return torch.index_select(x, op.axis, places)


def embedded(op, x):
    shape = list(x.shape)
    shape[op.axis] = op.size
    places = torch.tensor([op.start + k * op.step for k in range(x.shape[op.axis])])
    return torch.zeros(shape, dtype=x.dtype).index_add(op.axis, places, x)


def cross_entropy(op, logits, targets):
    rows, ids = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1).long()
    total = F.cross_entropy(rows, ids, ignore_index=op.ignore_index, reduction="sum")
    return total / max(int((ids != op.ignore_index).sum()), 1)


def scattered(op, g, ids):
    rows = g.reshape(ids.numel(), *g.shape[ids.ndim :])
    return torch.zeros(op.count, *rows.shape[1:], dtype=g.dtype).index_add(0, ids.reshape(-1), rows)


THEIRS = {
    "CAdd": lambda op, a, b: a + b,
    "CSub": lambda op, a, b: a - b,
    "CMul": lambda op, a, b: a * b,
    "CDiv": lambda op, a, b: a / b,
    "Neg": lambda op, x: -x,
    "Exp": lambda op, x: torch.exp(x),
    "Log": lambda op, x: torch.log(x),
    "Sqrt": lambda op, x: torch.sqrt(x),
    "Sin": lambda op, x: torch.sin(x),
    "Cos": lambda op, x: torch.cos(x),
    "Tanh": lambda op, x: torch.tanh(x),
    "Sigmoid": lambda op, x: torch.sigmoid(x),
    "Softplus": lambda op, x: F.softplus(x),
    "LogSigmoid": lambda op, x: F.logsigmoid(x),
    "Identity": lambda op, x: x * 1,
    "Abs": lambda op, x: torch.abs(x),
    "ReLU": lambda op, x: torch.relu(x),
    "Clip": lambda op, x: torch.clip(x, op.low, op.high),
    "Maximum": lambda op, a, b: torch.maximum(a, b),
    "Scale": lambda op, x: op.alpha * x + op.beta,
    "Pow": lambda op, x: torch.pow(x, op.exponent),
    "Affine": lambda op, x, W, *b: F.linear(x, W, *b),
    "MatMul": lambda op, a, b: a @ b,
    "Transpose": lambda op, x: x.transpose(-1, -2),
    "Permute": lambda op, x: x.permute(op.axes),
    "Lookup": lambda op, W, ids: W[ids],
    "Scatter": scattered,
    "Narrow": narrowed,
    "Embed": embedded,
    "Select": lambda op, x: x.select(op.axis, op.index),
    "Concat": lambda op, *xs: torch.cat(xs, op.axis),
    "Stack": lambda op, *xs: torch.stack(xs, op.axis),
    "Reshape": lambda op, x: x.reshape(op.to),
    "Expand": lambda op, x: x.expand(op.to),
    "Spread": lambda op, x: x.expand(op.to) * (x.numel() / max(int(np.prod(op.to)), 1)),
    "Sum": lambda op, x: torch.sum(x, all_axes(op, x), op.keepdims),
    "Mean": lambda op, x: torch.mean(x, all_axes(op, x), op.keepdims),
    "Max": lambda op, x: torch.amax(x, all_axes(op, x), op.keepdims),
    "LogSumExp": lambda op, x: torch.logsumexp(x, all_axes(op, x), op.keepdims),
    "Softmax": lambda op, x: torch.softmax(x, op.axis),
    "LogSoftmax": lambda op, x: torch.log_softmax(x, op.axis),
    "Where": lambda op, c, a, b: torch.where(c, a, b),
    "CrossEntropy": cross_entropy,
    "MSE": lambda op, a, b: F.mse_loss(a, b),
    "BCEWithLogits": lambda op, z, t: F.binary_cross_entropy_with_logits(z, t),
}


@pytest.mark.parametrize("which", [w for w in SAMPLES if w[0] in THEIRS], ids=sample_id)
def test_values_and_gradients_equal_those_of_pytorch(which):
    case, op, inputs = sample(*which)
    leaves = [torch.tensor(x) for x in inputs]
    asked = wrt(case, inputs)
    for k in asked:
        leaves[k].requires_grad_()
    theirs = THEIRS[which[0]](op, *leaves)
    ours = np.asarray(op(*inputs))
    assert_close(ours, theirs.detach().numpy())
    seed = np.random.default_rng(7).normal(size=ours.shape)
    theirs.backward(torch.tensor(seed))
    sent = contributions(op, seed, ours, *inputs)
    for k in asked:
        assert_close(sent[k], leaves[k].grad.numpy())


def test_every_op_with_a_derivative_is_compared():
    differentiable = {name for name, k in SAMPLES if sample(name, k)[0].wrt}
    assert differentiable == set(THEIRS)

"""Mistakes in a single rule: the right path, but another number on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...tensor import Tensor
from .case import Moment, Slip
from .mistakes import Anatomy, Mistake, listed, subsets


def states_of_the_wrong_step(anatomy: Anatomy) -> Iterator[Mistake]:
    """h_t for h_{t-1}, c_t for c_{t-1}, or the other way round."""
    for before, after in anatomy.states:
        letter = (before.name or "state").removesuffix("_prev")
        for old, new, right, wrong in (
            (before, after, f"{letter}_{{t-1}}", f"{letter}_t"),
            (after, before, f"{letter}_t", f"{letter}_{{t-1}}"),
        ):
            readers = [n for n, _ in anatomy.into(old) if n.op and n.op.kind != "gate"]
            readers = [n for n in dict.fromkeys(readers) if len(n.parents) > 1]
            for group in subsets(readers, lambda n: type(n.op)):
                factors = listed(_beside(anatomy, n, old) for n in group)
                yield Mistake(
                    f"{wrong} for {right}",
                    f"the gradient of {factors}",
                    f"in the forward pass {factors} met {right}, so that is what the gradient of "
                    f"{factors} is multiplied with; yours took {wrong}",
                    dict.fromkeys(group, instead(old, lambda m, new=new: m.case.value(new, m.t))),
                )


def _beside(anatomy: Anatomy, node: Tensor, read: Tensor) -> str:
    """What a node multiplies with the one read: W_hf, or the gate f."""
    return anatomy.called(next(p for p in node.parents if p is not read))


def squashed_states(anatomy: Anatomy) -> Iterator[Mistake]:
    """tanh(c_{t-1}) for tanh(c_t), in the derivative of tanh, beside it, or both."""
    for before, after in anatomy.states:
        for node, _ in anatomy.into(after):
            if node.op is None or node.op.kind != "gate":
                continue
            op: Any = node.op

            def old(m: Moment, op=op, before=before) -> np.ndarray:
                return op.forward(np, m.case.value(before, m.t))

            def derivative(m: Moment, old=old, before=before) -> list:
                return m.sent(y=old(m), inputs=[m.case.value(before, m.t)])

            beside = {n: instead(node, old) for n, _ in anatomy.into(node)}
            for slips in ({node: derivative, **beside}, {node: derivative}, beside):
                yield Mistake(
                    f"{_letter(before)}_{{t-1}} for {_letter(before)}_t",
                    anatomy.formula(node),
                    f"take {anatomy.formula(node)} and its derivative at the state of step t, not "
                    "of step t-1",
                    slips,
                )


def products(anatomy: Anatomy) -> Iterator[Mistake]:
    """Factors of a product exchanged: in c = f * c_prev + i * g the gradients of i and g."""
    for node in anatomy.made:
        if not anatomy.is_a(node, "CMul") or any(anatomy.is_learnt(p) for p in node.parents):
            continue
        a, b = (anatomy.called(p) for p in node.parents)
        right = f"in {a} * {b} the gradient of {a} takes {b}, and the gradient of {b} takes {a}"
        for keep in ((), (1,), (0,)):
            yield Mistake(f"{a} and {b} swapped", f"{a} * {b}", right, {node: _exchanged(keep)})
        for k, (this, other) in enumerate(((a, b), (b, a))):
            yield Mistake(
                f"missing factor {other}",
                f"the gradient of {this}",
                right,
                {node: lambda m, k=k: [m.g if j == k else None for j in range(2)]},
            )


def _exchanged(keep: tuple[int, ...]) -> Slip:
    def slip(m: Moment) -> list:
        a, b = m.copy.parents
        sent = m.sent(inputs=[b.data, a.data])
        return [None if k in keep else s for k, s in enumerate(sent)]

    return slip


def factors_before_they_are_ready(anatomy: Anatomy) -> Iterator[Mistake]:
    """A factor is taken before its activation, or before it was multiplied itself."""
    for node in anatomy.made:
        if node.op is None or node.op.kind not in ("elementwise", "linear"):
            continue
        for parent in dict.fromkeys(node.parents):
            if parent.op is None or not (parent.op.kind == "gate" or anatomy.is_a(parent, "CMul")):
                continue
            for k, earlier in enumerate(parent.parents):
                if earlier.shape != parent.shape:
                    continue
                yield Mistake(
                    f"{anatomy.called(earlier)} for {anatomy.called(parent)}",
                    anatomy.formula(node),
                    f"{anatomy.formula(node)} reads {anatomy.called(parent)}; the gradients of its "
                    f"other factors take exactly that",
                    {node: instead(parent, _parent_value(parent, k))},
                )


def _parent_value(node: Tensor, k: int) -> Callable[[Moment], np.ndarray]:
    return lambda m: m.case.copies[node][m.t - 1].parents[k].data


def transposes(anatomy: Anatomy) -> Iterator[Mistake]:
    """W for its transpose where the gradient is passed on; only square blocks let that happen."""
    sites = [n for n in anatomy.made if anatomy.is_a(n, "Affine") and _square(n.parents[1].shape)]
    for group in subsets(sites, lambda n: n.parents[0]):
        names = listed(n.parents[1].name or "W" for n in group)
        yield Mistake(
            "forgotten transpose",
            names,
            f"for rows, forward is y = x @ W.T, so backward is dx = dy @ W; with {names} you took "
            "W.T in the backward pass too",
            dict.fromkeys(group, _transposed),
        )


def _square(shape: tuple) -> bool:
    return shape[1] > 1 and shape[0] % shape[1] == 0


def _transposed(m: Moment) -> list:
    x, W, *b = (p.data for p in m.copy.parents)
    side = W.shape[1]
    turned = np.concatenate([block.T for block in np.split(W, len(W) // side)])
    return [m.sent(inputs=[x, turned, *b])[0], *[None] * (1 + len(b))]


def signs(anatomy: Anatomy) -> Iterator[Mistake]:
    """A contribution with the wrong sign: d(1 - z) = -dz."""
    for n, k in anatomy.edges:
        parent = n.parents[k]
        if not anatomy.is_learnt(parent):
            yield Mistake(
                f"wrong sign of what {anatomy.called(n)} sends to {anatomy.called(parent)}",
                anatomy.called(n),
                f"{anatomy.called(parent)} receives {anatomy.sends((n, k))}; yours is minus that",
                {n: _negated(k)},
            )


def _negated(which: int) -> Slip:
    return lambda m: [-s if k == which and s is not None else None for k, s in enumerate(m.sent())]


def instead(read: Tensor, value: Callable[[Moment], np.ndarray]) -> Slip:
    """The rule, with another value in place of one that was read."""

    def slip(m: Moment) -> list:
        inputs = [
            value(m) if p is read else copy.data for p, copy in zip(m.node.parents, m.copy.parents)
        ]
        return m.sent(inputs=inputs)

    return slip


def _letter(state: Tensor) -> str:
    return (state.name or "state").removesuffix("_prev")


FAMILIES = (
    products, transposes, squashed_states,
    factors_before_they_are_ready, signs,
)  # fmt: skip

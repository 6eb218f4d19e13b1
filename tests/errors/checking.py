"""How errors are looked at: class, text, and the node at fault."""

import numpy as np
import pytest

import tinygrad_lstm as tl


def tensor(*shape, name="x", dtype="float32"):
    return tl.Tensor(np.ones(shape), name=name, dtype=dtype)


def check(call, kind, *parts, node=True):
    """The error's class and text; whether it knows the node at fault."""
    with pytest.raises(kind) as caught:
        call()
    text = str(caught.value)
    for part in parts:
        assert part in text, f"{part!r} is missing in\n{text}"
    assert "{" not in text.replace("{h", "").replace("{x", "")
    assert (caught.value.node is not None) == node
    return caught.value

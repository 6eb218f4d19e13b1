"""The text of kernels: read, compiled, and run against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.plan.compilers import COMPILER, run_on_host
from tests.plan.pretend_kernels import ElementwiseKernel
from tinygrad_lstm.plan.kernel_text import FORMS, kernel_text
from tinygrad_lstm.plan.passes.kernels import Kernel
from tinygrad_lstm.plan.tape import Tape
from tinygrad_lstm.plan.terms import BINARY, POINTWISE, UNARY

POSITIVE = {"log", "log1p", "sqrt", "power", "reciprocal", "divide"}
NUMBERS = np.array([-2.5, -1.0, -0.0, 0.0, 0.25, 0.75, 1.0, 3.0])


def leaf(tape, number, dtype, *shape):
    return tape.make("input", (), number, shape or (8,), dtype)


def gate(dtype="f4"):
    """z = w * sigmoid(x + y), |z|, and where it is more than 0.1."""
    tape = Tape()
    x, y, w = (leaf(tape, k, dtype) for k in range(3))
    a = tape.call("add", x, y)
    b = tape.call("multiply", 0.5, a)
    c = tape.call("tanh", b)
    d = tape.call("add", 1.0, c)
    e = tape.call("multiply", 0.5, d)
    z = tape.call("multiply", w, e)
    size = tape.call("absolute", z)
    large = tape.call("greater", size, 0.1)
    return Kernel((a, b, c, d, e, z, size, large)), [z, large]


def test_a_kernel_reads_first_and_writes_last():
    text = kernel_text(*gate())
    assert text.inputs == "float32 a0, float32 a1, float32 a2"
    assert text.outputs == "float32 y0, bool y1"
    assert text.body == (
        "const float v0 = a0 + a1;\n"
        "const float v1 = float(0.5) * v0;\n"
        "const float v2 = tanh(v1);\n"
        "const float v3 = float(1.0) + v2;\n"
        "const float v4 = float(0.5) * v3;\n"
        "const float v5 = a2 * v4;\n"
        "const float v6 = np_absolute(v5);\n"
        "const bool v7 = v6 > float(0.10000000149011612);\n"
        "y0 = v5;\n"
        "y1 = v7;"
    )


def test_every_pointwise_function_has_an_expression():
    assert set(FORMS) == POINTWISE - {"clip"}


def test_numbers_that_are_none_can_be_written():
    tape = Tape()
    x = leaf(tape, 0, "f8")
    terms = [tape.call("minimum", x, v) for v in (np.inf, -np.inf, np.nan)]
    body = kernel_text(Kernel(terms), terms).body
    for text in ("double(1e308 * 10)", "double(-1e308 * 10)", "double(1e308 * 10 - 1e308 * 10)"):
        assert text in body


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler on PATH")
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_and_are_the_same_in_c(dtype, tmp_path):
    tape = Tape()
    x = leaf(tape, 0, dtype)
    numbers = (np.inf, -np.inf, np.nan)
    terms = [tape.call("add", x, v) for v in numbers]
    found = [np.zeros(8, dtype) for _ in terms]
    run_on_host(kernel_text(Kernel(terms), terms), tmp_path, NUMBERS.astype(dtype), *found)
    for array, number in zip(found, numbers):
        np.testing.assert_array_equal(array, np.full(8, number))


def of_every_function(dtype):
    """A term for every pointwise function, on numbers that it is defined for."""
    tape = Tape()
    x, y, p, q = (leaf(tape, k, dtype) for k in range(4))
    terms = [tape.call(fn, p if fn in POSITIVE else x) for fn in sorted(UNARY)]
    terms += [tape.call(fn, *((p, q) if fn in POSITIVE else (x, y))) for fn in sorted(BINARY)]
    positive = tape.call("greater", x, 0.0)
    terms += [positive, tape.where(positive, x, y), tape.clip(x, -1.0, 0.5), tape.where(x, p, q)]
    terms += [
        tape.astype(x, "i8"),
        tape.astype(positive, dtype),
        tape.make("copy", (x,), None, x.shape, x.dtype),
    ]
    terms = [term for term in dict.fromkeys(terms) if term.fn in POINTWISE]
    arrays = [NUMBERS, NUMBERS[::-1] + 0.5, np.abs(NUMBERS) + 0.5, np.abs(NUMBERS[::-1]) + 0.25]
    return Kernel(terms), [a.astype(dtype) for a in arrays]


def by_numpy(kernel, arrays):
    """What NumPy's functions of the terms' names say."""
    values = {a: arrays[a.how] for a in kernel.reads()}
    for x in kernel:
        args = [values[a] if a in values else a.how for a in x.args]
        with np.errstate(all="ignore"):
            if x.fn == "clip":
                y = np.clip(args[0], *x.how)
            elif x.fn in ("copy", "astype"):
                y = args[0]
            else:
                y = getattr(np, x.fn)(*args)
        values[x] = np.asarray(y, x.dtype)
    return [values[x] for x in kernel]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_text_run_line_by_line_is_what_numpy_says(dtype):
    kernel, arrays = of_every_function(dtype)
    text = kernel_text(kernel, list(kernel))
    run = ElementwiseKernel(text.inputs, text.outputs, text.body, "plan", "__device__", True)
    found = [np.zeros(8, x.dtype) for x in kernel]
    ordered = [arrays[a.how] for a in kernel.reads()]
    run._run(*ordered, *found)
    assert_alike(kernel, found, by_numpy(kernel, arrays), dtype)


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler on PATH")
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_text_compiled_is_what_numpy_says(dtype, tmp_path):
    kernel, arrays = of_every_function(dtype)
    text = kernel_text(kernel, list(kernel))
    found = [np.zeros(8, x.dtype) for x in kernel]
    run_on_host(text, tmp_path, *[arrays[a.how] for a in kernel.reads()], *found)
    assert_alike(kernel, found, by_numpy(kernel, arrays), dtype)


def assert_alike(kernel, found, expected, dtype):
    for x, y, true in zip(kernel, found, expected):
        assert y.dtype == true.dtype
        np.testing.assert_allclose(y, true, rtol=1e-6 if dtype == "f4" else 1e-15, err_msg=x.fn)

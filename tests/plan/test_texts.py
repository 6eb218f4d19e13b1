"""Kernels that no graph generates: compiled, and run beside what the stand-in does instead."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.cells.networks import NAMES
from tests.plan import odd_graphs, odd_loops, odd_ops, odd_steps
from tests.plan.comparing import compiled
from tests.plan.compilers import COMPILER, cuda_source, nvrtc, run_on_host
from tests.plan.devices import cupy, moved
from tests.plan.graphs import straight_graph
from tests.plan.networks import network
from tests.plan.places import ODD, odd_case
from tests.plan.pretend_kernels import SPECIAL, ElementwiseKernel
from tests.plan.recurrent import recurrent_graph
from tests.plan.test_device_numbers import dropping_tagger
from tests.plan.test_kernel_text import gate, of_every_function
from tinygrad_lstm.plan import masks, texts
from tinygrad_lstm.plan.kernel_text import HELPERS, kernel_text

assert cupy and odd_graphs and odd_loops and odd_ops and odd_steps, "imported to be entered"
RANDOM_GRAPHS = (straight_graph, recurrent_graph)
TEXTS = {
    name: text
    for module in (texts, masks)
    for name, text in vars(module).items()
    if isinstance(text, texts.KernelText)
}
RANDOM = np.random.default_rng(0)
IDS = np.array([[3, 0, 1], [1, -100, 3]])
STATE = np.array([7, 5, 11, 2**63 + 13, 1], "u8")


def real(*shape):
    return RANDOM.standard_normal(shape)


SAMPLES = {
    "COPY": (real(2, 3), np.zeros((2, 3), "f4")),
    "ADD": (real(2, 3), real(2, 3), np.zeros((2, 3))),
    "CHECK": (IDS + 2, 4, -98, 1, np.zeros(4, "i8")),
    "TAKE": (real(4, 5), IDS, 5, 4, np.zeros((2, 3, 5))),
    "SCATTER": (real(2, 3, 5), IDS, 5, 4, np.zeros((4, 5))),
    "ONE_HOT": (IDS.astype("i4"), 4, np.zeros((2, 3, 4), "f4")),
    "COUNTS": (IDS, -100, np.zeros((2, 3))),
    "SHARE": (IDS, np.array(5.0), 4, -100, np.zeros((2, 3, 4))),
    "EXP": (real(2, 3, 4), real(2, 3, 1), np.zeros((2, 3, 4))),
    "SURPRISE": (
        real(2, 3, 4), real(2, 3, 1), np.abs(real(2, 3, 1)), IDS, 4, -100, np.zeros((2, 3)),
    ),
    "MEAN": (np.array(3.0), np.array(5.0), np.zeros(())),
    "MASK": (STATE, 0.3, 1 / 0.7, 123_456_789_012, np.zeros((40, 3))),
    "HAND_OVER": (*map(int, STATE), np.zeros(5, "u8")),
}  # fmt: skip


def test_every_text_has_a_sample():
    assert SAMPLES.keys() == TEXTS.keys()


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler on PATH")
@pytest.mark.parametrize("name", TEXTS)
def test_the_text_compiled_does_what_the_stand_in_does(name, tmp_path):
    *inputs, found = SAMPLES[name]
    expected = found.copy()
    run_on_host(TEXTS[name], tmp_path, *inputs, found)
    SPECIAL.get(TEXTS[name], lambda a, b, out: np.add(a, b, out))(*inputs, expected)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert np.any(found), "the sample would not show a kernel that does nothing"


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler on PATH")
@pytest.mark.parametrize(
    "numbers, noted",
    [
        ([0, 3, -100], [0, 0, 0, 0]),
        ([0, 4, 1], [1, 1, 4, 4]),
        ([0, -1, 1], [1, 1, -1, 4]),
        ([0.0, 3.0, -100.0], [0, 0, 0, 0]),
        ([0.0, 2.5, 1.0], [1, 2, 2, 4]),
    ],
)
def test_what_is_no_class_is_noted(numbers, noted, tmp_path):
    found = np.zeros(4, "i8")
    run_on_host(texts.CHECK, tmp_path, np.array(numbers), 4, -100, 1, found)
    assert found.tolist() == noted


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler on PATH")
def test_a_mask_is_drawn_from_the_same_numbers_as_numpys(tmp_path):
    bits = np.random.default_rng(5).bit_generator
    state = bits.state["state"]
    words = [n >> shift & masks.WORD for n in (state["state"], state["inc"]) for shift in (64, 0)]
    found = np.zeros((6, 7), "f4")
    run_on_host(
        masks.MASK, tmp_path, np.array([*words, 1], "u8"), 0.25, 1 / 0.75, 1000, found
    )  # fmt: skip
    bits.advance(1000)
    kept = np.random.Generator(bits).random((6, 7)) >= 0.25
    np.testing.assert_array_equal(found, (kept / 0.75).astype("f4"))


@pytest.fixture(scope="module")
def compiler():
    found = nvrtc()
    return found or pytest.skip("NVRTC is not there: pip install nvidia-cuda-nvrtc-cu12")


LETTERS = [
    {"T": "float", "S": "long long"},
    {"T": "double", "S": "int"},
    {"T": "double", "S": "double"},
    {"T": "float", "S": "unsigned char"},
]


@pytest.mark.parametrize("letters", LETTERS, ids=lambda letters: " ".join(letters.values()))
def test_nvrtc_compiles_the_texts_for_every_type(letters, compiler):
    kernels = [
        cuda_source(text.inputs, text.outputs, text.body, f"kernel_{name}", letters.items())
        for name, text in TEXTS.items()
    ]
    ptx = compiler.compile(kernels, masks.DRAWING)
    assert set(re.findall(r"\.entry kernel_(\w+)\(", ptx)) == set(TEXTS)


def test_nvrtc_compiles_every_pointwise_function(compiler):
    made = [of_every_function("f4"), of_every_function("f8"), gate(), gate("f8")]
    written = [kernel_text(kernel, list(kernel)) for kernel, _ in made]
    kernels = [
        cuda_source(text.inputs, text.outputs, text.body, f"kernel_{k}")
        for k, text in enumerate(written)
    ]
    ptx = compiler.compile(kernels, HELPERS)
    assert len(re.findall(r"\.entry kernel_", ptx)) == 4


MADE_OF = {
    "cells in float32": lambda: [network(name, dtype="float32") for name in NAMES],
    "cells in float64": lambda: [network(name) for name in NAMES],
    "odd networks": lambda: [odd_case(name) for name in sorted(set(ODD) - {"whole_op"})],
    "random graphs": lambda: [make(k).case() for make in RANDOM_GRAPHS for k in range(6)],
    "losses and masks": lambda: [dropping_tagger()],
}


@pytest.mark.parametrize("what", MADE_OF)
def test_nvrtc_compiles_what_plans_are_made_of(what, compiler, cupy, monkeypatch):
    monkeypatch.setattr(ElementwiseKernel, "made", [])
    for case in MADE_OF[what]():
        plan = compiled(case)
        there = moved(case, cupy)
        plan.prepare(*there.arrays, seeds=there.seeds)
    generated = {(k.inputs, k.outputs, k.operation) for k in ElementwiseKernel.made}
    generated = sorted(
        g for g in generated if not any(len(kind) == 1 for kind, *_ in (*g[0], *g[1]))
    )
    kernels = [
        cuda_source(_listed(inputs), _listed(outputs), body, f"kernel_{k}")
        for k, (inputs, outputs, body) in enumerate(generated)
    ]
    ptx = compiler.compile(kernels, masks.DRAWING)
    assert len(re.findall(r"\.entry kernel_", ptx)) == len(kernels) > 5


def _listed(params):
    return ", ".join(f"{'raw ' * raw}{kind} {name}" for kind, raw, name in params)

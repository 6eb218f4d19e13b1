"""Which pointwise terms one kernel computes: as many as can be, and never one too many."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.plan.comparing import compiled
from tests.plan.devices import assert_device_equals_graph, cupy, moved
from tests.plan.networks import network
from tinygrad_lstm.plan.device import Device
from tinygrad_lstm.plan.overlaps import crossed, place, places
from tinygrad_lstm.plan.passes.kernels import Kernel, kernels, origin
from tinygrad_lstm.plan.spread import Spread
from tinygrad_lstm.plan.tape import Tape

assert cupy, "imported to be entered"


def leaf(tape, *shape, number=0, steps=0):
    return tape.make("input", (), number, shape, "f8", steps)


def calls_for_one_step_more(name, cupy):
    """How many calls a step of the cell takes, forward and backward together."""
    counts = []
    for steps in (5, 6):
        case = network(name, steps=steps)
        plan = compiled(case.about(*case.graph.parameters))
        there = moved(case, cupy)
        plan.prepare(*there.arrays, seeds=there.seeds)
        counts.append(len(plan._now.calls))
    return counts[1] - counts[0]


@pytest.mark.parametrize("name", ["lstm", "lstm_by_gate", "cifg", "rnn"])
def test_a_step_is_one_product_and_one_kernel_each_way(name, cupy):
    assert calls_for_one_step_more(name, cupy) == 4


def test_a_cell_with_two_products_in_a_row_has_a_kernel_after_each(cupy):
    assert calls_for_one_step_more("gru", cupy) == 9


def test_runs_of_one_shape_are_kernels_and_others_are_not():
    tape = Tape()
    x, y = leaf(tape, 3, 4), leaf(tape, 2, number=1)
    a = tape.call("tanh", x)
    b = tape.call("exp", a)
    c = tape.call("exp", y)
    product = tape.matmul(a, tape.permute_dims(b, (1, 0)))
    found = kernels([(a,), (b,), (c,), (product,)])
    assert found == [(a, b), (c,), (product,)]
    assert [type(unit) is Kernel for unit in found] == [True, True, False]


def test_a_view_of_what_a_kernel_makes_is_read_by_the_next_one():
    tape = Tape()
    a = tape.call("tanh", leaf(tape, 3, 3))
    turned = tape.permute_dims(a, (1, 0))
    b = tape.call("add", a, turned)
    assert origin(turned) is a
    assert kernels([(a,), (b,)]) == [(a,), (b,)]


def test_a_kernel_writes_only_what_others_read():
    tape = Tape()
    x = leaf(tape, 3)
    a = tape.call("tanh", x)
    b = tape.call("exp", a)
    c = tape.call("sin", b)
    kernel = Kernel((a, b, c))
    users = {x: [a], a: [b], b: [c, c], c: []}
    assert kernel.reads() == [x]
    assert kernel.writes(users, {c}) == [c]
    assert kernel.writes({**users, a: [b, tape.call("cos", a)]}, {c}) == [a, c]


def test_numbers_are_written_into_a_kernel_and_not_read():
    tape = Tape()
    x = leaf(tape, 3)
    assert Kernel((tape.call("multiply", 0.5, x),)).reads() == [x]


def test_a_kernel_is_split_where_asked():
    tape = Tape()
    units = [(tape.call("add", leaf(tape, 3), float(k)),) for k in range(1, 5)]
    found = kernels(units, may_join=lambda run, x: len(run) < 3)
    assert [len(unit) for unit in found] == [3, 1]


def meet(a, b):
    device = Device()
    return crossed(place(device.pointer(a), a), place(device.pointer(b), b))


def test_arrays_cross_unless_they_are_the_same_entries_or_apart():
    memory = np.zeros((4, 6))
    assert not meet(memory, memory)
    assert not meet(memory[:2], memory[2:])
    assert not meet(memory[:, :3], memory[:, 3:]), "columns side by side"
    assert meet(memory[:, :3], memory[:, 2:5])
    assert meet(memory[:3], memory[1:])
    assert meet(memory[:, :4], memory[:, :4].T)
    assert meet(memory, memory[::-1])
    assert meet(memory[0], np.broadcast_to(memory[0], (4, 6)))
    assert not meet(memory[:0], memory)


def test_places_of_slots_are_those_of_the_arrays_of_two_steps():
    memory, device = np.zeros((5, 3, 2)), Device()
    whole = Spread(memory, "full")
    assert places(whole, device, True) == tuple(place(device.pointer(a), a) for a in memory[:2])
    earlier = Spread(memory[:2], "ring", shift=-1)
    assert places(earlier, device, True) == places(whole, device, True)[::-1]
    assert places(whole, device, False) == (place(device.pointer(memory), memory),)


def test_a_kernel_for_all_steps_at_once_may_not_read_them_in_another_order():
    memory, device = np.zeros((5, 3, 2)), Device()
    forward, backward = Spread(memory, "full"), Spread(memory[::-1], "full")
    earlier, later = Spread(memory[:-1], "full"), Spread(memory[1:], "full")
    for one, other in ((forward, backward), (earlier, later)):
        (a,), (b,) = places(one, device, False), places(other, device, False)
        assert crossed(a, b)


def test_reading_through_a_turned_view_of_overwritten_memory_is_right(cupy):
    x = tl.Input("x", 3, 3)
    z = tl.tanh(x)
    for _ in range(4):
        z = tl.tanh(z + z.T) * z
    case = network("rnn")
    graph = tl.Graph([x], [z])
    case = type(case)(graph, [np.linspace(-1, 1, 9).reshape(3, 3)], [np.ones((3, 3))], ("x",))
    assert_device_equals_graph(case, cupy)


def test_the_stand_in_finds_entries_that_wait_for_others(cupy):
    kernel = cupy.ElementwiseKernel(
        "float64 a0", "float64 y0", "y0 = a0;", "plan", "__device__", no_return=True
    )
    x = cupy.asarray(np.arange(6.0))
    kernel(x[:3], x[3:])
    kernel(x, x)
    with pytest.raises(AssertionError, match="entries wait for others"):
        kernel(x[:-1], x[1:])

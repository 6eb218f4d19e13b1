"""What `x[1:, None]`, `x[:, ::-1]` and `x[[2, 0]]` read, and where their gradients go."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_lstm as tl
from tests.oracles import assert_close
from tinygrad_lstm.errors import ArgumentError, ShapeError

quick = settings(max_examples=60, deadline=None, derandomize=True)


def f64(x):
    return tl.Tensor(np.asarray(x, float))


@quick
@given(data=st.data())
def test_index_expressions_equal_numpys_with_gradients_where_they_read(data):
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    key = data.draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True, max_dims=5))
    x = np.random.default_rng(2).normal(size=shape)
    t = f64(x)
    y = t[key]
    assert_close(y.data, np.asarray(x[key]))
    if y is not t:
        seed = np.random.default_rng(3).normal(size=y.shape)
        y.backward(seed)
        expected = np.zeros(shape)
        expected[key] = seed
        assert_close(t.grad, expected)


KEYS = [
    (slice(None, None, -1),),
    (slice(None), slice(3, 0, -2)),
    (slice(None), slice(2, 2)),
    (-1,),
    (Ellipsis, -2),
    (None, Ellipsis, None),
    (slice(1, None), None, slice(None, -1)),
    (slice(-10, 10),),
    (np.int64(1),),
]


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_slices_equal_numpys(key, rng):
    x = rng.normal(size=(3, 4, 2))
    assert_close(f64(x)[key].data, x[key])
    assert_close(f64(x)[key[0] if len(key) == 1 else key].data, x[key])


@pytest.mark.parametrize("rows", [[2, 0, 2], np.array([[1, 1], [-3, 2]]) % 3], ids=repr)
def test_rows_are_looked_up_by_their_numbers_and_repeats_add(rows, rng):
    x = rng.normal(size=(3, 4))
    t = f64(x)
    y = t[rows]
    assert_close(y.data, x[np.asarray(rows)])
    y.backward(np.ones(y.shape))
    assert_close(t.grad, np.bincount(np.ravel(rows), minlength=3)[:, None] * np.ones((3, 4)))


def test_a_row_number_past_the_end_is_an_error():
    with pytest.raises(tl.RangeError, match="0 to 2"):
        f64(np.ones((3, 4)))[[0, 3]]
    with pytest.raises(tl.RangeError, match="-1"):
        f64(np.ones((3, 4)))[[0, -1]]


@pytest.mark.parametrize(
    "key, error",
    [
        ((0, 0, 0), ShapeError),
        (5, ShapeError),
        ((slice(None), 4), ShapeError),
        ("x", ArgumentError),
        (1.5, ArgumentError),
        ((Ellipsis, Ellipsis), ArgumentError),
    ],
)
def test_an_index_that_fits_no_axis_is_refused(key, error):
    with pytest.raises(error):
        f64(np.ones((3, 4)))[key]


@pytest.mark.parametrize("key", [np.s_[-10::-1], np.s_[:, -9:-5:-1], np.s_[2:2], np.s_[1:0, ::-1]])
def test_an_empty_slice_is_empty_in_either_direction(key):
    x = np.arange(12.0).reshape(3, 4)
    y = f64(x)[key]
    assert y.numpy().shape == y.op.shape(y.parents[0].shape) == x[key].shape


def test_a_waiting_axis_can_be_sliced_from_the_front():
    x = tl.Input("x", "T", 4)
    g = tl.Graph([x], [x[:2]])
    assert g.forward(np.ones((5, 4)))[0].shape == (2, 4)
    with pytest.raises(ShapeError, match="waits for data"):
        tl.Input("x", "T", 4)[-2:]


def test_tensors_unpack_and_have_a_length():
    _, b, _ = f64([[1, 2], [3, 4], [5, 6]])
    assert b.numpy().tolist() == [3, 4] and len(f64(np.ones((3, 4)))) == 3
    with pytest.raises(TypeError, match="no length"):
        len(f64(1.0))

"""A cell, what it is fed with, and a tensor to be refused."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.errors.checking import tensor

N, D, H = 3, 4, 6


@pytest.fixture
def cell():
    return tl.cells.lstm(D, H)


@pytest.fixture
def feed():
    return np.ones((N, D)), np.ones((N, H)), np.ones((N, H))


@pytest.fixture
def x():
    return tensor(3, 4)

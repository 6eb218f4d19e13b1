"""Running a module: Torch's forward and backward, by the core's steps."""

from __future__ import annotations

from typing import Any

from ..checks import is_real
from ..errors import GraphError
from ..graph import Graph
from ..settings import Setting
from ..tensor import Parameter, Tensor
from .debug import drawn_if_it_fails
from .table import Table, boxed, nothing, unboxed
from .weights import Owner


class Runner(Owner):
    """What can be run: it has a Graph of the core, `fg`.

    Attributes:
        output, gradInput: of the last run.
    """

    @property
    def fg(self) -> Graph:
        """The core's graph of this module: run, step, draw or typeset it like any other."""
        raise NotImplementedError(f"{type(self).__name__} has no graph")

    @property
    def bg(self) -> Graph:
        """The backward pass as a Graph; it needs shapes, so run forward once before."""
        if self.output is None:
            raise GraphError("bg: shapes are not known yet; run forward once")
        return self.fg.differentiate()

    def forward(self, input: Any) -> Any:
        """The output for an array, or for a table of arrays (a list or tuple)."""
        return self.updateOutput(input)

    def backward(self, input: Any, gradOutput: Any, scale: float = 1) -> Any:
        """`updateGradInput`, then `accGradParameters`."""
        gradInput = self.updateGradInput(input, gradOutput)
        self.accGradParameters(input, gradOutput, scale)
        return gradInput

    def updateOutput(self, input: Any) -> Any:
        """Run every node once; Dropout drops while `training()`."""
        arrays = self.arrays(input)
        self._walked = False
        with Setting(training=self.train), drawn_if_it_fails(self):
            self.output = _bare(self.fg.forward(*arrays))
        return self.output

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """dL/d(input) in the structure of the input, zeros where nothing arrives.

        The values in between are those of the last forward run.
        """
        if self.output is None:
            raise GraphError(f"{self!r}: run forward before backward")
        given, seeds = self.arrays(input), self.seeds(gradOutput)
        with drawn_if_it_fails(self):
            arrived = self.fg.backward(*seeds)
        self._walked = True
        self.gradInput = _bare([nothing(x) if g is None else g for x, g in zip(given, arrived)])
        return self.gradInput

    def accGradParameters(self, input: Any, gradOutput: Any, scale: float = 1) -> None:
        """Add `scale` times dL/dW of this backward pass to what has accumulated for each W."""
        if not self._walked:
            self.updateGradInput(input, gradOutput)
        for w in self.each_weight():
            if w.grad is not None:
                w.total += scale * w.grad

    def arrays(self, input: Any) -> list[Any]:
        """The input as the core's graph is fed: one array or table for each of its inputs."""
        return [boxed(input, self.precision())]

    def seeds(self, gradOutput: Any) -> list[Any]:
        """gradOutput as the core's graph is seeded: one for each of its outputs."""
        return [seed(gradOutput, self.fg.outputs[0])]

    def clearState(self) -> Any:
        """Drop values and gradients of the last run; weights stay."""
        for node in self.fg.nodes:
            node.adjoint = None
            if not isinstance(node, Parameter):
                node.data = None
        self.output = self.gradInput = None
        self._walked = False
        return self


def seed(value: Any, output: Tensor) -> Any:
    """A gradOutput in the dtype of its output; for a number, an array of one will do."""
    if value is None or isinstance(value, int | float):
        return value
    array = boxed(value, output.dtype if is_real(output.data) else None)
    return array.reshape(()) if output.shape == () and array.shape == (1,) else array


def _bare(values: Any) -> Any:
    """One value as it is, several as a tuple."""
    return unboxed(values[0] if len(values) == 1 else Table(values))

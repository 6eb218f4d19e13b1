"""What numba compiles for a plan: functions that find all they need in one row of numbers.

A row is an array of int64: its own length, the address of a function, and what that function wants
to know, sizes and strides first, then the addresses of arrays.  Rows that follow each other in
memory are a program, which `run` goes through without coming back to Python.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import cfunc, njit, types
from numba.core.compiler import Compiler
from numba.extending import intrinsic

NUMPY = {"error_model": "numpy", "fastmath": {"contract"}}
"""Division by zero gives inf; a * b + c may be rounded once instead of twice."""


def instruction(rule: Any) -> Any:
    """A function of compiled code: `rule` tells its types, and how it is put down."""
    return intrinsic(rule)


@instruction
def pointer(typing: Any, address: Any, like: Any) -> Any:
    """An address as a pointer to entries of that type."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return types.CPointer(like.dtype)(types.intp, like), code


@instruction
def load(typing: Any, p: Any, k: Any) -> Any:
    """Entry k from p."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.gep(args[0], [args[1]], inbounds=True)
        return context.unpack_value(builder, p.dtype, place)

    return p.dtype(p, types.intp), code


@instruction
def store(typing: Any, p: Any, k: Any, x: Any) -> Any:
    """Put x, in the type that p points to, down as entry k."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        context.pack_value(
            builder, p.dtype, args[2], builder.gep(args[0], [args[1]], inbounds=True)
        )
        return context.get_dummy_value()

    return types.void(p, types.intp, p.dtype), code


@instruction
def call(typing: Any, address: Any, row: Any) -> Any:
    """Call the function at an address with a row."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [args[1].type])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1]])
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), code


@instruction
def float_of_bits(typing: Any, bits: Any) -> Any:
    """The float32 that is stored as these bits."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), code


@njit("intp(intp, intp)")
def number(row: int, k: int) -> int:
    """Number k of a row."""
    return load(pointer(row, types.intp), k)


@njit("void(intp, intp)")
def run(first: int, end: int) -> None:
    """Call the functions of all rows between two addresses."""
    row = first
    while row < end:
        call(number(row, 1), row)
        row += 8 * number(row, 0)


run_between = run.overloads[run.signatures[0]].entry_point
"""`run` without the search for a version that fits its arguments."""


def run_rows(rows: Any) -> None:
    """Run a program that is an array."""
    run_between(rows.ctypes.data, rows.ctypes.data + rows.nbytes)


class Apart(Compiler):
    """Compiles functions whose pointers never meet: only then can loops be made of vectors.

    numba itself does so for the loops of `prange`; there is no option for it.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.state.flags.noalias = True  # type: ignore[union-attr]


_KEPT: list[Any] = []


def compiled(text: str, names: dict[str, Any]) -> int:
    """The address of `kernel(row)`, compiled from a text in which `entries` has the loops."""
    space = {"pointer": pointer, "load": load, "store": store, "number": number, **names}
    exec(text, space)
    space["entries"] = njit(pipeline_class=Apart, **NUMPY)(space["entries"])
    function: Any = cfunc("void(intp)", **NUMPY)(space["kernel"])
    _KEPT.append(function)
    return function.address

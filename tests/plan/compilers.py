"""Kernels compiled: by a C++ compiler, to be run, and by NVRTC, which needs no GPU."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np

from tinygrad_lstm.plan.cupy_device import on_cuda
from tinygrad_lstm.plan.kernel_text import WHOLE

COMPILER = shutil.which("g++") or shutil.which("c++")
NAMES = {"float32": "float", "float64": "double", "bool": "bool", **WHOLE}
DTYPES = {c: name for name, c in NAMES.items()}
ON_HOST = """
#include <cmath>
#define atomicAdd(place, x) (*(place) += (x))
#define np_high(a, b) np_uint64((unsigned __int128)(a) * (b) >> 64)
using namespace std;
"""
AS_IN_CUPY = """
typedef decltype((char *)0 - (char *)0) index_t;
template <class T> struct CArray {
  T *data;
  __device__ T &operator[](index_t i) { return data[i]; }
  __device__ const T &operator[](index_t i) const { return data[i]; }
};
struct CIndexer {
  index_t n, at;
  __device__ index_t size() const { return n; }
  __device__ index_t get() const { return at; }
  __device__ void set(index_t i) { at = i; }
};
#define CUPY_FOR(i, n) for (index_t i = blockIdx.x; i < (n); i += gridDim.x)
"""
"""What CuPy puts around a kernel, as far as it is seen from inside."""


def declared(params):
    """[(raw, type, name)] of "raw T a0, int64 a1"."""
    found = []
    for param in filter(None, params.split(", ")):
        *raw, kind, name = param.split()
        found.append((bool(raw), kind, name))
    return found


def run_on_host(text, folder, *args):
    """Compile the text as a loop over entries in C++, and run it on arrays and numbers.

    Letters stand for the types of the arrays; arrays that are not raw are broadcast.
    """
    params = declared(f"{text.inputs}, {text.outputs}")
    arrays = [isinstance(a, np.ndarray) for a in args]
    letters = {
        p[1]: NAMES[a.dtype.name] for p, a, is_array in zip(params, args, arrays) if is_array
    }
    whole = [a.shape for p, a, is_array in zip(params, args, arrays) if is_array and not p[0]]
    shape = np.broadcast_shapes(*whole)
    entries, memory = [], []
    for (raw, kind, name), a, is_array in zip(params, args, arrays):
        c = NAMES.get(kind) or letters[kind]
        if not is_array:
            a = np.array([a], DTYPES[c])
        elif not raw and name[0] == "a":
            a = np.ascontiguousarray(np.broadcast_to(a, shape))
        at = "" if raw else "[0]" if not is_array else "[i]"
        entries.append(f"{c} {'*' if raw else '&'}{name} = (({c} *)p[{len(memory)}]){at};")
        memory.append(a)
    binary = _built(text, folder, letters, " ".join(entries))
    addresses = (ctypes.c_void_p * len(memory))(*[a.ctypes.data for a in memory])
    ctypes.CDLL(str(binary)).kernel(ctypes.c_long(math.prod(shape)), addresses)


def _built(text, folder, letters, entries):
    """The library with the loop as `kernel(n, addresses)`."""
    types = "".join(f"typedef {c} {k};\n" for k, c in letters.items() if len(k) == 1)
    helpers = text.helpers.replace("DEVICE", "static").replace("CONSTANT", "static")
    number = len(list(folder.iterdir()))
    source, binary = folder / f"kernel{number}.cpp", folder / f"kernel{number}.so"
    source.write_text(
        f"{ON_HOST}\n{types}\n{helpers}\n"
        f'extern "C" void kernel(long n, void **p) {{\n'
        f"for (long i = 0; i < n; ++i) {{\n{entries}\n{text.body}\n}}\n}}\n"
    )
    command = [COMPILER, "-O1", "-w", "-shared", "-fPIC", "-o", str(binary), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return binary


def cuda_source(inputs, outputs, body, name, letters=()):
    """A kernel as CuPy would write it down around this body."""
    types = {**NAMES, **dict(letters)}
    taken, entries = [], []
    for const, params in (("const ", declared(inputs)), ("", declared(outputs))):
        for raw, kind, a in params:
            c = types[kind]
            if raw:
                taken.append(f"{const}CArray<{c}> {a}")
            else:
                taken.append(f"{const}CArray<{c}> _raw_{a}")
                entries.append(f"{const}{c} &{a} = _raw_{a}[_ind.get()];")
    typedefs = "".join(f"typedef {c} {k};\n" for k, c in dict(letters).items())
    return (
        f"namespace in_{name} {{\n{typedefs}"
        f'extern "C" __global__ void {name}({", ".join(taken)}, CIndexer _ind) {{\n;\n'
        "#pragma unroll 1\nCUPY_FOR(i, _ind.size()) {\n_ind.set(i);\n"
        f"{' '.join(entries)}\n{body};\n}}\n;\n}}\n}}\n"
    )


class Nvrtc:
    """NVIDIA's compiler as a library."""

    def __init__(self, path):
        self._library = ctypes.CDLL(str(path))

    def compile(self, kernels, helpers):
        """Compile kernels together; the error is what the compiler says."""
        source = AS_IN_CUPY + on_cuda(helpers) + "\n".join(kernels)
        program = ctypes.c_void_p()
        create = self._library.nvrtcCreateProgram
        assert not create(ctypes.byref(program), source.encode(), b"plan.cu", 0, None, None)
        options = [b"--gpu-architecture=compute_75", b"-std=c++17"]
        status = self._library.nvrtcCompileProgram(
            program, len(options), (ctypes.c_char_p * len(options))(*options)
        )
        assert not status, self._log(program)
        size = ctypes.c_size_t()
        self._library.nvrtcGetPTXSize(program, ctypes.byref(size))
        ptx = ctypes.create_string_buffer(size.value)
        self._library.nvrtcGetPTX(program, ptx)
        return ptx.value.decode()

    def _log(self, program):
        size = ctypes.c_size_t()
        self._library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        self._library.nvrtcGetProgramLog(program, log)
        return log.value.decode()


def nvrtc():
    """The compiler of the package nvidia-cuda-nvrtc, or of a CUDA there is; None without."""
    for package in ("nvidia.cuda_nvrtc", "nvidia.cu13"):
        try:
            spec = importlib.util.find_spec(package)
        except ModuleNotFoundError:
            continue
        for folder in spec.submodule_search_locations or () if spec else ():
            for path in sorted(Path(folder).glob("lib/libnvrtc.so.*")):
                return Nvrtc(path)
    found = ctypes.util.find_library("nvrtc")
    return Nvrtc(found) if found else None

"""Writes the extension module `motia.preopens`, whose function `reset` makes the C library forget its open files.

The C library keeps the mounted directories and the standard streams in the memory as handles, and those mean
nothing to the next instance. Its `__wasilibc_reset_preopens` lets it ask the host again when it next needs one, but no
Python function reaches that. The module in C:

    static PyObject *reset(PyObject *self, PyObject *unused) { __wasilibc_reset_preopens(); return Py_GetConstant(0); }
    static PyMethodDef methods[] = {{"reset", reset, METH_NOARGS, NULL}, {NULL}};
    static PyModuleDef module = {PyModuleDef_HEAD_INIT, "preopens", NULL, -1, methods};
    PyObject *PyInit_preopens(void) { return PyModule_Create2(&module, PYTHON_API_VERSION); }

It is encoded here by hand, so that nobody needs a C compiler for it. Run this script after a change.
"""

import pathlib

FILE = pathlib.Path(__file__).parent / "motia" / "preopens.cpython-314-wasm32-wasi.so"

# Where things are in the module's data, and the sizes of the structs for 32-bit pointers.
MODULE, METHODS, NAME, METHOD_NAME, SIZE = 0, 64, 96, 112, 128
M_NAME, M_SIZE, M_METHODS = MODULE + 20, MODULE + 28, MODULE + 32
ML_NAME, ML_METH, ML_FLAGS = METHODS, METHODS + 4, METHODS + 8
METH_NOARGS, PYTHON_API_VERSION = 4, 1013

I32, FUNCTION, MEMORY_BASE, TABLE_BASE = 0x7F, 0x60, 0, 1
RESET_PREOPENS, MODULE_CREATE, GET_CONSTANT, RESET, INIT = range(5)
GET_GLOBAL, CALL, CONST, ADD, STORE, END = 0x23, 0x10, 0x41, 0x6A, 0x36, 0x0B


def unsigned(value):
    """LEB128."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + unsigned(rest) if rest else bytes([low])


def signed(value):
    """Signed LEB128 of a number that is not negative."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + signed(rest) if rest or low & 0x40 else bytes([low])


def sized(content):
    """The content after its length."""
    return unsigned(len(content)) + content


def text(value):
    """A name."""
    return sized(value.encode())


def vector(*items):
    """The items after their number."""
    return unsigned(len(items)) + b"".join(items)


def section(id, content):
    """A section, of the module or of `dylink.0`."""
    return bytes([id]) + sized(content)


def address(offset):
    """Pushes the address of what is at `offset` in the module's data."""
    return bytes([GET_GLOBAL, MEMORY_BASE, CONST]) + signed(offset) + bytes([ADD])


def store(offset, value):
    """Stores what `value` pushes."""
    return bytes([GET_GLOBAL, MEMORY_BASE]) + value + bytes([STORE, 2]) + unsigned(offset)


def call(function):
    """Calls a function."""
    return bytes([CALL, function])


def function(body):
    """A function without local variables."""
    return sized(b"\0" + body + bytes([END]))


def imported(name, kind):
    """An import of the interpreter's module."""
    return text("env") + text(name) + kind


def module():
    """The WebAssembly module."""
    data = bytearray(SIZE)
    data[M_SIZE : M_SIZE + 4] = b"\xff" * 4
    data[NAME : NAME + 8], data[METHOD_NAME : METHOD_NAME + 5] = b"preopens", b"reset"
    # Pointers are only known when the module is linked.
    pointers = store(M_NAME, address(NAME)) + store(M_METHODS, address(METHODS)) + store(ML_NAME, address(METHOD_NAME))
    method = store(ML_METH, bytes([GET_GLOBAL, TABLE_BASE])) + store(ML_FLAGS, bytes([CONST, METH_NOARGS]))
    create = address(MODULE) + bytes([CONST]) + signed(PYTHON_API_VERSION) + call(MODULE_CREATE)
    memory_and_table = section(1, unsigned(SIZE) + unsigned(4) + unsigned(1) + unsigned(0))
    needed = section(2, vector(text("libc.so"), text("libpython3.14.so")))
    types = ([], []), ([I32, I32], [I32]), ([I32], [I32]), ([], [I32])
    sections = [
        section(0, text("dylink.0") + memory_and_table + needed),
        section(1, vector(*(bytes([FUNCTION]) + sized(bytes(given)) + sized(bytes(result)) for given, result in types))),
        section(
            2,
            vector(
                imported("memory", bytes([2, 0, 1])),
                imported("__indirect_function_table", bytes([1, 0x70, 0, 1])),
                imported("__memory_base", bytes([3, I32, 0])),
                imported("__table_base", bytes([3, I32, 0])),
                imported("__wasilibc_reset_preopens", bytes([0, 0])),
                imported("PyModule_Create2", bytes([0, 1])),
                imported("Py_GetConstant", bytes([0, 2])),
            ),
        ),
        section(3, vector(bytes([1]), bytes([3]))),
        section(7, vector(text("PyInit_preopens") + bytes([0, INIT]))),
        section(9, vector(bytes([0, GET_GLOBAL, TABLE_BASE, END]) + vector(bytes([RESET])))),
        section(
            10,
            vector(
                function(call(RESET_PREOPENS) + bytes([CONST, 0]) + call(GET_CONSTANT)),
                function(pointers + method + create),
            ),
        ),
        section(11, vector(bytes([0, GET_GLOBAL, MEMORY_BASE, END]) + sized(bytes(data)))),
    ]
    return b"\0asm\1\0\0\0" + b"".join(sections)


if __name__ == "__main__":
    FILE.write_bytes(module())

"""What is done once for all steps, while `componentize-py` takes the engine's snapshot."""

import gc
import importlib
import os
import random
import sys

from . import archive, loop, warm

_LIBRARY = "/python"
"""Where the standard library is while the snapshot is taken, and never after."""

_PRELOADED = """
    _strptime base64 bisect calendar collections.abc contextvars csv decimal difflib email.utils encodings.ascii
    encodings.cp1252 encodings.hex_codec encodings.idna encodings.iso8859_1 encodings.latin_1 encodings.punycode
    encodings.utf_16 encodings.utf_16_be encodings.utf_16_le encodings.utf_32 encodings.utf_8_sig fractions hashlib heapq hmac html
    html.parser http.cookies ipaddress locale operator pathlib pprint queue secrets shlex statistics
    string stringprep tempfile textwrap timeit unicodedata urllib.parse urllib.request uuid xml.etree.ElementTree
    zoneinfo
""".split()
"""What steps commonly import, and the library inside functions: loaded, it costs an invocation nothing."""

_ROUNDS = 30
"""The interpreter specializes code that has run some dozen times."""

generators = []
"""Random generators that the engine's memory holds; each invocation seeds them anew."""


def start():
    """Brings the interpreter into the state in which every step's build finds it."""
    loop.install()
    # First, so that the modules below fill the memory that compiling has used.
    library = archive.Library(_LIBRARY)
    for name in _PRELOADED:
        importlib.import_module(name)
    for _ in range(_ROUNDS):
        warm.up()
    library.forget_loaded()
    # Before the finder of files: a name of the library always means the library.
    sys.meta_path.insert(2, library)
    sys.path_importer_cache.clear()
    # Packages are mounted read-only.
    sys.dont_write_bytecode = True
    os.environ.clear()
    generators.extend(freeze())


def freeze():
    """Collects garbage for the last time; returns the random generators among the objects that are new since.

    A collection writes to every object that is not frozen, and so copies every page of a snapshot.
    """
    gc.collect()
    found = [each for each in gc.get_objects() if issubclass(type(each), random.Random)]
    gc.freeze()
    return found

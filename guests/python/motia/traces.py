"""Exceptions as the host shows them: the user's files and lines, not the glue's."""

import linecache
import os
import traceback

GLUE = os.path.dirname(os.path.abspath(__file__))
"""Where the glue is; its frames are left out of every trace."""

_LIBRARY = "<python>/"

_SHOWN = 40
"""How many frames of one exception are shown."""

# In a component the library is at `/python`, though its frozen modules say otherwise.
_prefixes = {"/python/": _LIBRARY, os.path.dirname(os.__file__) + "/": _LIBRARY}


def name_directory(path, shown):
    """Shows files under `path` as files under `shown`."""
    _prefixes[path.rstrip("/") + "/"] = shown


def remember(file, text):
    """Keeps the source of a file, for the lines in traces: there is no filesystem at run time."""
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)


def shown(path):
    """The name of a file in traces."""
    for prefix, replacement in _prefixes.items():
        if path.startswith(prefix):
            return replacement + path[len(prefix) :]
    return path


def frames(error):
    """The frames of the user's code, innermost first, as (file, line, function, source line)."""
    found = []
    for frame in traceback.extract_tb(error.__traceback__):
        file = shown(frame.filename)
        if frame.filename.startswith((GLUE, "<frozen ")) or os.path.basename(file) == "motia_app.py":
            continue
        if not found and file.startswith(_LIBRARY):
            # The event loop, on the way from the glue to the user's code.
            continue
        found.append((file, frame.lineno, frame.name, (frame.line or "").strip()))
    if isinstance(error, SyntaxError) and error.filename:
        found.append((shown(error.filename), error.lineno or 0, "<module>", (error.text or "").strip()))
    return found[::-1]


def format(error):
    """The trace as text, innermost frame first, followed by what caused it."""
    lines = []
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        lines.append(("Caused by: " if len(seen) > 1 else "") + headline(error))
        found = frames(error)
        # An endless recursion has a thousand frames that all say the same.
        inner, outer = (found, []) if len(found) <= _SHOWN else (found[: _SHOWN // 2], found[-_SHOWN // 2 :])
        lines += _lines(inner)
        if outer:
            lines.append(f"  ... {len(found) - len(inner) - len(outer)} more frames")
            lines += _lines(outer)
        for member in getattr(error, "exceptions", ()) if isinstance(error, Exception) else ():
            if isinstance(member, BaseException):
                lines.append("  Among them: " + format(member).replace("\n", "\n    "))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(lines)


def _lines(found):
    lines = []
    for file, line, function, source in found:
        lines.append(f'  File "{file}", line {line}, in {function}')
        if source:
            lines.append(f"    {source}")
    return lines


def message(error):
    """What an exception says, also where its `__str__` fails."""
    try:
        if isinstance(error, SyntaxError):
            return error.msg or "invalid syntax"
        return str(error)
    except Exception:
        return "(the error has no readable message)"


def headline(error):
    """The exception in one line: its type and what it says."""
    text = message(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def expand(error):
    """The exception as an object for log records."""
    return {"name": type(error).__name__, "message": message(error), "stack": format(error)}

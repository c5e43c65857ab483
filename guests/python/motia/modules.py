"""The project's modules: found in the mounted sources at build, kept in memory for run time.

One file is one module, whatever name it is imported by, so `from src.orders import x`,
`from .orders import x` and `import orders` share it. Its own name is its path with dots.
"""

import ast
import importlib
import importlib.machinery
import importlib.util
import os
import sys

from . import traces

PATH_MARK = "motia:"
"""Begins the entries of a project package's `__path__`; the directory follows."""


class Source:
    """One file of the project, or a directory without `__init__.py` (then `file` is empty)."""

    def __init__(self, name, file, package, text):
        self.name = name
        self.file = file
        self.package = package
        """The directory, if it is a package; else `None`."""
        self.tree = ast.parse(text, file)
        self.code = compile(text, file, "exec", dont_inherit=True)
        self.imports = set()
        """Names of the project's modules that this one imports, anywhere in its code."""
        self.outside = set()
        """Top-level names of the other modules that it imports."""
        traces.remember(file or f"<{name}>", text)


class Project:
    """Finds and loads the project's modules. It is a meta path finder and their loader."""

    def __init__(self, root, step):
        self.root = root
        self.sources = {}
        """By canonical name."""
        self._directories = {}
        self.sealed = False
        """Whether only what is in `sources` exists, as at run time."""
        self.search = _search_path(step)
        self.step = _canonical(step)
        """The name of the step's module."""
        self._read(self.step, step, None)
        for holder in _prefixes_of(self.step)[:-1]:
            folder = "/".join(step.split("/")[: holder.count(".") + 1])
            if self._lookup(f"{folder}/__init__.py", folder) is None:
                self._namespace(folder, True)

    # Finding

    def find_spec(self, fullname, path=None, target=None):
        """The importer protocol: the spec of a project module, else `None`."""
        source = self.find(fullname, path)
        if source is None:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=source.file or None)
        spec.loader_state = source.name
        if source.package is not None:
            spec.submodule_search_locations = [PATH_MARK + source.package]
        return spec

    def find(self, fullname, path=None):
        """The source of the module that `fullname` names, else `None`."""
        if fullname in self.sources:
            return self.sources[fullname]
        head, _, tail = fullname.rpartition(".")
        if path is not None:
            folders = [entry[len(PATH_MARK) :] for entry in path if str(entry).startswith(PATH_MARK)]
        elif head:
            parent = self.find(head)
            folders = [parent.package] if parent is not None and parent.package is not None else []
        elif tail in sys.stdlib_module_names or tail in sys.builtin_module_names:
            # A file `types.py` beside a step must not replace the module that the library uses.
            return None
        else:
            folders = self.search
        for folder in folders:
            base = f"{folder}/{tail}" if folder else tail
            for file, package in ((f"{base}/__init__.py", base), (f"{base}.py", None)):
                source = self._lookup(file, package)
                if source is not None:
                    return source
        for folder in folders:
            source = self._namespace(f"{folder}/{tail}" if folder else tail, bool(head))
            if source is not None:
                return source
        return None

    def _lookup(self, file, package):
        name = _canonical(package or file)
        if name in self.sources and self.sources[name].file == file:
            return self.sources[name]
        if self.sealed or not os.path.isfile(os.path.join(self.root, file)):
            return None
        return self._read(name, file, package)

    def _read(self, name, file, package):
        path = os.path.join(self.root, file)
        with open(path, "rb") as opened:
            text = importlib.util.decode_source(opened.read())
        # Entered before its imports are followed: imports may be circular.
        source = self.sources[name] = Source(name, file, package, text)
        return source

    def _namespace(self, folder, nested):
        name = _canonical(folder)
        if name in self._directories:
            return self._directories[name]
        source = None
        if not self.sealed and os.path.isdir(os.path.join(self.root, folder)):
            # As in Python, a directory without `__init__.py` yields to an installed package.
            installed = None if nested else importlib.machinery.PathFinder.find_spec(folder.rpartition("/")[2])
            if installed is None or installed.loader is None:
                source = Source(name, "", folder, "")
        self._directories[name] = source
        if source is not None:
            self.sources.setdefault(name, source)
        return source

    # Loading

    def create_module(self, spec):
        """The loader protocol: under another name than its own, a module is the one that is there already."""
        return None if spec.name == spec.loader_state else importlib.import_module(spec.loader_state)

    def exec_module(self, module):
        """The loader protocol: evaluates the module, unless it only got another name."""
        canonical = module.__spec__.loader_state
        if module.__spec__.name != canonical:
            # The import system has given it the spec of the other name.
            module.__spec__ = self.find_spec(canonical)
            return
        source = self.sources[canonical]
        if source.file:
            module.__file__ = f"{self.root}/{source.file}"
        if source.package is not None:
            # Submodules that were kept when this package was deferred.
            for name, kept in list(sys.modules.items()):
                head, _, tail = name.rpartition(".")
                if head == canonical:
                    setattr(module, tail, kept)
        exec(source.code, module.__dict__)

    def get_source(self, fullname):
        """The loader protocol: the module's text, for `inspect` and `traceback`."""
        source = self.find(fullname)
        return "".join(traces.linecache.getlines(source.file)) if source is not None and source.file else None

    # Following imports

    def follow(self):
        """Reads every project module that the step can reach, and returns the other names they import."""
        others = set()
        pending = [self.step]
        done = set()
        while pending:
            name = pending.pop()
            if name in done:
                continue
            done.add(name)
            source = self.sources[name]
            package = name if source.package is not None else name.rpartition(".")[0]
            for wanted in imported_names(source.tree, package):
                # Importing a module imports the packages that hold it.
                held = [self.find(part) for part in _prefixes_of(wanted)]
                if held[0] is None:
                    others.add(wanted)
                    source.outside.add(wanted.partition(".")[0])
                for holder in held:
                    if holder is not None:
                        source.imports.add(holder.name)
                        pending.append(holder.name)
            source.tree = None
        return sorted(others)

    def importers(self, names):
        """`names` and every module that imports one of them, directly or not."""
        found = set(names)
        grew = True
        while grew:
            grew = False
            for name, source in self.sources.items():
                if name not in found and source.imports & found:
                    found.add(name)
                    grew = True
        return found


def imported_names(tree, package):
    """The absolute names that a module's code imports, at its top level or inside functions.

    For `from a import b` both `a` and `a.b` are named, as `b` may be a module.
    """
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".") if package else []
                base = ".".join(parts[: len(parts) - node.level + 1] + ([base] if base else []))
            if base:
                names.append(base)
                names.extend(f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
    return names


def _canonical(path):
    """The module name of a path: its parts joined by dots, each without dots of its own."""
    path = path[: -len("/__init__.py")] if path.endswith("/__init__.py") else path.removesuffix(".py")
    return path.replace(".", "_").replace("/", ".")


def _prefixes_of(name):
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _search_path(step):
    """The directories, relative to the project, in which absolute imports are looked up.

    The step's own and its parent (Motia 0.8), the one that holds the nearest `src` or `steps` (0.17),
    and the project.
    """
    folder = os.path.dirname(step)
    path = [folder, os.path.dirname(folder)]
    parts = folder.split("/") if folder else []
    for count in range(len(parts), 0, -1):
        if parts[count - 1] in ("src", "steps"):
            path.append("/".join(parts[: count - 1]))
            break
    path.append("")
    return list(dict.fromkeys(path))

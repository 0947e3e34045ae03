"""Who imports whom, read from source alone, and the circles in it. It imports no part of the package.

`python -m tests.architecture.imports` prints the circles and exits with 1 if there are any.

Every import counts: at the top, in a function, under `if TYPE_CHECKING`, relative or absolute, and `import_module` of a
constant. That a package's `__init__` runs before its modules is no import: nobody wrote it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

Graph = dict[str, set[str]]
"""By name: the names that it leads to. Every name is a key."""
PACKAGE = Path(__file__).parents[2] / 'nicegui_stash'


def read(package: Path) -> Graph:
    """Return which module of a package imports which others; a package stands for its `__init__`."""
    files = {_name(file, package.parent): file for file in sorted(package.rglob('*.py'))}
    graph: Graph = {}
    for name, file in files.items():
        here = name if file.name == '__init__.py' else name.rpartition('.')[0]
        tree = ast.parse(file.read_text(encoding='utf-8'))
        found = {_known(each, files) for node in ast.walk(tree) for each in _imported(node, here)}
        graph[name] = {each for each in found if each} - {name}
    return graph


def _name(file: Path, root: Path) -> str:
    return '.'.join(file.relative_to(root).with_suffix('').parts).removesuffix('.__init__')


def _imported(node: ast.AST, here: str) -> Iterator[str]:
    """Iterate over the full names that a statement in package `here` imports: modules, or what is in them."""
    match node:
        case ast.Import(names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module, names, level):
            source = _absolute('.' * level + (module or ''), here)
            yield from (f'{source}.{alias.name}' for alias in names)
        case ast.Call(ast.Name('import_module') | ast.Attribute(_, 'import_module'), [ast.Constant(str(name)), *_]):
            yield _absolute(name, here)
        case _:
            pass


def _absolute(name: str, here: str) -> str:
    rest = name.lstrip('.')
    level = len(name) - len(rest)
    if not level:
        return rest
    parts = here.split('.')
    return '.'.join([*parts[: len(parts) - level + 1], *filter(None, [rest])])


def _known(name: str, modules: Mapping[str, Path]) -> str:
    """Return the module that a name is, or is in; nothing for one outside of the package."""
    while name and name not in modules:
        name = name.rpartition('.')[0]
    return name


def levels(graph: Graph) -> dict[str, Graph]:
    """Return for each package which of its parts import which. A part is a module in it, or a package as a whole."""
    packages = {name.rpartition('.')[0] for name in graph} - {''}
    found: dict[str, Graph] = {}
    for package in sorted(packages):
        level = found[package] = {}
        for name, targets in graph.items():
            if part := _part(name, package):
                level.setdefault(part, set()).update({_part(each, package) for each in targets} - {part, ''})
    return found


def _part(name: str, package: str) -> str:
    """Return which part of a package a module belongs to; nothing for one outside, and for the package's `__init__`."""
    rest = name.removeprefix(f'{package}.')
    return '' if rest == name else f'{package}.{rest.partition(".")[0]}'


def circles(graph: Graph) -> list[list[str]]:
    """Return each set of names of which every one leads to every other, sorted (Tarjan's algorithm)."""
    found: list[list[str]] = []
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for target in sorted(graph[name]):
            if target not in order:
                visit(target)
            if target in stack:
                lowest[name] = min(lowest[name], lowest[target])
        if lowest[name] == order[name]:
            members = stack[stack.index(name) :]
            del stack[-len(members) :]
            if len(members) > 1:
                found.append(sorted(members))

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return sorted(found)


def described(graph: Graph, circle: list[str]) -> str:
    """Return a circle's members, each with what it imports of the others."""
    lines = [f'  {name} imports {", ".join(sorted(graph[name] & set(circle)))}' for name in circle]
    return '\n'.join([f'circle of {len(circle)}:', *lines])


def all_circles(package: Path) -> list[str]:
    """Describe the circles of modules, and then those at each level that packages take part in."""
    graph = read(package)
    packages = levels(graph)
    found = [described(graph, circle) for circle in circles(graph)]
    for name, level in packages.items():
        joined = [circle for circle in circles(level) if packages.keys() & set(circle)]
        found += [f'{name}, its parts: {described(level, circle)}' for circle in joined]
    return found


def main() -> int:
    package = Path(sys.argv[1]) if sys.argv[1:] else PACKAGE
    found = all_circles(package)
    sys.stdout.write('\n'.join([*found, f'{len(found)} circles in {len(read(package))} modules\n']))
    return int(bool(found))


if __name__ == '__main__':
    sys.exit(main())

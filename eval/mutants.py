"""Mutants: one module, each time weakened in one place, and put in force while it runs.

Usual operators (conditions turned round, comparisons loosened, statements and elements left out,
numbers off by one) and one for regular expressions: an alternative less. Messages, docstrings,
annotations and type aliases are left alone.
"""

from __future__ import annotations

import ast
import copy
import functools
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
    ast.GtE: ast.Gt, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
    ast.Mult: ast.Add,
}  # fmt: skip
CALLED = {"any": "all", "all": "any", "min": "max", "max": "min"}
SKIPPED = {"annotation", "returns", "decorator_list", "keywords_of_dataclass"}
PATTERNS = ("compile", "search", "_rule", "match")
"""Calls whose strings are regular expressions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change of one module."""

    module: str
    line: int
    source: str
    """The line as it stands."""
    change: str
    code: CodeType

    @property
    def name(self) -> str:
        """What tells it from others, also after lines have moved."""
        return f"{self.module}: {self.source} → {self.change}"


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a module, in reading order."""
    text = path.read_text("utf-8")
    tree, lines = ast.parse(text), text.splitlines()
    for parent, field, place, node in _children(tree):
        for change, new in _variants(node, parent):
            siblings = getattr(parent, field)
            _put(parent, field, place, ast.fix_missing_locations(ast.copy_location(new, node)))
            code = compile(ast.unparse(tree), str(path), "exec")
            if place is None:
                setattr(parent, field, siblings)
            else:
                siblings[place] = node
            yield Mutant(
                module=path.stem,
                line=node.lineno,
                source=lines[node.lineno - 1].strip(),
                change=change,
                code=code,
            )


def unchanged(path: Path) -> Mutant:
    """Return a module as it is: whatever notices this would notice anything."""
    code = compile(path.read_text("utf-8"), str(path), "exec")
    return Mutant(module=path.stem, line=0, source="", change="unchanged", code=code)


def install(module: ModuleType, code: CodeType) -> None:
    """Put a mutant in force in this process, wherever parts of its module are already in use."""
    fresh = ModuleType(module.__name__)
    fresh.__file__ = module.__file__
    sys.modules[module.__name__] = fresh  # dataclasses look their module up
    exec(code, fresh.__dict__)
    sys.modules[module.__name__] = module
    for name, new in vars(fresh).items():
        old = vars(module).get(name)
        if name.startswith("__") or old is None or old is new:
            continue
        if getattr(old, "__module__", "") == module.__name__ and callable(old):
            _take_over(old, new)
        elif getattr(new, "__module__", "") != "typing":
            _replace_everywhere(old, new)


def forget(objects: Iterable[object]) -> None:
    """Drop what was worked out with the unchanged module: cached calls and these objects' parts."""
    for name, module in list(sys.modules.items()):
        for value in list(vars(module).values()) if name.startswith("assistant") else ():
            if type(value) is functools._lru_cache_wrapper:
                value.cache_clear()
    for found in objects:
        for name, part in vars(type(found)).items():
            if type(part) is functools.cached_property:
                vars(found).pop(name, None)


def _take_over(old: object, new: object) -> None:
    """Give a function or a class the code of another."""
    wrapped = getattr(old, "__wrapped__", None)
    if isinstance(old, type):
        for name, part in vars(new).items():
            _take_over_part(vars(old).get(name), part)
    elif wrapped is not None:
        _take_over(wrapped, new.__wrapped__)  # type: ignore[attr-defined]
    elif isinstance(old, FunctionType) and isinstance(new, FunctionType):
        old.__code__, old.__defaults__ = new.__code__, new.__defaults__
        old.__kwdefaults__ = new.__kwdefaults__


def _take_over_part(old: object, new: object) -> None:
    if isinstance(old, functools.cached_property):
        _take_over(old.func, new.func)  # type: ignore[attr-defined]
    elif isinstance(old, property):
        _take_over(old.fget, new.fget)  # type: ignore[attr-defined]
    elif isinstance(old, FunctionType):
        _take_over(old, new)


def _replace_everywhere(old: object, new: object) -> None:
    """Put a constant in the place of another in every module that took it."""
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith(("assistant", "tests")):
            for name, value in list(vars(module).items()):
                if value is old:
                    setattr(module, name, new)


Place = tuple[ast.AST, str, int | None, ast.expr | ast.stmt]


def _children(parent: ast.AST) -> Iterator[Place]:
    """Yield every expression and statement with where it hangs."""
    for field, value in ast.iter_fields(parent):
        if field in SKIPPED or (field == "value" and _is_alias(parent)):
            continue
        for place, node in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(node, ast.expr | ast.stmt):
                if not _is_silent(node):
                    yield parent, field, place, node
                    yield from _children(node)
            elif isinstance(node, ast.AST):
                yield from _children(node)


def _is_alias(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript)


def _is_silent(node: ast.AST) -> bool:
    """Messages, docstrings and imports."""
    return isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _put(parent: ast.AST, field: str, place: int | None, node: ast.AST) -> None:
    if place is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[place] = node


def _variants(node: ast.expr | ast.stmt, parent: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield what a node may be changed to, each with a name."""
    if isinstance(node, ast.stmt):
        yield from _statements(node)
    elif isinstance(node, ast.Constant):
        yield from _constants(node, parent)
    else:
        yield from _conditions(node)
        yield from _collections(node)
    if isinstance(node, ast.If | ast.IfExp):
        yield "if True", _with(node, test=ast.Constant(True))
        yield "if False", _with(node, test=ast.Constant(False))


def _conditions(node: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    """Conditions turned round, loosened, or less one part; sums turned into differences."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARED:
            other = COMPARED[type(op)]
            yield other.__name__, _with(node, ops=[other()])
        case ast.BoolOp():
            turned = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
            yield type(turned).__name__, _with(node, op=turned)
            for n in range(len(node.values)):
                left = [v for m, v in enumerate(node.values) if m != n]
                kept = left[0] if len(left) == 1 else _with(node, values=left)
                yield f"without condition {n + 1}", kept
        case ast.UnaryOp(op=ast.Not()):
            yield "not left out", node.operand
        case ast.BinOp(op=op) if type(op) in COMPUTED:
            yield COMPUTED[type(op)].__name__, _with(node, op=COMPUTED[type(op)]())
        case ast.Call(func=ast.Name(id=name)) if name in CALLED:
            yield CALLED[name], _with(node, func=ast.Name(CALLED[name], ast.Load()))


def _collections(node: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    """Tables and lists of constants less one entry."""
    match node:
        case ast.Set(elts=elts) | ast.Tuple(elts=elts) | ast.List(elts=elts) if len(elts) > 1:
            for n, one in enumerate(elts):
                if isinstance(one, ast.Constant):
                    yield f"without {ast.unparse(one)}", _with(node, elts=elts[:n] + elts[n + 1 :])
        case ast.Dict(keys=keys, values=values) if len(keys) > 1:
            for n, key in enumerate(keys):
                less = _with(
                    node, keys=keys[:n] + keys[n + 1 :], values=values[:n] + values[n + 1 :]
                )
                yield f"without {ast.unparse(key)}" if key else "without a part", less


def _constants(node: ast.Constant, parent: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Numbers off by one, truths turned round, patterns less one alternative."""
    match node.value:
        case bool(value):
            yield str(not value), ast.Constant(not value)
        case int(value):
            yield str(value + 1), ast.Constant(value + 1)
        case str(text) if _is_pattern(parent, text):
            for less, shown in alternatives(text):
                yield f"pattern without {shown}", ast.Constant(less)


def _statements(node: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    """Statements left out."""
    match node:
        case ast.Expr(value=ast.Yield() | ast.YieldFrom()):
            yield "yields nothing", ast.Expr(ast.YieldFrom(ast.Tuple([], ast.Load())))
        case ast.Continue() | ast.AugAssign():
            yield "left out", ast.Pass()
        case ast.Return(value=ast.expr()):
            yield "returns None", ast.Return(ast.Constant(None))


def _is_pattern(parent: ast.AST, text: str) -> bool:
    called = parent.func if isinstance(parent, ast.Call) else None
    name = getattr(called, "attr", getattr(called, "id", ""))
    return name in PATTERNS and "|" in text


def alternatives(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield a regular expression less one alternative, for each at any depth, and what it was."""
    for start, end, bar_before in _spans(pattern):
        cut = (start - 1, end) if bar_before else (start, end + 1)
        yield pattern[: cut[0]] + pattern[cut[1] :], pattern[start:end]


def _spans(pattern: str) -> list[tuple[int, int, bool]]:
    """Return start, end and whether a bar stands before, of each of several alternatives."""
    found: list[tuple[int, int, bool]] = []
    groups: list[list[int]] = [[0]]
    is_class, at = False, 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            at += 2
            continue
        if is_class:
            is_class = sign != "]"
        elif sign == "[":
            is_class = True
        elif sign == "(":
            opening = pattern[at + 1 :]
            skip = 0 if not opening.startswith("?") else _opening(opening)
            groups.append([at + 1 + skip])
        elif sign == "|":
            groups[-1].append(at + 1)
        elif sign == ")":
            found += _closed(groups.pop(), at)
        at += 1
    return found + _closed(groups.pop(), len(pattern))


def _opening(text: str) -> int:
    """Return the length of what stands between a bracket and its first alternative."""
    for mark in ("?:", "?=", "?!", "?<=", "?<!"):
        if text.startswith(mark):
            return len(mark)
    return text.index(">") + 1 if text.startswith("?P<") else text.index(":") + 1


def _closed(starts: list[int], end: int) -> list[tuple[int, int, bool]]:
    if len(starts) < 2:
        return []
    ends = [*(start - 1 for start in starts[1:]), end]
    return [(s, e, n > 0) for n, (s, e) in enumerate(zip(starts, ends, strict=True))]


def _with(node: ast.AST, **fields: object) -> ast.AST:
    """Return a shallow copy of a node with other fields."""
    made = copy.copy(node)
    for name, value in fields.items():
        setattr(made, name, value)
    return made

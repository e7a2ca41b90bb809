"""Mutations: the small mistakes that can be made in a module, each as a change of its syntax tree."""

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

Put = Callable[[ast.AST | None], None]
"""Puts another node in the place of one, or takes it out of its list."""

OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
NAMES = {"max": "min", "min": "max", "any": "all", "all": "any"}
PLAIN = {"abs", "sorted", "reversed"}
"""Functions whose argument stands for them as it is."""
LINKS = {"where", "order_by", "limit", "group_by", "with_for_update", "desc", "strip"}
"""Methods that can be left out of a chain of calls."""
LISTS = {"where", "order_by", "group_by", "and_", "or_", "partition_by", "max", "min"}
"""Calls whose arguments are conditions, columns or values, any of which can be forgotten."""
MESSAGES = {"Finding", "Advice", "Postponed", "Unknown", "print"}
"""Calls whose texts are for people."""

SHORT = 60


@dataclass(frozen=True)
class Mutation:
    """One mistake. `lines` are those of its statement; `make` changes the tree that it was found in."""

    where: str
    change: str
    lines: range
    scopes: tuple[range, ...]  # lines of the functions around it, the innermost first
    make: Callable[[], None]

    @property
    def key(self) -> str:
        """Name it by what it changes, so that the name outlives other changes of the file."""
        return f"{self.where}: {self.change}"


@dataclass(frozen=True)
class _Place:
    names: tuple[str, ...] = ()
    lines: range = range(0)
    scopes: tuple[range, ...] = ()
    message: bool = False


def mutations(tree: ast.Module) -> list[Mutation]:
    """Find every mistake that can be made in a module; names that come twice are numbered."""
    seen: Counter[str] = Counter()
    found = []
    for where, change, place, make in _in(tree, _Place()):
        seen[f"{where}: {change}"] += 1
        number = seen[f"{where}: {change}"]
        text = change if number == 1 else f"{change} #{number}"
        found.append(Mutation(where, text, place.lines, place.scopes, make))
    return found


def _in(node: ast.AST, place: _Place) -> Iterator[tuple[str, str, _Place, Callable[[], None]]]:
    for child, put in _children(node):
        if _left_out(child, node):
            continue
        there = _placed(child, place)
        for text, other in _others(child, node, there):
            yield ".".join(place.names) or "module", text, there, _making(put, other)
        yield from _in(child, there)


def _making(put: Put, other: ast.AST | None) -> Callable[[], None]:
    return lambda: put(other)


def _children(node: ast.AST) -> Iterator[tuple[ast.AST, Put]]:
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield value, lambda other, name=name: setattr(node, name, other)  # type: ignore[misc]  # a default of its own
        elif isinstance(value, list):
            for item in [item for item in value if isinstance(item, ast.AST)]:
                yield item, lambda other, value=value, item=item: _put(value, item, other)  # type: ignore[misc]  # as above


def _put(items: list[Any], item: ast.AST, other: ast.AST | None) -> None:
    number = next(number for number, each in enumerate(items) if each is item)
    items[number : number + 1] = [] if other is None else [other]


def _left_out(node: ast.AST, parent: ast.AST) -> bool:
    """Leave out what says nothing when the program runs: docstrings, annotations, imports, decorators of classes."""
    if isinstance(node, ast.Import | ast.ImportFrom) or node is getattr(parent, "annotation", None):
        return True
    if node is getattr(parent, "returns", None) or (
        isinstance(parent, ast.ClassDef) and node in [*parent.decorator_list, *parent.bases]
    ):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id in {"cast", "TypeVar"}:
        return True
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def _placed(node: ast.AST, place: _Place) -> _Place:
    names, lines, scopes = place.names, place.lines, place.scopes
    if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
        inner = getattr(node, "body", None)
        first = min([each.lineno for each in getattr(node, "decorator_list", [])], default=_line(node))
        end = inner[0].lineno - 1 if inner else cast(ast.stmt, node).end_lineno
        lines = range(first, max(first, end or first) + 1)
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        names = (*names, node.name)
    elif isinstance(node, ast.Assign | ast.AnnAssign) and not scopes:
        names = (*names, _said(node.target if isinstance(node, ast.AnnAssign) else node.targets[0]))
    if isinstance(node, ast.FunctionDef):
        scopes = (range(lines.start, (node.end_lineno or lines.start) + 1), *scopes)
    message = place.message or isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and _called(node) in MESSAGES)
    return _Place(names, lines, scopes, message)


def _line(node: ast.AST) -> int:
    return node.pattern.lineno if isinstance(node, ast.match_case) else cast(ast.stmt, node).lineno


def _called(node: ast.Call) -> str:
    return str(getattr(node.func, "id", None) or getattr(node.func, "attr", ""))


def _others(node: ast.AST, parent: ast.AST, place: _Place) -> Iterator[tuple[str, ast.AST | None]]:
    """Give what may stand in the place of a node, and how to say it; None takes it out."""
    if isinstance(node, ast.stmt):
        yield from _statements(node, parent)
    elif isinstance(node, ast.match_case):
        yield f"case {_said(node.pattern)} → removed", None
    elif isinstance(parent, ast.ExceptHandler) and node is parent.type:
        yield f"except {_said(node)} → nothing", ast.Tuple([], ast.Load())
    elif type(node) in OPERATORS:
        yield f"{_said(parent)} with {_name(node)} → {_name(OPERATORS[type(node)]())}", OPERATORS[type(node)]()
    else:
        yield from _expressions(node, parent, place)
    if _is_condition(node, parent):
        yield f"{_said(node)} → negated", ast.UnaryOp(ast.Not(), cast(ast.expr, node))
    if _may_be_forgotten(node, parent):
        yield f"{_said(node)} → left out", None


def _expressions(node: ast.AST, parent: ast.AST, place: _Place) -> Iterator[tuple[str, ast.AST | None]]:
    if isinstance(node, ast.Constant):
        yield from _constants(node, parent, place)
    elif isinstance(node, ast.JoinedStr) and not place.message:
        if isinstance(parent, ast.FormattedValue):
            yield f"{_said(parent.value)} → without its format", ast.JoinedStr([])
        else:
            yield f"{_said(node)} → ''", ast.Constant("")
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield f"{_said(node)} → {_said(node.operand)}", node.operand
    elif isinstance(node, ast.Name) and node.id in NAMES and isinstance(node.ctx, ast.Load):
        yield f"{_said(parent)} with {NAMES[node.id]}", ast.Name(NAMES[node.id], ast.Load())
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    elif isinstance(node, ast.Dict):
        yield from _values(node)
    elif isinstance(node, ast.BoolOp):
        for operand in node.values:
            rest = [each for each in node.values if each is not operand]
            yield f"{_said(operand)} → left out", ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0]


def _constants(node: ast.Constant, parent: ast.AST, place: _Place) -> Iterator[tuple[str, ast.AST | None]]:
    value: Any = node.value
    if isinstance(value, bool):
        yield f"{_around(node, parent)} → {not value}", ast.Constant(not value)
    elif isinstance(value, int | float):
        yield f"{_around(node, parent)} → {value + 1}", ast.Constant(value + 1)
    elif isinstance(parent, ast.JoinedStr) or place.message or (isinstance(parent, ast.Dict) and node in parent.keys):
        return
    elif isinstance(value, str | bytes):
        other = value + "?" if isinstance(value, str) else value + b"?"
        yield f"{_around(node, parent)} → {other!r}", ast.Constant(other)


def _calls(node: ast.Call) -> Iterator[tuple[str, ast.AST | None]]:
    if isinstance(node.func, ast.Attribute) and node.func.attr in LINKS:
        yield f"{_said(node)} without .{node.func.attr}()", node.func.value
    if isinstance(node.func, ast.Name) and node.func.id in PLAIN:
        yield f"{_said(node)} without {node.func.id}()", node.args[0]


def _values(node: ast.Dict) -> Iterator[tuple[str, ast.AST | None]]:
    for number, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
        if key is not None and not isinstance(value, ast.Constant):
            values = [*node.values[:number], ast.Constant(None), *node.values[number + 1 :]]
            yield f"{_said(key)}: {_said(value)} → None", ast.Dict(node.keys, values)


def _statements(node: ast.stmt, parent: ast.AST) -> Iterator[tuple[str, ast.AST | None]]:
    aside = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute | ast.Subscript)
    if aside or isinstance(node, ast.Expr | ast.AugAssign | ast.Raise):
        yield f"{_said(node)} → removed", ast.Pass()
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield f"{_said(node)} → None", ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Return) and node is not cast(ast.FunctionDef, parent).body[-1]:
        yield f"{_said(node)} → removed", ast.Pass()
    elif isinstance(node, ast.Continue | ast.Break):
        other = ast.Break() if isinstance(node, ast.Continue) else ast.Continue()
        yield f"{_name(node)} → {_name(other)}", other


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_condition(node: ast.AST, parent: ast.AST) -> bool:
    """Tell conditions; a comparison by its operator is negated already, and so is a `not`."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return False
    if isinstance(node, ast.Compare) and not isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE):
        return False
    if isinstance(parent, ast.comprehension):
        return node in parent.ifs
    return isinstance(parent, ast.If | ast.While | ast.IfExp) and node is parent.test


def _may_be_forgotten(node: ast.AST, parent: ast.AST) -> bool:
    """Tell elements of collections, arguments by name, and conditions of queries."""
    if isinstance(parent, ast.Set | ast.List) or isinstance(node, ast.keyword):
        return not isinstance(node, ast.expr_context) and (len(getattr(parent, "elts", "ab")) > 1)
    if isinstance(parent, ast.Tuple):  # of values; one of expressions is taken apart where it arrives
        values = all(isinstance(each, ast.Constant | ast.Attribute | ast.Starred) for each in parent.elts)
        return isinstance(node, ast.expr) and isinstance(parent.ctx, ast.Load) and len(parent.elts) > 1 and values
    return isinstance(parent, ast.Call) and _called(parent) in LISTS and node in parent.args and len(parent.args) > 1


def _around(node: ast.Constant, parent: ast.AST) -> str:
    """Say a constant, with what it belongs to when that is short."""
    if isinstance(parent, ast.keyword):
        return f"{parent.arg}={node.value!r}"
    if isinstance(parent, ast.Dict):
        key = parent.keys[parent.values.index(node)]
        return f"{_said(key)}: {node.value!r}" if key is not None else repr(node.value)
    text = ast.unparse(parent) if isinstance(parent, ast.expr | ast.Assign | ast.AnnAssign) else ""
    return f"{node.value!r} in {_said(parent)}" if 0 < len(text) <= SHORT else repr(node.value)


def _said(node: ast.AST, most: int = 90) -> str:
    text = " ".join(ast.unparse(node).split()).replace("`", "'")
    return text if len(text) <= most else f"{text[: most - 25]} … {text[-22:]}"


def _name(node: ast.AST) -> str:
    return type(node).__name__.lower()

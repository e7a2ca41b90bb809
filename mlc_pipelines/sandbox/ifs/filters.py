"""`$filter`: a strict parser for the part of OData v4 the sandbox's tenants support."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlc_pipelines.sandbox.ifs.answers import BAD_QUERY, NOT_IMPLEMENTED, OdataError
from mlc_pipelines.sandbox.ifs.literals import Token, tokens
from mlc_pipelines.sandbox.ifs.schema import Attribute, EntityType

Values = Mapping[str, Any]
Test = Callable[[Values], bool]
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
MATCHES: Mapping[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part),
}
CASES: Mapping[str, Callable[[str], str]] = {"tolower": str.lower, "toupper": str.upper}
REFUSED = frozenset({"has", "mod", "add", "sub", "mul", "div", "in", "any", "all", "now", "round", "floor", "ceiling"})


@dataclass(frozen=True)
class Operand:
    """One side of a comparison: an attribute (perhaps in another case) or a literal."""

    value: Callable[[Values], Any]
    attribute: Attribute | None = None
    literal: Token | None = None


def parse_filter(
    text: str, entity_type: EntityType, *, namespace: str, enums: Mapping[str, tuple[str, ...]], objstate: bool = True
) -> Test:
    """Return the test a row must pass; with objstate off, filters on Objstate answer 400 as some tenants do."""
    parser = _Parser(tokens(text, code=BAD_QUERY), entity_type, namespace=namespace, enums=enums, objstate=objstate)
    test = parser.either()
    parser.expect_end()
    return test


class _Parser:
    def __init__(
        self,
        pieces: list[Token],
        entity_type: EntityType,
        *,
        namespace: str,
        enums: Mapping[str, tuple[str, ...]],
        objstate: bool,
    ) -> None:
        self._pieces = pieces
        self._position = 0
        self._type = entity_type
        self._namespace = namespace
        self._enums = enums
        self._objstate = objstate

    def either(self) -> Test:
        tests = [self._both()]
        while self._accept("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda values: any(test(values) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._accept("and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda values: all(test(values) for test in tests)

    def _one(self) -> Test:
        if self._accept("not"):
            test = self._one()
            return lambda values: not test(values)
        if self._accept("("):
            inner = self.either()
            self._demand(")")
            return inner
        if self._peek().text in MATCHES and self._peek(1).text == "(":
            return self._match()
        return self._comparison()

    def _match(self) -> Test:
        matches = MATCHES[self._next().text]
        self._demand("(")
        whole = self._operand()
        self._demand(",")
        part = self._operand()
        self._demand(")")
        if not self._is_text(whole) or not self._is_text(part):
            raise self._error("string functions take text")
        return lambda values: whole.value(values) is not None and matches(whole.value(values), part.value(values))

    def _comparison(self) -> Test:
        left = self._operand()
        word = self._next()
        if word.text in REFUSED:
            raise OdataError(501, NOT_IMPLEMENTED, f"The operator {word.text} is not implemented.")
        if word.text not in COMPARISONS:
            raise self._error(f"expected a comparison, found {word.text!r}")
        right = self._operand()
        self._check(left, right)
        compare, ordered = COMPARISONS[word.text], word.text not in ("eq", "ne")

        def test(values: Values) -> bool:
            one, other = left.value(values), right.value(values)
            if ordered and (one is None or other is None):
                return False
            return compare(one, other)

        return test

    def _operand(self) -> Operand:
        piece = self._next()
        if piece.kind == "word" and self._peek().text == "(":
            return self._case(piece)
        if piece.kind == "word":
            return self._attribute(piece)
        if piece.kind == "mark":
            raise self._error(f"unexpected {piece.text!r}")
        return Operand(lambda values: piece.value, literal=piece)

    def _case(self, function: Token) -> Operand:
        if function.text in REFUSED or "/" in function.text:
            raise OdataError(501, NOT_IMPLEMENTED, f"The function {function.text} is not implemented.")
        if function.text not in CASES:
            raise self._error(f"unknown function {function.text!r}")
        change = CASES[function.text]
        self._demand("(")
        inner = self._operand()
        self._demand(")")
        if not self._is_text(inner):
            raise self._error(f"{function.text} takes text")

        def value(values: Values) -> Any:
            text = inner.value(values)
            return None if text is None else change(text)

        return Operand(value, attribute=inner.attribute, literal=inner.literal)

    def _attribute(self, piece: Token) -> Operand:
        if "/" in piece.text:
            raise OdataError(501, NOT_IMPLEMENTED, f"The path {piece.text} is not implemented in filters.")
        attribute = self._type.attribute(piece.text)
        if attribute is None:
            raise self._error(f"{self._type.name} has no attribute {piece.text}")
        if attribute.column == "Objstate" and not self._objstate:
            raise self._error("Objstate cannot be used in a filter")
        column = attribute.column
        return Operand(lambda values: values[column], attribute=attribute)

    def _check(self, left: Operand, right: Operand) -> None:
        for one, other in ((left, right), (right, left)):
            attribute, literal = one.attribute, other.literal
            if attribute is None or literal is None:
                continue
            members = self._enums.get(attribute.enum, ())
            if not literal.fits(attribute, namespace=self._namespace, members=members):
                edm = attribute.edm(self._namespace)
                raise self._error(f"{literal.text} cannot be compared with {attribute.name} of type {edm}")
        if left.attribute and right.attribute and left.attribute.kind != right.attribute.kind:
            raise self._error(f"{left.attribute.name} and {right.attribute.name} have different types")

    def _is_text(self, operand: Operand) -> bool:
        if operand.attribute is not None:
            return operand.attribute.kind == "text"
        return operand.literal is not None and operand.literal.kind == "text"

    def _peek(self, ahead: int = 0) -> Token:
        position = self._position + ahead
        return self._pieces[position] if position < len(self._pieces) else Token("end", "")

    def _next(self) -> Token:
        piece = self._peek()
        if piece.kind == "end":
            raise self._error("the filter ends too early")
        self._position += 1
        return piece

    def _accept(self, text: str) -> bool:
        piece = self._peek()
        if piece.kind in ("word", "mark") and piece.text == text:
            self._position += 1
            return True
        return False

    def _demand(self, text: str) -> None:
        if not self._accept(text):
            raise self._error(f"expected {text!r}, found {self._peek().text!r}")

    def expect_end(self) -> None:
        piece = self._peek()
        if piece.kind != "end":
            if piece.text in REFUSED:
                raise OdataError(501, NOT_IMPLEMENTED, f"The operator {piece.text} is not implemented.")
            raise self._error(f"unexpected {piece.text!r}")

    def _error(self, what: str) -> OdataError:
        return OdataError(400, BAD_QUERY, f"Invalid $filter: {what}.")

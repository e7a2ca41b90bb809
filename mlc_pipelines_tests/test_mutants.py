"""The mistakes that mutation testing makes: each changes what it says, and the list of survivors names real ones."""

import ast

import pytest

from benchmarks.mutants import explained, find
from benchmarks.mutations import mutations


def changed(source: str) -> dict[str, str]:
    """Every mistake in a source, and the source with it."""
    found = {}
    for number in range(len(mutations(ast.parse(source)))):
        tree = ast.parse(source)
        mutation = mutations(tree)[number]
        mutation.make()
        ast.fix_missing_locations(tree)
        compile(tree, "changed", "exec")
        found[mutation.change] = ast.unparse(tree)
    return found


@pytest.mark.parametrize(
    ("source", "mistakes"),
    [
        ("x = a < b", ["x = a <= b"]),
        ("if a == b: c()", ["if a != b: c()", "if a == b: pass"]),
        ("if a: return_(1)", ["if not a: return_(1)", "if a: pass", "if a: return_(2)"]),
        ("x = a and b", ["x = b", "x = a", "x = a or b"]),
        ("x = not a", ["x = a"]),
        ("x.y = -1", ["pass", "x.y = 1", "x.y = -2"]),
        ("x = {'a': 1, 'b': c}", ["x = {'a': 2, 'b': c}", "x = {'a': 1, 'b': None}"]),
        ("x = (A.b, A.c)", ["x = (A.c,)", "x = (A.b,)"]),
        ("x = f(a, b=True)", ["x = f(a, b=False)", "x = f(a)"]),
        ("x = q.where(a, b)", ["x = q", "x = q.where(b)", "x = q.where(a)"]),
        ("x = max(a, b)", ["x = min(a, b)", "x = max(b)", "x = max(a)"]),
        (
            "try: f()\nexcept A: g()",
            ["try: pass\nexcept A: g()", "try: f()\nexcept (): g()", "try: f()\nexcept A: pass"],
        ),
        ("def f():\n  'doc'\n  return x", ["def f():\n  'doc'\n  return None"]),
        ("for x in y:\n  if x: continue", ["for x in y:\n  if not x: continue", "for x in y:\n  if x: break"]),
        ("if a: raise E(f'{b} is not 1')", ["if not a: raise E(f'{b} is not 1')", "if a: pass"]),
        ("x: int | None = 3\nfrom a import b", ["x: int | None = 4\nfrom a import b"]),
    ],
)
def test_the_mistakes_are_those_a_person_makes(source: str, mistakes: list[str]) -> None:
    """Operators, conditions, constants, what is forgotten; never texts for people, docstrings or annotations."""
    assert sorted(changed(source).values()) == sorted(ast.unparse(ast.parse(mistake)) for mistake in mistakes)


def test_mistakes_have_names_of_their_own_and_know_their_lines() -> None:
    """The same mistake twice in a function is numbered, and each belongs to its statement."""
    source = "def f(a):\n  g(1)\n  g(\n    1)\n\nclass C:\n  n = 1"
    keys = {mutation.key: mutation.lines for mutation in mutations(ast.parse(source))}
    assert len(keys) == 5
    assert keys["f: g(1) → removed #2"] == keys["f: 1 in g(1) → 2 #2"] == range(3, 5)
    assert keys["C.n: 1 in n = 1 → 2"] == range(7, 8)


def test_every_survivor_that_is_explained_exists() -> None:
    """Whoever changes the line has to look at the explanation again."""
    assert explained() <= {mutant.key for mutant in find()}

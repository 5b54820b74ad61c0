"""Code is scored by its tests, and nothing that the code does can make a test pass but to do what is tested."""

# ruff: noqa: E501, ISC004 - hostile programs: one is one line, however long

from __future__ import annotations

import time
from typing import Any

import pytest

from tunebook.pipeline.rewards.library import unit_tests as module

both = pytest.mark.usefixtures("kind")
ADD = "def add(a, b):\n    return a + b"
TESTS = ["assert add(1, 2) == 3", "assert add(5, 5) == 10"]


@pytest.fixture(params=["bubblewrap", "landlock"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two sandboxes by itself."""
    monkeypatch.setattr(module, "sandbox_kind", lambda: request.param)
    return str(request.param)


def score(code: str, tests: Any, **row: Any) -> float | None:
    return module.unit_tests([code], tests=[tests], **{name: [value] for name, value in row.items()})[0]


RIGHT = {
    "a bare function": (ADD, TESTS),
    "a block in a sentence, after thinking": (
        f"<think>\n```\nno\n```\n</think>Here:\n```python\n{ADD}\n```\nDone.",
        TESTS,
    ),
    "HumanEval's check": (ADD, "def check(candidate):\n    assert candidate(1, 2) == 3\n"),
    "test functions that import": (ADD, "from solution import add\n\ndef test_it():\n    assert add(1, 2) == 3\n"),
    "a unittest class": (
        ADD,
        "import unittest\n\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(add(1, 2), 3)\n\n"
        "if __name__ == '__main__':\n    unittest.main()",
    ),
    "a class with state": (
        "class Stack:\n    def __init__(self): self.all = []\n    def push(self, x): self.all.append(x)\n"
        "    def pop(self): return self.all.pop()\n    def __len__(self): return len(self.all)",
        ["s = Stack()\ns.push(3)\nassert len(s) == 1\nassert s.pop() == 3", "assert isinstance(Stack(), Stack)"],
    ),
    "an exception of its own": (
        "class Odd(ValueError): pass\ndef half(x):\n    if x % 2: raise Odd('odd')\n    return x // 2",
        ["try:\n    half(3)\n    assert False\nexcept Odd as e:\n    assert 'odd' in str(e)", "assert half(4) == 2"],
    ),
    "functions as arguments and results": (
        "def twice(f): return lambda x: f(f(x))",
        ["assert twice(lambda x: x + 3)(4) == 10"],
    ),
    "a list changed in place": ("def tidy(x): x.sort()", ["a = [3, 1, 2]\ntidy(a)\nassert a == [1, 2, 3]"]),
    "a generator": ("def up(n):\n    yield from range(n)", ["assert list(up(3)) == [0, 1, 2]"]),
    "kinds of numbers and collections": (
        "from collections import Counter, namedtuple\ndef f(): return (2**5000, 1.5, {1, 2}, Counter('aab'), b'x', None, 1j)",
        ["assert f() == (2**5000, 1.5, {1, 2}, {'a': 2, 'b': 1}, b'x', None, 1j)"],
    ),
    "a module that only the answer imports": (
        "import math\ndef f(x): return math.sqrt(x)",
        ["assert math.isclose(f(4), 2)"],
    ),
    "lists of stdin and stdout": (
        "a, b = map(int, input().split())\nprint(a + b)",
        {"inputs": ["1 2", "3 4\n"], "outputs": ["3", "7\n"]},
    ),
    "pairs as JSON": ("print(int(input()) ** 2)\nexit()", '[{"input": "3", "output": "9"}]'),
}


@both
@pytest.mark.parametrize(("code", "tests"), RIGHT.values(), ids=RIGHT)
def test_right_code_has_all(code: str, tests: Any) -> None:
    assert score(code, tests) == 1.0


@both
def test_half_of_the_tests_is_half() -> None:
    assert score("def add(a, b):\n    return 3", TESTS) == 0.5
    assert score("print(3)", [{"input": "1 2", "output": "3"}, {"input": "3 4", "output": "7"}]) == 0.5


ANYTHING = (
    "class Anything:\n    def __eq__(s, o): return True\n    def __lt__(s, o): return True\n    __gt__ = __le__ = __ge__ = __lt__\n"
    "    def __sub__(s, o): return 0\n    def __contains__(s, o): return True\n    def __hash__(s): return 3\n"
    "    def __bool__(s): return False\n    def __getattr__(s, name): return lambda *a: True\n"
)
FORGED = {
    "leaves": "import sys\nsys.exit(0)",
    "leaves at once": "import os\nos._exit(0)",
    "leaves when called": "import os\ndef add(a, b): os._exit(0)",
    "leaves politely when called": "def add(a, b): raise SystemExit(0)",
    "claims it": "print('OK\\nall tests passed\\n1.0')\nimport os\nfor n in range(3, 20):\n    try: os.write(n, b'x 0 1\\nx 1 1\\nx end 2\\n')\n    except OSError: pass",
    "equal to anything": ANYTHING + "def add(a, b): return Anything()",
    "a class named as the function": ANYTHING.replace("Anything", "add").replace("class add:", "class add:\n    def __init__(s, a, b): pass"),
    "a number equal to anything": "class N(int):\n    def __eq__(s, o): return True\ndef add(a, b): return N(0)",
    "own builtins": "import builtins\nbuiltins.abs = lambda x: 0\ndef abs(x): return 0\ndef isinstance(*a): return True\ndef all(x): return True\ndef add(a, b): return -99",
    "own modules": "class math:\n    isclose = staticmethod(lambda *a: True)\ndef add(a, b): return -99",
    "ends loops early": "def add(a, b): raise StopIteration",
    "asserts nothing": "import sys\nclass AssertionError(Exception): pass\nsys.settrace(lambda *a: None)\ndef add(a, b): assert True",
    "walks frames": (
        "import sys, gc\ndef add(a, b):\n    f = sys._getframe()\n    while f:\n        for v in [*f.f_locals.values(), *f.f_globals.values()]:\n"
        "            if isinstance(v, dict) and ('tests' in v or 'nonce' in v): return 3 if a == 1 else 10\n        f = f.f_back\n"
        "    for o in gc.get_objects():\n        if isinstance(o, dict) and 'nonce' in o: return 3 if a == 1 else 10\n    return -99"
    ),
    "reads what its process was told": "import os, sys\ndef add(a, b):\n    told = open('/proc/self/cmdline').read() + str(sys.argv)\n    return a + b if '== 3' in told else -99",
    "speaks for the pipe": (
        "import sys\nw = sys.modules['__main__'].wire\nw.send({'public': {'__builtins__': {'value': {'d': [['abs', {'r': [0, 'function', True]}]]}},"
        " 'add': {'value': {'r': [0, 'function', True]}}}})\n"
        "while True:\n    w.receive()\n    w.send({'value': {'r': [0, 'function', True]}, 'args': []})"
    ),
    "asks the tests": (
        "import sys\nw = sys.modules['__main__'].wire\ndef add(a, b):\n    return w.ask({'asks': 'call', 'of': 0, 'args': []}).get('value', -99)"
    ),
}  # fmt: skip
HARD = [
    *TESTS,
    "assert abs(add(1, 2) - 3) < 1e-6",
    "assert not add(1, 2) - 3",
    "assert 2 < add(1, 2) < 4",
    "assert 3 in [add(1, 2)] and add(1, 2) in {3}",
    "import math\nassert math.isclose(add(1, 2), 3)",
    "assert all(one == two for one, two in zip(map(add, [1, 2], [2, 3]), [3, 5], strict=False))",
    "assert isinstance(add(1, 2), int)\nassert add(1, 2) == 3",
]


@both
@pytest.mark.parametrize("code", FORGED.values(), ids=FORGED)
def test_no_trick_passes_a_test(code: str) -> None:
    assert score(code, HARD) == 0.0


@both
def test_these_tests_can_be_passed() -> None:
    assert score(ADD, HARD) == 1.0


@both
def test_an_endless_loop_ends_and_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNIT_TESTS_SECONDS", 1)
    begun = time.monotonic()
    codes = ["while True: pass", ADD, "def add(a, b):\n    while True: pass", "import time\ntime.sleep(60)"]
    assert module.unit_tests(codes, tests=[TESTS] * 4) == [0.0, 1.0, 0.0, 0.0]
    assert time.monotonic() - begun < 8


@both
def test_a_gigabyte_of_output_is_cut_off() -> None:
    begun = time.monotonic()
    assert score("while True: print('x' * (1 << 20))", [{"input": "", "output": "x"}]) == 0.0
    assert score("def add(a, b):\n    for n in range(300): print('x' * (1 << 20))\n    return a + b", TESTS) == 1.0
    assert score("def add(a, b): return 'x' * (1 << 25)", TESTS) == 0.0
    assert time.monotonic() - begun < 12


@both
def test_a_program_never_sees_what_it_is_to_print() -> None:
    spy = "import sys, os, glob\nfor path in glob.glob('/proc/self/*') + glob.glob('*') + glob.glob('/tmp/*'):\n    try: print(open(path).read())\n    except Exception: pass\nfor n in range(20):\n    try: print(os.read(n, 9999))\n    except OSError: pass"
    assert score(spy, [{"input": "1", "output": "a secret"}]) == 0.0


@pytest.mark.parametrize(
    "code",
    [
        "",
        "def add(",
        "print(" * 1000,
        "x = 1\x00",
        "\ud800",
        "答案是三",
        "[" * 100_000,
        "import os; os.abort()",
        "raise MemoryError",
        "a = 'x' * 10**12",
    ],
)
def test_what_is_no_program_has_nothing(code: str) -> None:
    assert score(code, TESTS) == 0.0
    assert score(code, [{"input": "1", "output": "2"}]) == 0.0


@pytest.mark.parametrize(
    "tests", [None, [], "", {}, ["def ("], 7, ["x = 1", 3], [{"input": "1", "output": " "}], "x = (", "x = 1"]
)
def test_rows_without_tests_are_left_out(tests: Any) -> None:
    assert score(ADD, tests) is None


def test_without_a_sandbox_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "sandbox_kind", lambda: None)
    with pytest.raises(RuntimeError, match="Install bubblewrap"):
        score(ADD, TESTS)


def test_the_columns_of_a_row_say_how() -> None:
    assert (
        score(
            "def g(x): return x\ndef f(x): return -x",
            "def check(candidate):\n    assert candidate(1) == 1",
            entry_point="g",
        )
        == 1.0
    )
    assert score(ADD, ["assert floor(add(1, 0.5)) == 1"], test_imports=["from math import floor"]) == 1.0

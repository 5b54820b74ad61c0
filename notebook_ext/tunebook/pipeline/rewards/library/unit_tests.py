"""unit_tests: code that passes its tests, run in a sandbox.

The answer and its tests never share a process. The tests run in one sandbox and call the answer, which runs in another,
through a pipe that carries plain values: the answer sees the arguments of each call and nothing else, neither the tests
nor what they expect. So nothing that it does to its own process (leave, print, patch, walk frames) can make a test pass.
Programs that read stdin get one sandbox for each pair of input and output, and the output is compared out here.
"""

import ast
import json
import os
import re
import secrets
import selectors
import socket
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tunebook.pipeline.rewards.library.said import answer_part, said
from tunebook.pipeline.rewards.library.sandbox import sandbox_end, sandbox_kind, sandboxed

UNIT_TESTS_SECONDS = 6  # for all tests of an answer together
UNIT_TESTS_OUTPUT = 1 << 20  # bytes that a program may print
UNIT_TESTS_MOST = 100  # pairs of input and output that are tried
UNIT_TESTS_COLUMNS = (
    "tests", "test", "test_list", "unit_tests", "test_cases", "test_case", "private_tests", "public_tests", "examples",
    "input_output",
)  # fmt: skip

#: Both ends of the pipe. Values of exactly these types are copied; of anything else the other side gets a reference.
_WIRE = r"""
import json
class Wire:
    def __init__(self, number):
        self.reader, self.writer = open(number, "rb", closefd=False), open(number, "wb", closefd=False)
        self.mine, self.ids = [], {}
    def send(self, message):
        self.writer.write(json.dumps(message).encode() + b"\n")
        self.writer.flush()
    def receive(self):
        line = self.reader.readline(16 << 20)
        if not line.endswith(b"\n"):
            raise EOFError("the other side has ended")
        return json.loads(line)
    def ask(self, message):
        self.send(message)
        while True:
            answer = self.receive()
            if "asks" not in answer:
                return answer
            self.send(self.serve(answer))
    def reference(self, value, more):
        if id(value) not in self.ids:
            self.ids[id(value)] = len(self.mine)
            self.mine.append(value)
        return {"r": [self.ids[id(value)], *more]}
    def pack(self, value):
        kind = self.kind(value)
        if value is None or kind is bool or kind is str:
            return kind(value) if kind is not type(None) else None
        if kind is int:
            return int(value) if -(1 << 53) < value < 1 << 53 else {"i": hex(value)}
        if kind is float:
            return float(value) if value == value and abs(value) != float("inf") else {"f": repr(float(value))}
        if kind is list:
            return [self.pack(one) for one in value]
        if kind in (tuple, set, frozenset):
            return {kind.__name__[0] if kind is not frozenset else "z": [self.pack(one) for one in value]}
        if kind is dict:
            return {"d": [[self.pack(key), self.pack(one)] for key, one in value.items()]}
        if kind in (bytes, bytearray):
            return {"b": bytes(value).hex()}
        if kind is complex:
            return {"c": [value.real, value.imag]}
        return self.other(value)
    def unpack(self, value):
        if isinstance(value, list):
            return [self.unpack(one) for one in value]
        if not isinstance(value, dict):
            return value
        (tag, inner), = value.items()
        if tag == "i":
            return int(inner, 16)
        if tag == "f":
            return float(inner)
        if tag in "tsz":
            return {"t": tuple, "s": set, "z": frozenset}[tag](self.unpack(one) for one in inner)
        if tag == "d":
            return {self.unpack(key): self.unpack(one) for key, one in inner}
        if tag == "b":
            return bytes.fromhex(inner)
        if tag == "c":
            return complex(*inner)
        if tag == "o":
            return self.mine[inner]
        return self.known(*inner)
"""

#: Runs the answer and does what it is asked. Nothing here is trusted: it is in the answer's hands.
_ANSWER = r"""
import sys, types
PLAIN = (bool, int, float, str, list, tuple, set, frozenset, dict, bytes, bytearray, complex)
class Theirs:
    def __init__(self, number):
        self.number = number
    def __call__(self, *args):
        answer = wire.ask({"asks": "call", "of": self.number, "args": [wire.pack(one) for one in args]})
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return wire.unpack(answer["value"])
class Answer(Wire):
    known = staticmethod(Theirs)
    def kind(self, value):
        return next((kind for kind in PLAIN if isinstance(value, kind)), type(value))
    def other(self, value):
        if isinstance(value, Theirs):
            return {"o": value.number}
        if hasattr(value, "tolist"):
            return self.pack(value.tolist())
        return self.reference(value, [type(value).__name__, callable(value)])
    def serve(self, message):
        try:
            args = [self.unpack(one) for one in message.get("args", [])]
            words = {name: self.unpack(one) for name, one in message.get("words", {}).items()}
            value = self.mine[message["of"]]
            result = DOES[message["asks"]](value, *args, **words)
            changed = [self.pack(one) if type(one) in (list, dict, set) else None for one in args]
            return {"value": self.pack(result), "args": changed}
        except BaseException as error:
            return {"error": str(error)[:500], "kinds": [kind.__name__ for kind in type(error).__mro__]}
import operator
DOES = {name: getattr(operator, name) for name in
    "eq ne lt le gt ge add sub mul truediv floordiv mod neg getitem setitem delitem".split()}
DOES |= {"call": lambda of, *args, **words: of(*args, **words), "get": getattr, "set": setattr, "len": len, "iter": iter,
    "next": next, "str": str, "repr": repr, "bool": bool, "hash": hash, "isinstance": lambda of, value: isinstance(value, of)}
wire = Answer(job["wire"])
module = types.ModuleType("answer")
sys.modules["answer"] = module
try:
    exec(compile(job["code"], "answer.py", "exec"), module.__dict__)
    public, order = {}, []
    for name, value in list(module.__dict__.items()):
        if name.startswith("__") or isinstance(value, types.ModuleType):
            continue
        if isinstance(value, type) and issubclass(value, BaseException):
            public[name] = {"exception": [kind.__name__ for kind in value.__mro__]}
        else:
            public[name] = {"value": wire.pack(value)}
    wire.send({"public": public})
except BaseException as error:
    wire.send({"error": repr(error)[:500]})
while True:
    wire.send(wire.serve(wire.receive()))
"""

#: Runs the tests. The answer's functions are proxies here. What a proxy says is believed only where the answer does not
#: thereby judge itself: an object of its own is never equal to a plain value, nor less, nor does it contain one.
_TESTS = r"""
import ast, builtins, sys, types
class Refused(TypeError):
    pass
class Proxy:
    def __init__(self, number, kind, calls):
        self.__dict__.update(_number=number, _kind=kind, _mixed=False)
    def _ask(self, what, *args, **words):
        message = {"asks": what, "of": self._number, "args": [wire.pack(one) for one in args]}
        if words:
            message["words"] = {name: wire.pack(one) for name, one in words.items()}
        answer = wire.ask(message)
        if "error" in answer:
            raise made(answer["kinds"], answer["error"], what)
        for old, new in zip(args, answer.get("args", [])):
            changed = wire.unpack(new)
            if type(old) is type(changed) and old != changed:
                if type(old) is list:
                    old[:] = changed
                else:
                    old.clear()
                    old.update(changed)
        return wire.unpack(answer["value"])
    def _named(self):
        if self._kind not in named and self._kind not in ("type", "ABCMeta", "EnumType", "EnumMeta", "function", "method"):
            raise Refused("an object of a class that the tests do not name: " + self._kind)
        return self
    def __call__(self, *args, **words):
        return self._ask("call", *args, **words)
    def __getattr__(self, name):
        if name.startswith("__") and name not in ("__name__", "__doc__"):
            raise AttributeError(name)
        return self._named()._ask("get", name)
    def __setattr__(self, name, value):
        self._named()._ask("set", name, value)
    def __eq__(self, other):
        return isinstance(other, Proxy) and (self._number == other._number or self._named()._ask("eq", other) is True)
    def __ne__(self, other):
        return not self == other
    def __hash__(self):
        return self._named()._ask("hash")
    def __bool__(self):
        if self._mixed:
            raise Refused("the truth of an operation with a plain value")
        return bool(self._ask("bool"))
    def __len__(self):
        return self._ask("len")
    def __iter__(self):
        return self._ask("iter")
    def __next__(self):
        return self._ask("next")
    def __str__(self):
        return self._named()._ask("str")
    def __repr__(self):
        return self._named()._ask("repr")
    def __getitem__(self, key):
        return self._named()._ask("getitem", key)
    def __setitem__(self, key, value):
        self._named()._ask("setitem", key, value)
    def __delitem__(self, key):
        self._named()._ask("delitem", key)
    def __contains__(self, value):
        return any(one == value for one in self)
    def __instancecheck__(self, value):
        return isinstance(value, Proxy) and self._ask("isinstance", value) is True
    def __neg__(self):
        return self._own(self._named()._ask("neg"), self)
    def _own(self, result, other):
        if not isinstance(other, Proxy):
            if not isinstance(result, Proxy):
                raise Refused("a plain value out of an operation with a plain value")
            result.__dict__["_mixed"] = True
        return result
def operation(what, own):
    def do(self, other):
        if not own and not isinstance(other, Proxy):
            return NotImplemented
        return self._own(self._named()._ask(what, other), other)
    return do
for what in "add sub mul truediv floordiv mod".split():
    setattr(Proxy, "__%s__" % what, operation(what, True))
for what in "lt le gt ge".split():
    setattr(Proxy, "__%s__" % what, operation(what, False))
class Tests(Wire):
    proxies = {}
    def kind(self, value):
        return type(value)
    def known(self, number, kind, calls):
        return self.proxies.setdefault(number, Proxy(number, kind, calls))
    def other(self, value):
        if isinstance(value, Proxy):
            return {"o": value._number}
        if callable(value):
            return self.reference(value, [])
        if hasattr(value, "__next__") or isinstance(value, (range, type({}.keys()), type({}.values()), type({}.items()))):
            return [self.pack(one) for one in value]
        raise TypeError("%s cannot be handed over" % type(value).__name__)
    def serve(self, message):
        try:
            value = self.mine[message["of"]](*[self.unpack(one) for one in message["args"]])
            return {"value": self.pack(value)}
        except Exception as error:
            return {"error": str(error)[:500]}
def made(kinds, text, what=""):
    for kind in kinds:
        if kind in ("StopIteration", "StopAsyncIteration") and what != "next":
            break  # it would end a loop of the tests before they have looked at everything
        known = exceptions.get(kind) or getattr(builtins, kind, None)
        if isinstance(known, type) and issubclass(known, Exception):
            return known(text)
    return RuntimeError(text)
def passed(code):
    try:
        exec(code, names)
        return True
    except BaseException:
        return False
def called(function, *args):
    try:
        function(*args)
        return True
    except BaseException:
        return False
def verdict(number, what):
    os.write(job["verdicts"], ("%s %s %s\n" % (job["nonce"], number, what)).encode())
wire, exceptions, names = Tests(job["wire"]), {}, {"__name__": "tests"}
setup, tests = job["setup"], job["tests"]
trees = []
for text in tests:
    tree = ast.parse(text)
    for part in tree.body if job["apart"] else [tree]:
        trees.append(part if job["apart"] else tree)
named = {part.id for tree in trees for part in ast.walk(tree) if isinstance(part, ast.Name)}
named |= {alias.name for tree in trees for part in ast.walk(tree) if isinstance(part, ast.ImportFrom) for alias in part.names}
named |= {part.attr for tree in trees for part in ast.walk(tree) if isinstance(part, ast.Attribute)}
first = wire.receive()
public, functions = first.get("public"), []
if public is None:
    raise SystemExit
for name, what in public.items():
    if name.startswith("__") or hasattr(builtins, name) or name in sys.stdlib_module_names:
        continue
    if "exception" in what:
        base = made(what["exception"][1:], "")
        names[name] = exceptions[name] = type(name, (type(base),), {})
    else:
        names[name] = wire.unpack(what["value"])
        if isinstance(names[name], Proxy) and names[name]._kind == "function":
            functions.append(name)
for name in sys.stdlib_module_names & (named | set(job["modules"])):
    if name in job["modules"]:
        names[name] = __import__(name)
for name in ("solution", "answer", "main", "your_module"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__dict__.update(names)
passed(setup)
own = set(names)
def checks(part):
    return any(isinstance(one, (ast.Assert, ast.Raise)) for one in ast.walk(part))
steps = []
for part in trees:
    if not job["apart"]:
        steps.append((compile(part, "tests", "exec"), True))
    elif isinstance(part, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)):
        steps.append((compile(ast.Module([part], []), "tests", "exec"), False))
    else:
        main = isinstance(part, ast.If) and "__main__" in ast.unparse(part.test)
        if not main:
            steps.append((compile(ast.Module([part], []), "tests", "exec"), checks(part) or isinstance(part, ast.Expr)))
defined = [part for part in trees if isinstance(part, ast.FunctionDef)] if job["apart"] else []
for text in [] if job["apart"] else tests:
    defined += [part for part in ast.parse(text).body if isinstance(part, ast.FunctionDef)]
cases = [part for part in trees if isinstance(part, ast.ClassDef) and "TestCase" in ast.unparse(part)]
alone = [part.name for part in defined if part.name.startswith("test") and not part.args.args]
check = any(part.name == "check" and len(part.args.args) == 1 for part in defined)
said_itself = any(isinstance(part, ast.Expr) and ast.unparse(part).startswith("check(") for part in trees)
counted = [step for step in steps if step[1]]
methods = [(case.name, part.name) for case in cases for part in case.body
    if isinstance(part, ast.FunctionDef) and part.name.startswith("test")]
check = check and not said_itself
verdict("of", (len(counted) if counted or job["apart"] else 0) + len(alone) + len(methods) + check)
number = 0
for code, counts in steps:
    right = passed(code)
    if counts:
        verdict(number, int(right))
        number += 1
for name in alone:
    verdict(number, int(name in names and called(names[name])))
    number += 1
for case, name in methods:
    def run():
        import unittest
        result = unittest.TestResult()
        names[case](name).run(result)
        assert result.wasSuccessful() and result.testsRun == 1 and not result.skipped
    verdict(number, int(called(run)))
    number += 1
if check:
    entry = job["entry"] or (functions[-1] if functions else "")
    verdict(number, int(isinstance(names.get(entry), Proxy) and called(names["check"], names[entry])))
    number += 1
verdict("end", number)
"""

_PROGRAM = r"""
import sys
code = job["code"]
del job
exec(compile(code, "answer.py", "exec"), {"__name__": "__main__", "__builtins__": __builtins__})
"""


def unit_tests(completions: list[Any], **kwargs: Any) -> list[float | None]:
    """The share of the row's tests that the answer's code passes: 1.0 if all do, 0.0 if none does.

    The code is the last ``` block, or all that is said. Tests are in a column such as `tests`: a list of assertions, code
    (assertions, test functions, unittest classes, or HumanEval's `check`), or pairs of stdin and stdout. None where the
    row has no tests. Raises RuntimeError where there is no sandbox: model-written code is never run outside one.
    """
    kind = sandbox_kind()
    if kind is None:
        raise RuntimeError("unit_tests: no sandbox works here. Install bubblewrap, or use a kernel with Landlock.")
    columns = [name for name in UNIT_TESTS_COLUMNS if name in kwargs]

    def scored(number: int) -> float | None:
        row = {
            name: values[number] for name, values in kwargs.items() if isinstance(values, list) and number < len(values)
        }
        tests = next((row[name] for name in columns if row.get(name)), None)
        return None if tests is None else _share(_code(answer_part(said(completions[number]))), tests, row, kind)

    with ThreadPoolExecutor(max_workers=max(1, min(8, os.cpu_count() or 1))) as several:
        return list(several.map(scored, range(len(completions))))


def _code(text: str) -> str:
    blocks = re.findall(r"```(?:python|py)?[ \t]*\r?\n(.*?)(?:```|\Z)", text, re.DOTALL | re.IGNORECASE)
    return str(blocks[-1]) if blocks else text


def _share(code: str, tests: Any, row: dict[str, Any], kind: str) -> float | None:
    pairs = test_pairs(tests)
    try:
        compile(code, "answer.py", "exec")
        code.encode()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 0.0
    if pairs:
        pairs = pairs[:UNIT_TESTS_MOST]
        until = time.monotonic() + UNIT_TESTS_SECONDS
        right = sum(time.monotonic() < until and _printed(code, *pair, kind, until) for pair in pairs)
        return right / len(pairs)
    texts = [tests] if isinstance(tests, str) else tests
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return None
    try:
        for text in texts:
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # the row's own fault
    return _tested(code, texts, isinstance(tests, str), row, kind)


def test_pairs(tests: Any) -> list[tuple[str, str]]:
    """(stdin, stdout) of each test, from lists of both, or from a list of objects with both; or from such JSON."""
    if isinstance(tests, str):
        try:
            tests = json.loads(tests)
        except (ValueError, RecursionError):
            return []
    if isinstance(tests, dict):
        given, wanted = (tests.get(f"{name}s") or tests.get(name) for name in ("input", "output"))
        tests = [{"input": one, "output": two} for one, two in zip(given or [], wanted or [], strict=False)]
    if not isinstance(tests, list) or not tests or not all(isinstance(test, dict) for test in tests):
        return []
    joined = [
        [_text(test.get(name, test.get(other))) for name, other in (("input", "stdin"), ("output", "stdout"))]
        for test in tests
    ]
    return [(given, wanted) for given, wanted in joined if wanted.strip()]  # to print nothing is no task


def _text(value: Any) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _printed(code: str, given: str, wanted: str, kind: str, until: float) -> bool:
    """Whether the program prints what is wanted, spaces at the ends of lines aside."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as stdin:
        stdin.write(json.dumps(code).encode() + b"\n" + given.encode(errors="replace"))
        stdin.seek(0)
        head = 'import io\nline = b""\nwhile not line.endswith(b"\\n"): line += os.read(0, 1)\njob = {"code": json.loads(line)}\n'
        process = sandboxed(
            head + _PROGRAM, kind, folder, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        output = _output(process, until)
    lines = [
        [line.rstrip() for line in text.strip().splitlines()] for text in (output.decode(errors="replace"), wanted)
    ]
    return lines[0] == lines[1]


def _output(process: "subprocess.Popen[bytes]", until: float) -> bytes:
    """What a process prints until it ends, the time is over, or it has printed too much."""
    assert process.stdout is not None
    output = b""
    with selectors.DefaultSelector() as waiting, process.stdout:
        waiting.register(process.stdout, selectors.EVENT_READ)
        while len(output) <= UNIT_TESTS_OUTPUT and (left := until - time.monotonic()) > 0:
            if waiting.select(left):
                part = os.read(process.stdout.fileno(), 1 << 16)
                if not part:
                    break
                output += part
    sandbox_end(process)
    return output if len(output) <= UNIT_TESTS_OUTPUT else b""


def _tested(code: str, tests: list[str], apart: bool, row: dict[str, Any], kind: str) -> float | None:
    """The share of tests that pass, as the process of the tests counts them."""
    nonce = secrets.token_hex(16)
    setup = row.get("test_imports") or row.get("test_setup_code") or ""
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    job = {
        "tests": tests,
        "apart": apart,
        "setup": _text(setup),
        "entry": str(row.get("entry_point") or ""),
        "nonce": nonce,
    }
    job |= {"wire": ours.fileno(), "verdicts": writing, "modules": _modules(code)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = []
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        try:
            for body, what, folder, fds in (
                (_WIRE + _ANSWER, {"code": code, "wire": theirs.fileno()}, first, [theirs.fileno()]),
                (_WIRE + _TESTS, job, second, [ours.fileno(), writing]),
            ):
                with tempfile.TemporaryFile() as stdin:
                    stdin.write(json.dumps(what).encode())
                    stdin.seek(0)
                    program = "job = json.load(sys.stdin)\n" + body
                    started.append(
                        sandboxed(program, kind, folder, cpu=UNIT_TESTS_SECONDS, fds=fds, stdin=stdin, **quiet)
                    )
            for mine in (ours, theirs):
                mine.close()
            os.close(writing)
            lines = _verdicts(reading, time.monotonic() + UNIT_TESTS_SECONDS)
        finally:
            for process in started:
                sandbox_end(process)
            os.close(reading)
    found = {words[1]: words[2] for words in map(str.split, lines) if len(words) == 3 and words[0] == nonce}
    if "of" not in found:
        return 0.0  # the code could not even be loaded
    total = int(found["of"])
    return sum(found.get(str(number)) == "1" for number in range(total)) / total if total else None


def _verdicts(reading: int, until: float) -> list[str]:
    output = b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(reading, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0 and len(output) < UNIT_TESTS_OUTPUT and b" end " not in output:
            if waiting.select(left):
                part = os.read(reading, 1 << 16)
                if not part:
                    break
                output += part
    return output.decode(errors="replace").splitlines()


def _modules(code: str) -> list[str]:
    """Modules that the answer imports whole: tests may count on `math` being there, and get the real one."""
    parts = [part for part in ast.walk(ast.parse(code)) if isinstance(part, ast.Import)]
    return sorted(
        {alias.name for part in parts for alias in part.names if alias.asname is None and "." not in alias.name}
    )

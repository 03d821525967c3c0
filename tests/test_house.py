"""The rules of the house: sizes, shapes, layers, and who may touch what; every check can fail."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from tests.rooms import (
    DJANGOS,
    FOLDERS,
    FORBIDDEN_NAMES,
    LAYERS,
    PLACES,
    ROOMS,
    VERBS,
    VERBS_LAYER,
)

ROOT = Path(__file__).resolve().parents[1]
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
STATE_WRITER = "posting/models/result.py"
DOMAIN_ENDINGS = "providers/kit/text.py"  # holds every one, and some are brands
SECRET = re.compile(r"token|secret|password|verifier|private_key")


@dataclass(frozen=True)
class Module:
    """One Python file of the house."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text)

    @cached_property
    def name(self) -> str:
        """The dotted name under which the file is imported."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def parts(self) -> tuple[str, ...]:
        """The dotted name, taken apart."""
        return tuple(self.name.split("."))

    @property
    def is_network(self) -> bool:
        """Whether this is an adapter or a twin: the only files that may name their network."""
        return self.parts[0] in ("providers", "sandbox") and len(self.parts) == 2

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def imports(self) -> Iterator[str]:
        """Every name that is imported: `a.b` for both `import a.b` and `from a import b`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    up = self.parts if self.path.endswith("__init__.py") else self.parts[:-1]
                    base = ".".join((*up[: len(up) - node.level + 1], base)).strip(".")
                yield from (f"{base}.{alias.name}" for alias in node.names)


Check = Callable[[Module], Iterator[str]]


def house() -> list[Module]:
    """Every Python file but the migrations, which Django writes."""
    paths = [p for place in PLACES for p in sorted((ROOT / place).rglob("*.py"))]
    kept = (p.relative_to(ROOT) for p in [ROOT / "manage.py", *paths])
    return [Module(str(p), (ROOT / p).read_text()) for p in kept if "migrations" not in p.parts]


def networks() -> tuple[str, ...]:
    """The names of the networks, read from the names of the adapters' and twins' files."""
    files = [p for place in ("providers", "sandbox") for p in (ROOT / place).glob("*.py")]
    return tuple(sorted({p.stem for p in files if not p.stem.startswith("__")}))


HOUSE = house()
NETWORKS = networks()


# --- sizes and shapes ---------------------------------------------------------------------------
def small_files(module: Module) -> Iterator[str]:
    """Files have at most 400 lines, adapters 300, twins 250."""
    most = (
        {"providers": 300, "sandbox": 250}.get(module.parts[0], 400) if module.is_network else 400
    )
    lines = len(module.text.splitlines())
    if lines > most:
        yield f"{module.path} has {lines} lines, {most} are allowed: split it by noun"


def small_functions(module: Module) -> Iterator[str]:
    """Functions have at most 40 lines, views 25."""
    most = 25 if module.parts[-1] == "views" else 40
    for function in module.functions():
        lines = (function.end_lineno or 0) - function.lineno + 1
        if lines > most:
            yield f"{module.path}:{function.lineno} {function.name} has {lines} lines, not {most}"


def purposes(module: Module) -> Iterator[str]:
    """A module's first line says its purpose in one sentence; only an empty file may be silent."""
    said = (ast.get_docstring(module.tree) or "").split("\n")[0]
    if module.text.strip() and not said.endswith((".", "!", "?", ":")):
        yield f"{module.path} does not begin with a sentence that says its purpose"


def return_types(module: Module) -> Iterator[str]:
    """Every function says what it returns."""
    for function in module.functions():
        if function.returns is None:
            yield f"{module.path}:{function.lineno} {function.name} has no return type"


def imports_on_top(module: Module) -> Iterator[str]:
    """No import hides in a function."""
    for function in module.functions():
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield f"{module.path}:{node.lineno} imports inside {function.name}"


def nothing_unfinished(module: Module) -> Iterator[str]:
    """What is not done is not written down in the code."""
    for number, line in enumerate(module.text.splitlines(), 1):
        if UNFINISHED.search(line):
            yield f"{module.path}:{number} is marked as unfinished"


def named_after_verbs(module: Module) -> Iterator[str]:
    """No file is named after a layer."""
    for part in FORBIDDEN_NAMES.intersection(module.parts):
        yield f"{module.path} is named {part}: name it after what it does"


# --- who may touch what -------------------------------------------------------------------------
def may_import(package: str, allowed: str, *, within: tuple[str, ...] = ROOMS) -> Check:
    """A check that only paths matching `allowed`, inside the rooms `within`, import a package."""

    def check(module: Module) -> Iterator[str]:
        mine = module.parts[0] in within and not re.fullmatch(allowed, module.path)
        if mine and package in {name.split(".")[0] for name in module.imports()}:
            yield f"{module.path} imports {package}, which only {allowed} may"

    check.__name__ = f"only_some_import_{package}"
    return check


def tasks_in_workers(module: Module) -> Iterator[str]:
    """Celery tasks live in workers/ only."""
    if module.parts[0] in ROOMS and module.parts[0] != "workers":
        names = {n.id for n in ast.walk(module.tree) if isinstance(n, ast.Name)}
        if "shared_task" in names:
            yield f"{module.path} defines a Celery task: that belongs into workers/"


def keywords(module: Module, function: str) -> Iterator[tuple[ast.Call, set[str]]]:
    """Every call of something named so, with the names of its keywords."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if re.fullmatch(function, name):
                yield node, {k.arg for k in node.keywords if k.arg}


def no_choices_of_networks(module: Module) -> Iterator[str]:
    """A new network needs no migration: the provider column has no choices."""
    columns = {
        node.value: node.targets[0] if isinstance(node, ast.Assign) else node.target
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value
    }
    for call, names in keywords(module, r"\w+Field"):
        target = columns.get(call)
        if isinstance(target, ast.Name) and "provider" in target.id and "choices" in names:
            yield f"{module.path}:{call.lineno} gives the column {target.id} choices"


def one_writer_of_state(module: Module) -> Iterator[str]:
    """The state of a result is written by one function, which knows the allowed moves."""
    watched = module.parts[0] in ROOMS and module.parts[0] not in ("tokens", "providers")
    if not watched or module.path == STATE_WRITER:
        return
    for call, names in keywords(module, "update|update_or_create|bulk_update"):
        if "state" in names:
            yield f"{module.path}:{call.lineno} updates a state past the table of moves"
    for node in ast.walk(module.tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        assigns = isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
        if assigns and any(isinstance(t, ast.Attribute) and t.attr == "state" for t in targets):
            yield f"{module.path}:{getattr(node, 'lineno', 0)} assigns a state directly"


def secrets_unseen(module: Module) -> Iterator[str]:
    """A text field of a dataclass that holds a secret is not shown by repr()."""
    for owner in ast.walk(module.tree):
        if not isinstance(owner, ast.ClassDef):
            continue
        if not any("dataclass" in ast.unparse(d) for d in owner.decorator_list):
            continue
        for line in owner.body:
            if not isinstance(line, ast.AnnAssign) or ast.unparse(line.annotation) != "str":
                continue
            name, value = ast.unparse(line.target), ast.unparse(line.value) if line.value else ""
            if SECRET.search(name) and "repr=False" not in value:
                yield f"{module.path}:{line.lineno} shows {owner.name}.{name} in its repr()"


def documentation(tree: ast.Module) -> set[ast.AST]:
    """The strings that stand alone: docstrings, which may name whom they like."""
    return {n.value for n in ast.walk(tree) if isinstance(n, ast.Expr)}


def names_no_network(module: Module, known: tuple[str, ...] = NETWORKS) -> Iterator[str]:
    """A network is two files that alone name it; but Celery's pool of threads is called so too."""
    own = module.is_network and module.parts[1] in known
    if own or module.parts[0] not in (*ROOMS, "sandbox") or module.path == DOMAIN_ENDINGS:
        return
    for name in module.imports():
        if re.match(rf"(providers|sandbox)\.({'|'.join(known)})(\.|$)", name):
            yield f"{module.path} imports {name}"
    long = [name for name in known if len(name) > 3]
    word = re.compile(rf"^(.*[./:])?({'|'.join(known)})$" + "".join(rf"|\b{n}\b" for n in long))
    said = documentation(module.tree)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in said:
            found = word.search(node.value) or (node.value.lower() in long)
            if found and (module.path, node.value) != ("workers/queues.py", "threads"):
                yield f"{module.path}:{node.lineno} names a network: {node.value[:60]!r}"


def networks_apart(module: Module) -> Iterator[str]:
    """No adapter knows another, and no twin knows another: only their kit."""
    if module.is_network and module.parts[1] in NETWORKS:
        for name in module.imports():
            head = name.split(".")
            if head[0] in ("providers", "sandbox") and head[:2] != [module.parts[0], "kit"]:
                yield f"{module.path} imports {name}: an adapter knows only providers.kit"


def layers(module: Module) -> Iterator[str]:
    """Inside a room: urls › views|api|admin › forms › verbs › models › states; nothing else."""
    room = module.parts[0]
    if room not in VERBS or len(module.parts) < 2 or module.parts[1] in DJANGOS:
        return
    mine = rank(room, module.parts[1])
    if mine is None or len(module.parts) > 2 + (module.parts[1] in FOLDERS):
        yield f"{module.path} is no part of the house: name it after its verb and list it here"
        return
    for name in module.imports():
        head = name.split(".")
        other = rank(room, head[1]) if head[0] == room and len(head) > 1 else None
        if other is None or module.parts[1] == "apps":
            continue
        beside = other == mine and mine != VERBS_LAYER and head[1] != module.parts[1]
        if other < mine or beside:
            yield f"{module.path} imports {name}, which stands above or beside it"


def rank(room: str, name: str) -> int | None:
    """How deep a module stands in its room; None if the house does not know it."""
    for depth, names in enumerate(LAYERS):
        if name in names:
            return depth
    return VERBS_LAYER if name in VERBS[room].split() else None


def circles(modules: list[Module]) -> Iterator[str]:
    """No module imports, over however many others, itself."""
    known = {module.name for module in modules}
    graph = {
        m.name: {target for name in m.imports() for target in resolved(name, known)}
        for m in modules
    }
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> Iterator[str]:
        if name in way:
            yield "a circle of imports: " + " → ".join((*way[way.index(name) :], name))
        elif name not in done:
            for other in sorted(graph[name] - {name}):
                yield from walk(other, (*way, name))
            done.add(name)

    for name in sorted(graph):
        yield from walk(name, ())


def resolved(name: str, known: set[str]) -> Iterator[str]:
    """The module that an import means: the thing itself, or the module that holds it."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    if name:
        yield name


REQUESTS = may_import("requests", r"providers/kit/(http|sockets)\.py", within=("providers",))
CRYPTOGRAPHY = may_import("cryptography", r"tokens/vault\.py")
CELERY = may_import("celery", r"(workers/.*|project/(__init__|celery|health|tracker)\.py)")
TRACKER = may_import("sentry_sdk", r"project/tracker\.py")
CHECKS: tuple[Check, ...] = (
    small_files, small_functions, purposes, return_types, imports_on_top, nothing_unfinished,
    named_after_verbs, REQUESTS, CRYPTOGRAPHY, CELERY, TRACKER, tasks_in_workers,
    no_choices_of_networks, one_writer_of_state, secrets_unseen, names_no_network,
    networks_apart, layers,
)  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_house_keeps_its_rules(check: Check) -> None:
    assert [complaint for module in HOUSE for complaint in check(module)] == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert list(circles(HOUSE)) == []


# --- each check can fail ------------------------------------------------------------------------
PURPOSE = '"""Does a thing."""\n'
TALL = "def tall() -> None:\n" + "    print()\n" * 40
WIDE = "def wide() -> None:\n" + "    print()\n" * 25
A_NETWORK = NETWORKS[0] if NETWORKS else "x"
BAD: tuple[tuple[Check, str, str], ...] = (
    (small_files, "posting/compose.py", "\n" * 401),
    (small_files, "providers/x.py", "\n" * 301),
    (small_files, "sandbox/x.py", "\n" * 251),
    (small_functions, "posting/compose.py", TALL),
    (small_functions, "posting/views.py", WIDE),
    (purposes, "posting/compose.py", "import os\n"),
    (return_types, "posting/compose.py", "def f():\n    return 1\n"),
    (return_types, "posting/compose.py", "class A:\n    async def f(self):\n        return 1\n"),
    (imports_on_top, "posting/compose.py", "def f() -> None:\n    if f:\n        import os\n"),
    (nothing_unfinished, "posting/compose.py", "# TO" + "DO: later\n"),
    (named_after_verbs, "posting/helpers.py", PURPOSE),
    (named_after_verbs, "posting/utils/text.py", PURPOSE),
    (REQUESTS, "providers/x.py", "from requests import get\n"),
    (CRYPTOGRAPHY, "tokens/connect.py", "from cryptography.fernet import Fernet\n"),
    (CELERY, "posting/compose.py", "import celery.app\n"),
    (TRACKER, "project/settings.py", "import sentry_sdk\n"),
    (tasks_in_workers, "posting/compose.py", "@shared_task\ndef f() -> None: ...\n"),
    (no_choices_of_networks, "posting/models.py", "provider = models.CharField(choices=ALL)\n"),
    (one_writer_of_state, "workers/retry.py", "results.filter(pk=1).update(state='posted')\n"),
    (one_writer_of_state, "posting/compose.py", "result.state = 'posted'\n"),
    (secrets_unseen, "providers/kit/a.py", "@dataclass(frozen=True)\nclass A:\n    token: str\n"),
    (names_no_network, "posting/rules.py", f"if provider == {A_NETWORK!r}: pass\n"),
    (names_no_network, "posting/rules.py", f"from providers.{A_NETWORK} import Limits\n"),
    (names_no_network, "workers/queues.py", f"QUEUE = 'publish.{A_NETWORK}'\n"),
    (networks_apart, f"providers/{A_NETWORK}.py", "from providers.other import Other\n"),
    (networks_apart, f"sandbox/{A_NETWORK}.py", "from providers.kit import text\n"),
    (layers, "posting/chores.py", PURPOSE),
    (layers, "posting/models/post.py", "from posting.compose import create\n"),
    (layers, "posting/states.py", "from posting import models\n"),
    (layers, "posting/api.py", "from posting.views import index\n"),
    (layers, "posting/forms.py", "from . import views\n"),
)


@pytest.mark.parametrize(("check", "path", "text"), BAD)
def test_a_bad_sample_is_found(check: Check, path: str, text: str) -> None:
    assert list(check(Module(path, text)))


def test_a_good_sample_is_let_through() -> None:
    text = PURPOSE + "from posting.models import Post\n\n\ndef f() -> None:\n    print(Post)\n"
    assert [c for check in CHECKS for c in check(Module("posting/compose.py", text))] == []


def test_a_circle_is_found() -> None:
    first = Module("a/one.py", "from a import two\n")
    second = Module("a/two.py", "import a.three\n")
    third = Module("a/three.py", "from .one import thing\n")
    assert list(circles([first, second, third])) == [
        "a circle of imports: a.one → a.two → a.three → a.one"
    ]
    assert list(circles([first, second])) == []

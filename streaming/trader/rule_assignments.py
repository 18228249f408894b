"""Which assignments of a rule keep nothing: to a new object, to a list filled here. Pure."""

import ast
from collections.abc import Iterator

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DISPLAYS = (ast.List, ast.Dict, ast.ListComp, ast.DictComp)
_MAKERS = frozenset("Counter OrderedDict defaultdict deque dict list sorted".split())


def find_harmless(tree: ast.Module) -> frozenset[ast.AST]:
    """The attributes and items that may be assigned, and calls of a base class's `__init__`.

    What `__init__` gives its object is judged when the rule is loaded; what a function makes for
    itself ends with it, or is judged as what a closure holds.
    """
    nodes = list(ast.walk(tree))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    of_items = (node for function in functions for node in _find_own_items(function))
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    of_attributes = (
        node
        for class_ in classes
        for method in class_.body
        if isinstance(method, ast.FunctionDef) and method.name == "__init__"
        for node in _find_own_attributes(method)
    )
    return frozenset([*of_items, *of_attributes])


def _find_own_attributes(method: ast.FunctionDef) -> Iterator[ast.AST]:
    """Those of the object that an `__init__` makes, and its call of the base class's."""
    parameters = [*method.args.posonlyargs, *method.args.args]
    for node in _walk_body(method):
        match node:
            case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store()):
                if parameters and name == parameters[0].arg:
                    yield node
            case ast.Attribute(
                value=ast.Call(func=ast.Name(id="super"), args=[], keywords=[]), attr="__init__"
            ):
                yield node


def _find_own_items(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Items of the lists and dictionaries that a function itself makes, and names nothing else."""
    body = list(_walk_body(function))
    targets = [
        node.targets[0] if isinstance(node, ast.Assign) else node.target
        for node in body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value and _makes(node.value)
    ]
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    others = {
        node.id
        for node in body
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node not in targets
    }
    for node in body:
        match node:
            case ast.Subscript(value=ast.Name(id=name)) if name in names - others:
                yield node


def _makes(expression: ast.expr) -> bool:
    match expression:
        case ast.Call(func=ast.Name(id=name)):
            return name in _MAKERS
        case ast.BinOp(left=left, op=ast.Mult(), right=right):  # [0] * 3
            return _makes(left) or _makes(right)
    return isinstance(expression, _DISPLAYS)


def _walk_body(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function, less those of functions and classes in it."""
    nodes: list[ast.AST] = list(function.body)
    while nodes:
        node = nodes.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            nodes.extend(ast.iter_child_nodes(node))

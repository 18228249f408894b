"""Where a rule's text depends on the order of a set, which differs from process to process.

Python salts the hashes of texts, so that the first of a set of texts is another one in the
backtest than in the trader. What does not depend on the order is listed; the rest is refused.
"""

import ast
from collections.abc import Iterator

_SET_TYPES = frozenset({"set", "frozenset"})
_SET_ANNOTATIONS = _SET_TYPES | {"AbstractSet", "FrozenSet", "MutableSet", "Set"}
_WRAPPERS = frozenset("Annotated ClassVar Final Optional Union".split())
_SETS_OF_SETS = frozenset("copy difference intersection symmetric_difference union".split())
_VIEWS = frozenset({"items", "keys"})  # of a dictionary: `&` of two is a set
_ORDERLESS_METHODS = _SETS_OF_SETS | frozenset(
    "add clear difference_update discard intersection_update isdisjoint issubset issuperset"
    " remove symmetric_difference_update update".split()
)
_ORDERLESS_FUNCTIONS = _SET_TYPES | frozenset("all any bool isinstance len max min sorted".split())
_OPERATORS = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.Sub)


def find_uses_of_order(tree: ast.Module, imported: frozenset[str]) -> Iterator[ast.expr]:
    """The sets of a file that are used in a way that their order could be seen in.

    `imported` are the names of the sets that other modules define.
    """
    return _Sets(tree, imported).find_uses_of_order()


class _Sets:
    """The sets of a file, and the expressions around them."""

    def __init__(self, tree: ast.Module, imported: frozenset[str]) -> None:
        self._nodes = list(ast.walk(tree))
        self._parents = {
            child: node for node in self._nodes for child in ast.iter_child_nodes(node)
        }
        self._view_names = {
            target.id
            for node in self._nodes
            if isinstance(node, ast.Assign) and _is_view(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self._set_names = set(imported)
        count = -1
        while count < len(self._set_names):  # a name that is assigned to another
            count = len(self._set_names)
            for node in self._nodes:
                self._set_names.update(self._find_set_names(node))

    def find_uses_of_order(self) -> Iterator[ast.expr]:
        for node in self._nodes:
            if isinstance(node, ast.expr) and self._is_set(node):
                if not self._is_orderless(node):
                    yield node
            elif isinstance(node, ast.Name) and node.id in _SET_TYPES:
                if not self._is_type_alone(node):
                    yield node

    def _find_set_names(self, node: ast.AST) -> Iterator[str]:
        """The names that a node assigns sets to, or annotates as sets."""
        match node:
            case ast.Assign() if self._is_set(node.value):
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))
            case ast.NamedExpr() if self._is_set(node.value):
                yield node.target.id
            case ast.AnnAssign(target=ast.Name(id=name)):
                if _names_a_set(node.annotation) or (node.value and self._is_set(node.value)):
                    yield name
            case ast.arg() if node.annotation and _names_a_set(node.annotation):
                yield node.arg
            case ast.arguments():
                by_place = [*node.posonlyargs, *node.args]
                pairs = [
                    *zip(reversed(by_place), reversed(node.defaults), strict=False),
                    *zip(node.kwonlyargs, node.kw_defaults, strict=True),
                ]
                yield from (
                    parameter.arg for parameter, value in pairs if value and self._is_set(value)
                )

    def _is_set(self, expression: ast.expr) -> bool:
        match expression:
            case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name, ctx=ast.Load()):
                return name in self._set_names
            case ast.Call():
                return self._gives_set(expression.func)
            case ast.BinOp(op=op) if isinstance(op, _OPERATORS):
                sides = (expression.left, expression.right)
                return any(self._is_set(side) or self._is_view(side) for side in sides)
            case ast.IfExp() | ast.BoolOp() | ast.NamedExpr():
                return any(map(self._is_set, _find_outcomes(expression)))
        return isinstance(expression, ast.Set | ast.SetComp)

    def _is_view(self, expression: ast.expr) -> bool:
        if isinstance(expression, ast.Name):
            return expression.id in self._view_names
        return _is_view(expression)

    def _gives_set(self, function: ast.expr) -> bool:
        if isinstance(function, ast.Attribute):
            return function.attr in _SETS_OF_SETS and self._is_set(function.value)
        return isinstance(function, ast.Name) and function.id in _SET_TYPES

    def _is_orderless(self, expression: ast.expr) -> bool:
        """Whether the order cannot be seen in what the expression around a set does with it."""
        parent = self._parents[expression]
        return (
            _is_truth(parent, expression)
            or _is_assigned(parent)
            or self._is_operand(parent, expression)
            or expression in _find_outcomes(parent)  # which is a set too, judged for itself
        )

    def _is_operand(self, parent: ast.AST, expression: ast.expr) -> bool:
        """Whether a set is in an operation of sets, or one whose outcome has no order."""
        match parent:
            case ast.Attribute(attr=attribute):
                return attribute in _ORDERLESS_METHODS
            case ast.Call() if expression in parent.args:
                has_key = any(keyword.arg == "key" for keyword in parent.keywords)
                return self._takes_no_order(parent.func) and not has_key
            case ast.BinOp(op=op):
                return isinstance(op, _OPERATORS)
        return False

    def _takes_no_order(self, function: ast.expr) -> bool:
        if isinstance(function, ast.Attribute):
            return function.attr in _ORDERLESS_METHODS and self._is_set(function.value)
        return isinstance(function, ast.Name) and function.id in _ORDERLESS_FUNCTIONS

    def _is_type_alone(self, name: ast.Name) -> bool:
        """Whether `set` or `frozenset` is called, an annotation, or a type that is asked for."""
        child: ast.AST = name
        while isinstance(self._parents[child], ast.Subscript | ast.BinOp | ast.Tuple):
            child = self._parents[child]
        match self._parents[child]:
            case ast.Call(func=function, args=arguments):
                is_asked = isinstance(function, ast.Name) and function.id == "isinstance"
                return function is name or (is_asked and child in arguments[1:])
            case ast.AnnAssign(annotation=annotation) | ast.arg(annotation=annotation):
                return child is annotation
            case ast.FunctionDef(returns=returns):
                return child is returns
        return False


def _names_a_set(annotation: ast.expr) -> bool:
    """Whether an annotation is `set[…]`, `frozenset[…]`, `Set` or `AbstractSet`.

    Also as text, or as one of several types (`Optional[…]`, `… | None`).
    """
    match annotation:
        case ast.Constant(value=str(text)):
            try:
                return _names_a_set(ast.parse(text, mode="eval").body)
            except SyntaxError:
                return False
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _names_a_set(left) or _names_a_set(right)
        case ast.Subscript(value=outer, slice=inner):
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            is_wrapper = _last_name(outer) in _WRAPPERS
            return any(map(_names_a_set, parts)) if is_wrapper else _names_a_set(outer)
    return _last_name(annotation) in _SET_ANNOTATIONS


def _last_name(expression: ast.expr) -> str:
    return ast.unparse(expression).rpartition(".")[2]


def _is_view(expression: ast.expr) -> bool:
    return (
        isinstance(expression, ast.Call)
        and isinstance(expression.func, ast.Attribute)
        and expression.func.attr in _VIEWS
    )


def _find_outcomes(node: ast.AST) -> list[ast.expr]:
    """The parts one of which is the value of a conditional expression, or an assigned one."""
    match node:
        case ast.IfExp(body=body, orelse=other):
            return [body, other]
        case ast.BoolOp(values=values):
            return values
        case ast.NamedExpr(value=value):
            return [value]
    return []


def _is_truth(parent: ast.AST, expression: ast.expr) -> bool:
    """Whether a set is compared, or asked whether it is empty."""
    match parent:
        case ast.Compare() | ast.UnaryOp(op=ast.Not()) | ast.Expr():
            return True
        case ast.If() | ast.While() | ast.Assert() | ast.IfExp():
            return parent.test is expression
    return False


def _is_assigned(parent: ast.AST) -> bool:
    """Whether a set gets a name, under which it is known as one."""
    match parent:
        case ast.Assign(targets=targets):
            return all(isinstance(target, ast.Name) for target in targets)
        case ast.AnnAssign(target=ast.Name()) | ast.AugAssign(target=ast.Name()):
            return True
    return isinstance(parent, ast.arguments)  # the default of a parameter

"""Lowered source as machine code: the few forms of Python in it, translated to LLVM instructions.

A source has numbers, pointers to flat buffers, loops over ranges and calls; each name is assigned once,
except ``total``, to which a loop adds. Types follow from the buffers, and a plain number takes the type of
the other operand, as in NumPy. The machine code calls nothing but BLAS and the C library.

This file needs llvmlite, of the extra ``fast``: only what compiles imports it.
"""

from __future__ import annotations

import ast
import inspect
import operator
from collections.abc import Mapping, Sequence
from functools import cache
from textwrap import dedent
from typing import Any, NamedTuple

import llvmlite.binding as llvm
from llvmlite import ir

from diynn.execution import vector_math
from diynn.execution.instructions import (
    CALLS,
    FLAG,
    FUSED,
    KINDS,
    TYPES,
    WORD,
    Typed,
    alike,
    compare,
    converted,
    mathematical,
    products,
    typed,
)
from diynn.execution.walking import Function

_ANY_ORDER = ("contract", "reassoc")  # a sum may be computed as several partial sums
_ARITHMETIC = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}
_OF_BITS = {ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor", ast.LShift: "shl", ast.RShift: "ashr"}
_OF_NUMBERS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
# N and T are BLAS's flags: a matrix as it is stored, or transposed.
_NUMBERS = {"N": 111, "T": 112, "inf": float("inf"), "nan": float("nan")}


class Object(NamedTuple):
    """Machine code, and the symbols that it needs."""

    code: bytes
    needs: list[str]


def compile_functions(functions: Mapping[str, Function], width: int, machine: Any) -> Object:
    """Compile functions, by the names of their symbols, for an LLVM target machine.

    ``width`` is that of BLAS's integers, in bits.
    """
    module = ir.Module()
    module.triple = llvm.get_default_triple()
    for name, function in functions.items():
        _Translation(module, width).add(name, function)
    code = llvm.parse_assembly(str(module), llvm.create_context())  # whose types are freed with it
    code.verify()
    _optimise(code, machine)
    needs = [
        each.name for each in code.functions if each.is_declaration and not each.name.startswith("llvm.")
    ]
    return Object(machine.emit_object(code), needs)


def _optimise(code: Any, machine: Any) -> None:
    """Run LLVM's passes, with vector instructions."""
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(code, builder)


class _Translation:
    """The translation of one function into a module."""

    def __init__(self, module: Any, width: int) -> None:
        self.module, self.calls = module, CALLS | products(width)
        self.variables: dict[Any, Any] = {}  # the memory of each, by name and type
        self.changing: set[str] = {"total"}
        self.entry: Any = None
        self.builder: Any = None

    def add(self, name: str, function: Function) -> None:
        """Add a function to the module, and a wrapper that takes its arguments from a table."""
        (tree,) = ast.parse(function.text).body
        assert isinstance(tree, ast.FunctionDef)
        self.changing |= {
            each.target.id
            for each in ast.walk(tree)
            if isinstance(each, ast.AugAssign) and isinstance(each.target, ast.Name)
        }
        types = [TYPES[WORD] if kind is None else _in_memory(kind).as_pointer() for kind in function.kinds]
        inner = ir.Function(self.module, ir.FunctionType(ir.VoidType(), types), f"{name}.inner")
        inner.linkage = "internal"
        for argument, kind in zip(inner.args, function.kinds, strict=True):
            if kind is not None and function.apart:
                argument.add_attribute("noalias")
        self.entry = ir.IRBuilder(inner.append_basic_block())
        self.builder = ir.IRBuilder(inner.append_basic_block())
        begin = self.builder.block
        names = [each.arg for each in tree.args.args]
        kinds = [WORD if kind is None else kind for kind in function.kinds]
        self.block(tree.body, dict(zip(names, map(Typed, inner.args, kinds), strict=True)))
        if not self.builder.block.is_terminated:
            self.builder.ret_void()
        self.entry.branch(begin)
        outer = ir.Function(self.module, ir.FunctionType(ir.VoidType(), [TYPES[WORD].as_pointer()]), name)
        builder = ir.IRBuilder(outer.append_basic_block())
        words = [
            builder.load(builder.gep(outer.args[0], [ir.Constant(TYPES[WORD], k)])) for k in range(len(types))
        ]
        builder.call(
            inner, [builder.inttoptr(w, t) if t.is_pointer else w for w, t in zip(words, types, strict=True)]
        )
        builder.ret_void()

    # -------------------------------------------------------------- statements

    def block(self, body: Sequence[ast.stmt], scope: dict[str, Any]) -> None:
        """Translate statements, in the names known so far."""
        for each in body:
            self.statement(each, scope)

    def statement(self, node: ast.stmt, scope: dict[str, Any]) -> None:
        """Translate a statement."""
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found = self.expression(value, scope)
                scope[name] = self.variable(name, found) if name in self.changing else found
            case ast.Assign(targets=[ast.Subscript() as place], value=value):
                self.put(place, self.expression(value, scope), scope)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                old, kind = scope[name]
                part = typed(self.expression(value, scope), kind)
                self.builder.store(self.sum(self.builder.load(old), part.value, kind, _ANY_ORDER), old)
            case ast.AugAssign(target=ast.Subscript() as place, value=value):
                old = self.expression(place, scope)
                part = typed(self.expression(value, scope), old.kind)
                self.put(place, Typed(self.sum(old.value, part.value, old.kind, FUSED), old.kind), scope)
            case ast.For(target=ast.Name(id=name), iter=ast.Call(args=bounds), body=body):
                self.loop(name, [self.word(each, scope) for each in bounds], body, scope)
            case ast.While(test=test, body=body):
                self.repeat(test, body, scope)
            case ast.If(test=test, body=body):
                with self.builder.if_then(self.flag(test, scope)):
                    self.block(body, dict(scope))
            case ast.Expr(value=ast.Call() as call):
                self.expression(call, scope)
            case ast.Expr(value=ast.Constant()):
                pass  # a docstring
            case _:
                raise NotImplementedError(ast.unparse(node))

    def variable(self, name: str, found: Any) -> Typed:
        """Assign to a variable; return its memory."""
        value, kind = typed(found, WORD)
        if (name, kind) not in self.variables:
            self.variables[name, kind] = self.entry.alloca(TYPES[kind])
        self.builder.store(value, self.variables[name, kind])
        return Typed(self.variables[name, kind], kind)

    def put(self, place: ast.Subscript, found: Any, scope: dict[str, Any]) -> None:
        """Write an element of a buffer."""
        pointer, kind = self.element(place, scope)
        value = typed(found, kind).value
        self.builder.store(self.builder.zext(value, _in_memory(kind)) if kind == FLAG else value, pointer)

    def loop(self, name: str, bounds: list[Any], body: Sequence[ast.stmt], scope: dict[str, Any]) -> None:
        """Translate a loop over ``range(*bounds)``."""
        zero, one = (ir.Constant(TYPES[WORD], number) for number in (0, 1))
        start, stop, step = [*([zero] if len(bounds) == 1 else []), *bounds, one][:3]
        before, head = self.builder.block, self.builder.append_basic_block()
        within, after = self.builder.append_basic_block(), self.builder.append_basic_block()
        self.builder.branch(head)
        self.builder.position_at_end(head)
        index = self.builder.phi(TYPES[WORD])
        index.add_incoming(start, before)
        self.builder.cbranch(self.builder.icmp_signed("<", index, stop), within, after)
        self.builder.position_at_end(within)
        self.block(body, scope | {name: Typed(index, WORD)})
        index.add_incoming(self.builder.add(index, step, flags=["nsw"]), self.builder.block)
        self.builder.branch(head)
        self.builder.position_at_end(after)

    def repeat(self, test: ast.expr, body: Sequence[ast.stmt], scope: dict[str, Any]) -> None:
        """Translate a ``while`` loop."""
        head, within, after = (self.builder.append_basic_block() for _ in range(3))
        self.builder.branch(head)
        self.builder.position_at_end(head)
        self.builder.cbranch(self.flag(test, scope), within, after)
        self.builder.position_at_end(within)
        self.block(body, dict(scope))
        self.builder.branch(head)
        self.builder.position_at_end(after)

    # -------------------------------------------------------------- expressions

    def expression(self, node: ast.expr, scope: dict[str, Any]) -> Any:
        """Return a typed value, or a plain number, which has no type yet."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self.name(name, scope)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                return getattr(scope[name], attribute)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.negative(self.expression(operand, scope))
            case ast.BinOp(left=left, op=op, right=right):
                return self.binary(type(op), self.expression(left, scope), self.expression(right, scope))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                one, other = alike(self.expression(left, scope), self.expression(right, scope))
                return Typed(compare(self.builder, _COMPARE[type(op)], one, other), FLAG)
            case ast.IfExp(test=test, body=one, orelse=other):
                condition = self.flag(test, scope)
                values = alike(self.expression(one, scope), self.expression(other, scope))
                return Typed(self.builder.select(condition, *(each.value for each in values)), values[0].kind)
            case ast.Subscript():
                pointer, kind = self.element(node, scope)
                value = self.builder.load(pointer)
                return Typed(self.builder.trunc(value, TYPES[FLAG]) if kind == FLAG else value, kind)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self.call(name, [self.expression(each, scope) for each in arguments])
        raise NotImplementedError(ast.unparse(node))

    def name(self, name: str, scope: dict[str, Any]) -> Any:
        """Return the value of a name."""
        if name in scope:
            found = scope[name]
            return Typed(self.builder.load(found.value), found.kind) if name in self.changing else found
        return _NUMBERS[name]

    def element(self, place: ast.Subscript, scope: dict[str, Any]) -> Typed:
        """Return the address of an element of a buffer."""
        pointer, kind = self.expression(place.value, scope)
        return Typed(self.builder.gep(pointer, [self.word(place.slice, scope)], inbounds=True), kind)

    def word(self, node: ast.expr, scope: dict[str, Any]) -> Any:
        """Return an integer of 64 bits."""
        return typed(self.expression(node, scope), WORD).value

    def flag(self, node: ast.expr, scope: dict[str, Any]) -> Any:
        """Return a truth value."""
        found = typed(self.expression(node, scope), WORD)
        return found.value if found.kind == FLAG else compare(self.builder, "!=", found, typed(0, found.kind))

    def sum(self, one: Any, other: Any, kind: Any, flags: tuple[str, ...]) -> Any:
        """Add two values of a type."""
        return (
            self.builder.fadd(one, other, flags=flags) if kind.kind == "f" else self.builder.add(one, other)
        )

    def negative(self, found: Any) -> Any:
        """Return -x."""
        if not isinstance(found, Typed):
            return -found
        make = self.builder.fneg if found.kind.kind == "f" else self.builder.neg
        return Typed(make(found.value), found.kind)

    def binary(self, op: type[ast.operator], left: Any, right: Any) -> Any:
        """Translate an operator of two operands."""
        if not isinstance(left, Typed) and not isinstance(right, Typed):
            return _OF_NUMBERS[op](left, right)
        one, other = alike(left, right)
        if one.kind.kind == "f":
            return Typed(
                getattr(self.builder, f"f{_ARITHMETIC[op]}")(one.value, other.value, flags=FUSED), one.kind
            )
        if op in _OF_BITS:
            return Typed(getattr(self.builder, _OF_BITS[op])(one.value, other.value), one.kind)
        flags = ("nsw",) if one.kind == WORD else ()  # narrower integers may wrap around
        return Typed(getattr(self.builder, _ARITHMETIC[op])(one.value, other.value, flags=flags), one.kind)

    # -------------------------------------------------------------- calls

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Translate a call; return its result."""
        if name in KINDS:
            return converted(self.builder, arguments[0], KINDS[name])
        if name in self.calls:
            return self.calls[name](self.builder, *arguments)
        if f"{name}.inner" in self.module.globals:  # a function that was compiled before this one
            inner = self.module.globals[f"{name}.inner"]
            return self.builder.call(inner, [typed(each, WORD).value for each in arguments])
        if name in vector_math.WRITTEN:
            return self.written(name, arguments)
        (kind,) = {each.kind for each in arguments if isinstance(each, Typed)}
        operands = [typed(each, kind) for each in arguments]
        found = mathematical(self.builder, name, operands)
        if found is not None:
            return found
        return self.written(name[:-2], [*operands, _constants(kind)])  # such as exp32

    def written(self, name: str, arguments: list[Any]) -> Any:
        """Inline a function of `vector_math`; return its result."""
        tree = _definition(name)
        scope = dict(zip((each.arg for each in tree.args.args), arguments, strict=True))
        for each in tree.body[1:-1]:
            self.statement(each, scope)
        last = tree.body[-1]
        assert isinstance(last, ast.Return)
        assert last.value is not None
        return self.expression(last.value, scope)


def _in_memory(kind: Any) -> Any:
    """Return the type of a buffer's elements: a truth value is a byte, 0 or 1."""
    return ir.IntType(8) if kind == FLAG else TYPES[kind]


@cache
def _definition(name: str) -> ast.FunctionDef:
    (tree,) = ast.parse(dedent(inspect.getsource(vector_math.WRITTEN[name]))).body
    assert isinstance(tree, ast.FunctionDef)
    return tree


@cache
def _constants(kind: Any) -> vector_math.Constants:
    return vector_math.constants(kind.type)

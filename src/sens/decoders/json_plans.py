"""What to do with JSON records of one form, found once per form and then only looked up.

A record's form is the names and types in it. A flat record's form is known after one look-up. A nested one is
opened level by level: the names and types of a level lead to a `_Step`, which says what to open next, or to
the `Plan`, which says what the leaves (numbers, booleans, texts, nulls) become. So the work per message is a
few tuples per level, and none per leaf.
"""

from collections.abc import Sequence
from typing import Any

from sens.decoders.assembly import Value
from sens.decoders.caches import BoundedCache
from sens.decoders.json_options import FieldOptions, JsonOptions
from sens.decoders.shapes import KIND_OF, ShapeCache, fields_size_bytes
from sens.decoders.values import Converter, converter
from sens.domain.columns import NOTHING, Field, Kind, Shape
from sens.domain.errors import Reject
from sens.domain.reasons import Reason

_NESTED = frozenset((dict, list))
_INNER = object()  # in a signature: here an inner object or array begins
_BYTES_PER_PART = 60


class Plan:
    """What to do with the leaves of a record of one form.

    Attributes:
        shape: of the readings when the topic names the device; `NOTHING` if there are none.
        keep: the leaves that are readings; None: all.
        convert: reading → its converter, for those that have one.
        as_it_is: whether the leaves are the readings.
    """

    __slots__ = ("as_it_is", "convert", "keep", "shape")

    def __init__(self, shape: Shape, keep: tuple[int, ...] | None, convert: dict[int, Converter]) -> None:
        self.shape = shape
        self.keep = keep
        self.convert = tuple(convert.items())
        self.as_it_is = keep is None and not convert

    def values(self, leaves: Sequence[Any]) -> Sequence[Value]:
        """The readings' values.

        Raises:
            Reject: a value cannot be converted to the kind that is declared for it.
        """
        values = leaves if self.keep is None else [leaves[at] for at in self.keep]
        if self.convert:
            values = list(values)
            for at, convert in self.convert:
                values[at] = convert(values[at])
        return values


class _Step:
    """A level of records of one form that are nested deeper.

    Attributes:
        depth: of this level; the outermost is 1.
        leaf_names: dotted names of the leaves of all levels so far.
        leaves: which items of this level are leaves.
        nested: which are objects or arrays, and whether they are objects.
        nested_names: their dotted names.
    """

    __slots__ = ("depth", "leaf_names", "leaves", "nested", "nested_names")

    def __init__(self, depth: int, outer_names: list[str], names: list[str], items: Sequence[Any]) -> None:
        self.depth = depth
        is_nested = [type(item) in _NESTED for item in items]
        self.leaves = tuple(at for at, nested in enumerate(is_nested) if not nested)
        self.leaf_names = outer_names + [names[at] for at in self.leaves]
        self.nested = tuple((at, type(items[at]) is dict) for at, nested in enumerate(is_nested) if nested)
        self.nested_names = [names[at] for at, _ in self.nested]


class Plans:
    """Plans by form, and the shapes of each plan by device."""

    def __init__(self, options: JsonOptions) -> None:
        self._options = options
        self._found: BoundedCache[tuple[object, ...], Plan | _Step] = BoundedCache()
        self._shapes = ShapeCache(options)

    def plan(self, metric: str, record: Any) -> tuple[Plan, Sequence[Any]]:
        """The plan of a record, and its leaves.

        Args:
            metric: starts the names of all its readings; "" if the payload names none.
            record: an object, an array or a single value.

        Raises:
            Reject: the record cannot be turned into readings.
        """
        kind = record.__class__
        items: Sequence[Any]
        if kind is dict:
            items = tuple(record.values())
            # All names, then all types: no two forms have the same signature.
            signature: tuple[object, ...] = (metric, *record, *map(type, items))
        elif kind is list:
            items, signature = record, (metric, _INNER, *map(type, record))
        else:
            items, signature = (record,), (metric, "", kind)
        found = self._found.get(signature)
        if found is None:
            self._options.check_name(metric)  # it starts every name: a long one would be written out for each item
            found = self._find(signature, 1, [], _names(metric, record), (), items)
        return (found, items) if type(found) is Plan else self._open(found, items)

    def _open(self, found: Plan | _Step, items: Sequence[Any]) -> tuple[Plan, Sequence[Any]]:
        """Go down level by level until the plan is found."""
        leaves: list[Any] = []
        while type(found) is _Step:
            signature: list[object] = [found]
            inner_items: list[Any] = []
            for at, is_object in found.nested:
                inner = items[at]
                signature.append(_INNER)  # or empty ones would blur what belongs to which
                if is_object:
                    signature += inner
                    inner = inner.values()
                signature += map(type, inner)
                inner_items += inner
            for at in found.leaves:
                leaves.append(items[at])
            key = tuple(signature)
            next_found = self._found.get(key)
            if next_found is None:
                names = [
                    name
                    for (at, _), prefix in zip(found.nested, found.nested_names, strict=True)
                    for name in _names(prefix, items[at])
                ]
                next_found = self._find(key, found.depth + 1, found.leaf_names, names, leaves, inner_items)
            found, items = next_found, inner_items
        assert type(found) is Plan
        leaves += items
        return found, leaves

    def _find(
        self,
        signature: tuple[object, ...],
        depth: int,
        outer_names: list[str],
        names: list[str],
        leaves: Sequence[Any],
        items: Sequence[Any],
    ) -> Plan | _Step:
        """Make and keep the plan or the step of a level, `items`, whose outer levels hold `leaves`."""
        if depth > self._options.max_depth:
            raise Reject(Reason.TOO_DEEP, f"nested deeper than {self._options.max_depth} levels (max_depth)")
        size_bytes = _BYTES_PER_PART * (len(signature) + len(names)) + sum(map(len, names))
        if not _NESTED.isdisjoint(map(type, items)):
            step = _Step(depth, outer_names, names, items)
            for name in step.nested_names:  # also keeps the names of what is in it short
                self._options.check_name(name)
            return self._found.put(signature, step, size_bytes)
        plan = self._compile([*outer_names, *names], [*leaves, *items])
        return self._found.put(signature, plan, size_bytes + fields_size_bytes(plan.shape.fields))

    def _compile(self, names: Sequence[str], leaves: Sequence[Any]) -> Plan:
        keep, fields, convert = list[int](), list[Field](), dict[int, Converter]()
        for at, (name, leaf) in enumerate(zip(names, leaves, strict=True)):
            declared = self._options.field_options(name)
            if leaf is None or declared is None or not self._keeps(leaf, declared):
                continue
            field = Field(None, declared.metric or name, declared.unit, _kind(leaf, declared))
            convert_leaf = converter(declared.kind, declared.scale, declared.offset, name)
            if convert_leaf is not None:
                convert[len(keep)] = convert_leaf
            fields.append(field)
            keep.append(at)
        made = tuple(fields)
        # One shape for {"a": 1} and {"a": 1.5}, though they are two forms.
        shape = (self._shapes.get(made) or self._shapes.put(made, made)) if made else NOTHING
        return Plan(shape, None if len(keep) == len(leaves) else tuple(keep), convert)

    def _keeps(self, leaf: object, declared: FieldOptions) -> bool:
        return self._options.text or not isinstance(leaf, str) or declared.kind != "auto"

    def shape(self, plan: Plan, device: str) -> Shape:
        """The shape of a plan's readings when the payload names the device.

        Raises:
            Reject: see `DecoderOptions.check_name`.
        """
        key = (plan.shape, device)
        return self._shapes.get(key) or self._shapes.put(
            key, tuple(field._replace(device=device) for field in plan.shape.fields)
        )

    def combined(self, shapes: Sequence[Shape]) -> Shape:
        """The shape of a message whose records have these shapes.

        Raises:
            Reject: they have no reading, or too many.
        """
        key = tuple(shapes)
        return self._shapes.get(key) or self._shapes.put(
            key, tuple(field for shape in shapes for field in shape.fields)
        )


def _kind(leaf: object, declared: FieldOptions) -> Kind:
    return KIND_OF[type(leaf)] if declared.kind == "auto" else Kind[declared.kind.upper()]


def _names(prefix: str, value: Any) -> list[str]:
    """The dotted names of the items of an object or array, or of a single value."""
    kind = value.__class__
    if kind is dict:
        return [f"{prefix}.{name}" if prefix and name else prefix or name for name in value]
    if kind is list:
        return [f"{prefix}.{index}" if prefix else str(index) for index in range(len(value))]
    return [prefix]

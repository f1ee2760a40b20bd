"""Typed values from what people say, Chinese and English, and back. The one rule: words become values in code only.

`field_for(name, schema, context)` makes a `Field`; `Field.resolve` reads a surface, `Field.surfaces` says a value,
`Field.find` and `Field.spot` look for values in a text. Generation, prediction and grading share all four.
"""

from manyshot.values.fields import Field, field_for, read_enum
from manyshot.values.kinds import FREE, Kind
from manyshot.values.text import Span

__all__ = ["FREE", "Field", "Kind", "Span", "field_for", "read_enum"]

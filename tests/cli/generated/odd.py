"""A start, made by `tower-vgi describe`. Bytes may be records: the wire does not say."""

from typing import Annotated, ClassVar, Protocol

import pyarrow as pa
from vgi_rpc.utils import ArrowType


class OddThings(Protocol):
    """Ends \"\"\" and */ and \\"""

    protocol_name: ClassVar[str] = "acme.odd_things.v2"

    # "camelCase" is left out: "class" is no name of a parameter.

    def defaults(self, text: str = "a\"\n", flag: bool = True) -> int: ...

    def half(self, value: Annotated[float, ArrowType(pa.float16())]) -> int: ...

    # "self" is left out: it is no name in Python.

    # "takes_self" is left out: "self" is no name of a parameter.

    # "type" is left out: "r#in" is no name of a parameter.

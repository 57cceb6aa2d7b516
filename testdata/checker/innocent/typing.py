from __future__ import annotations
from typing import Any, NamedTuple
class Row(NamedTuple):
    name: str
def f(x: Any) -> list[Row]:
    return [x]
print(f(Row("a")))

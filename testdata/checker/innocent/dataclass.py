from dataclasses import dataclass, field
@dataclass
class Row:
    name: str
    tags: list = field(default_factory=list)
print(Row("a"))

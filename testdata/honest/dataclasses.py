# maximum strict standard minimal
import dataclasses, enum, typing, abc, copy
@dataclasses.dataclass(frozen=True)
class P:
    x: int
    y: int = 0
class C(enum.Flag):
    A = enum.auto()
    B = enum.auto()
assert dataclasses.replace(P(1), y=2) == P(1, 2) and C.A | C.B == C(3) and copy.deepcopy({"p": P(1)})["p"] == P(1)

from enum import Enum
class Colour(Enum):
    RED = 1
print(Colour.RED.name)

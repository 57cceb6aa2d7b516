# script.import.dynamic
import _frozen_importlib
_frozen_importlib.__import__("os")

__version__ = "1.0"
__all__ = ["x"]
__author__ = "Ada"
print(__version__, __file__)

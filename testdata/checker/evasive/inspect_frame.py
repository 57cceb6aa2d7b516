# script.introspection
import inspect
inspect.currentframe()

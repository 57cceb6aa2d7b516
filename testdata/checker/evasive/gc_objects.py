# script.introspection
import gc
gc.get_objects()

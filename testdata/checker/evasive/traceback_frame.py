# script.introspection
try:
    1 / 0
except ZeroDivisionError as error:
    import sys
    sys.exc_info()[2].tb_frame.f_builtins["eval"]("1")

# maximum=timed-out! strict=timed-out! standard=timed-out! minimal=timed-out!; ResourceLimitExceeded Medium wall time; matches a pattern that takes for ever
import re
re.match("(a+)+$", "a" * 64 + "b")

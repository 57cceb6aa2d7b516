# maximum=output-limit! strict=output-limit! standard=output-limit! minimal=output-limit!; ResourceLimitExceeded Medium output; writes errors without end
import sys
while True:
    sys.stderr.write("x" * 65536)

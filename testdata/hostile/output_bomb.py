# maximum=output-limit! strict=output-limit! standard=output-limit! minimal=output-limit!; ResourceLimitExceeded Medium output; writes without end
while True:
    print("x" * 65536)

# maximum=output-limit standard=output-limit: writes without end
while True:
    print("x" * 65536)

# maximum=completed strict=completed standard=completed minimal=completed; none; writes what could drive a terminal
print("\x1b]0;owned\x07\x1b[2J\x1b[31m", "\u202e", "\x00")

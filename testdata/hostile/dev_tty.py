# maximum=failed strict=failed standard=failed minimal=failed; none; opens its terminal
open("/dev/tty", "w")
print("ESCAPED")

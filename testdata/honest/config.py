# maximum strict standard minimal
import configparser, tomllib, shlex, argparse
c = configparser.ConfigParser()
c.read_string("[a]\nb = 1")
assert c.getint("a", "b") == 1 and tomllib.loads("x = [1]") == {"x": [1]} and shlex.split("a 'b c'") == ["a", "b c"]
assert argparse.ArgumentParser().parse_args([])

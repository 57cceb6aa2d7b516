# maximum strict standard minimal
import json
d = {"n": [1, 2.5, None, True], "s": "ü\u2028", "deep": {"a": [{}] * 3}}
assert json.loads(json.dumps(d, indent=2, sort_keys=True)) == d

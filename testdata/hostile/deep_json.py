# maximum=failed strict=failed standard=failed minimal=failed; none; parses a deep document
import json
try:
    json.loads("[" * 10_000_000)
except RecursionError:
    raise SystemExit(1)

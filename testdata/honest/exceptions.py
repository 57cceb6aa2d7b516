# maximum strict standard minimal
import traceback, warnings
try:
    try:
        1 / 0
    except ZeroDivisionError as e:
        raise ValueError("outer") from e
except ValueError:
    assert "ZeroDivisionError" in traceback.format_exc()
with warnings.catch_warnings(record=True) as w:
    warnings.warn("x")

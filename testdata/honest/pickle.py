# maximum strict standard minimal
import pickle, marshal, shelve, copyreg
assert pickle.loads(pickle.dumps({"a": {1, 2}}, 5)) == {"a": {1, 2}} and marshal.loads(marshal.dumps((1, "x"))) == (1, "x")

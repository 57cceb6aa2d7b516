import json
print(json.dumps(json.loads('{"__class__": 1}')))

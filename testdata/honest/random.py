# maximum strict standard minimal
import random, secrets, uuid, os
random.seed(1)
assert random.randint(0, 10**9) == 144272509
assert len(secrets.token_hex(16)) == 32 and uuid.uuid4().version == 4 and len(os.urandom(8)) == 8

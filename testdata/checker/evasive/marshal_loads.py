# script.deserialise
import marshal
marshal.loads(b"x")

# script.deserialise
import shelve
shelve.open("/tmp/x")

# script.deserialise
import yaml
yaml.load("x", Loader=yaml.Loader)

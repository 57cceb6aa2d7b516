# script.attribute.dynamic
type("A", (), {"x": 1})

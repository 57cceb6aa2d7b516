class Unit:
    system = "metric"
print(Unit.system, Unit().system)

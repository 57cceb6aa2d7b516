# script.bidi
ok = "‮"  # ⁦ gnihton
print(ok)

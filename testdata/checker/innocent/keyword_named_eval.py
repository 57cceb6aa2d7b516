print(dict(eval=1, exec=2, open=3))

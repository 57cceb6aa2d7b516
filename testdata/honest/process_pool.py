# standard minimal
from concurrent.futures import ProcessPoolExecutor
if __name__ == "__main__":
    with ProcessPoolExecutor(2) as p:
        assert list(p.map(abs, range(-3, 3))) == [3, 2, 1, 0, 1, 2]

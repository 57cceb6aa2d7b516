# standard minimal
import multiprocessing as mp
def work(q, n):
    q.put(n * n)
if __name__ == "__main__":
    q = mp.Queue()
    ps = [mp.Process(target=work, args=(q, i)) for i in range(4)]
    [p.start() for p in ps]
    assert sorted(q.get() for _ in ps) == [0, 1, 4, 9]
    [p.join() for p in ps]
    with mp.Manager() as m:
        d = m.dict(a=1)
        assert d["a"] == 1

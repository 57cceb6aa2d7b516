# maximum strict standard minimal
import unittest, io
class T(unittest.TestCase):
    def test(self):
        with self.assertRaises(KeyError):
            {}["x"]
assert unittest.TextTestRunner(io.StringIO()).run(unittest.defaultTestLoader.loadTestsFromTestCase(T)).wasSuccessful()

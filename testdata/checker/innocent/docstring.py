"""Never use eval, exec or __import__; subprocess.call is refused."""
print(__doc__)

class Date:
    def format(self, pattern):
        return pattern
print(Date().format("YYYY.MM"))

class Course:
    modules = ["a"]
print(Course.modules[0])

# script.function
ｅｖａｌ("1")

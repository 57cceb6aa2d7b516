# coding: latin-1
# script.encoding
print('é')

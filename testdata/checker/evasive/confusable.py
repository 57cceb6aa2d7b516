# script.identifier
pаss_word = 1
print(pаss_word)

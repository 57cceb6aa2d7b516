from string import Template, ascii_letters
print(Template("$a").substitute(a=1), ascii_letters)

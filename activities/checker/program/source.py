"""What is wrong with a script's bytes before its syntax: encoding, NUL, direction marks, look-alikes."""

# Characters that make a line look other than it reads (embedding, override, isolate).
_BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_MAX_MARKS = 20

# Scripts whose letters pass for Latin ones.
_LOOK_ALIKES = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")


def examine(source, report):
    """Reports on the bytes and returns them as text, or None when it is no use to go on."""
    if b"\0" in source:
        report.at("script.nul", "", source.count(b"\n", 0, source.index(b"\0")) + 1, 1)
        return None
    cookie = _cookie(source)
    if cookie is not None and cookie not in ("utf-8", "utf8"):
        report.at("script.encoding", cookie[:40], 1, 1)
        return None
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        report.at("script.encoding", "not UTF-8", source.count(b"\n", 0, error.start) + 1, 1)
        return None


def _cookie(source):
    """The encoding that the first two lines declare (PEP 263), as Python reads it."""
    for line in source.split(b"\n", 2)[:2]:
        line = line.lstrip(b" \t\f\xef\xbb\xbf")
        if not line.startswith(b"#"):
            if line.strip():
                return None
            continue
        for mark in (b"coding:", b"coding="):
            _, found, rest = line.partition(mark)
            name = _leading_name(rest.lstrip(b" \t")) if found else ""
            if name:
                return name.lower().replace("_", "-")
    return None


def _leading_name(text):
    end = 0
    while end < len(text) and (text[end : end + 1].isalnum() or text[end : end + 1] in b"-_."):
        end += 1
    return text[:end].decode("ascii", "replace")


def marks(text, report):
    """Direction marks, wherever they are: also a comment can be made to look like code."""
    if text.isascii():
        return
    seen = 0
    for number, line in enumerate(text.split("\n"), 1):
        for column, char in enumerate(line, 1):
            if char in _BIDI and seen < _MAX_MARKS:
                report.at("script.bidi", f"U+{ord(char):04X}", number, column)
                seen += 1


def identifiers(text, report):
    """Names that Python reads as others, or that mix alphabets to look like others."""
    if text.isascii():
        return
    from io import StringIO
    from tokenize import NAME, generate_tokens

    for token in generate_tokens(StringIO(text).readline):
        if token.type == NAME and not token.string.isascii():
            _identifier(token.string, token.start, report)


def _identifier(name, start, report):
    from unicodedata import name as name_of
    from unicodedata import normalize

    line, column = start
    if normalize("NFKC", name) != name:
        report.at("script.identifier", normalize("NFKC", name), line, column + 1)
        return
    alphabets = {name_of(char, "").split(" ")[0] for char in name if char.isalpha()}
    if "LATIN" in alphabets and alphabets.intersection(_LOOK_ALIKES):
        report.at("script.identifier", name, line, column + 1)

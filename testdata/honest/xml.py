# maximum strict standard minimal
import xml.etree.ElementTree as E, xml.dom.minidom, html.parser
r = E.fromstring("<a><b c='1'/>x</a>")
assert r.find("b").get("c") == "1" and xml.dom.minidom.parseString(E.tostring(r)).documentElement.tagName == "a"

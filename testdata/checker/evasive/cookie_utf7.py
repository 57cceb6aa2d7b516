# script.encoding
# -*- coding: utf_7 -*-
print(1) #+AAo-import os

# script.import.dynamic
import zipimport
zipimport.zipimporter("/tmp/x.zip")

# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/sys/firmware/acpi/tables/DSDT"; reads the firmware's tables
print(open("/sys/firmware/acpi/tables/DSDT", "rb").read(1), "ESCAPED")

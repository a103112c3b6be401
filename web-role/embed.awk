# SPDX-License-Identifier: GPL-3.0-or-later
# Turns the text given into a C string, NAME and NAME_len, with @VERSION@ replaced. -v name=NAME -v version=VERSION
BEGIN { printf "#include \"%s.h\"\nconst char %s[] =\n", name, name }
{ gsub(/@VERSION@/, version); gsub(/\\/, "\\\\\\\\"); gsub(/"/, "\\\""); printf "\"%s\\n\"\n", $0 }
END { printf ";\nconst unsigned long %s_len = sizeof %s - 1;\n", name, name }

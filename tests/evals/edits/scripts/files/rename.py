def new_name(name, number):
	stem, dot, extension = name.rpartition(".")
	if not dot:
		return "%s-%d" % (name, number)
	return "%s-%d.%s" % (stem, number, extension)


def numbered(names):
	return [new_name(name, number) for number, name in enumerate(names, 1)]

"""The venue's cold half: keys, REST, its quota, openings from evidence, funds."""

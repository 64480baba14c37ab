"""The figures of a screen beside those of a scrape, by series."""

from prometheus_client.parser import text_string_to_metric_families

from ops.screen import BY_NAME, Figures


def values(scraped):
    """Return {(name, *sorted labels): value} of a scrape's text."""
    return {
        (s.name, *sorted(s.labels.items())): s.value
        for family in text_string_to_metric_families(scraped)
        for s in family.samples
    }


def series(cell):
    """Name the scraped series of a cell."""
    family = BY_NAME[cell.metric]
    suffix = "_count" if family.kind == "histogram" else ""
    labels = zip(family.labels, cell.labels, strict=True)
    return (family.exported + suffix, *sorted(labels))


def shown(screen, found):
    """Return {series: value} of every figure on a screen."""
    figures = Figures(found)
    return {series(cell): figures.value(cell.metric, cell.labels) for cell in screen.cells()}

"""Parts of `corelane latency-profile`: documents, figures, the page."""

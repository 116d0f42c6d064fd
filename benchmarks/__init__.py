"""geoklynge beside other libraries, on the same work: ``make bench``, or ``python -m benchmarks --help``."""

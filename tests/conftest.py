"""What holds for all tests: Hypothesis may take its time, however slow and busy the machine is."""

from hypothesis import HealthCheck, settings

settings.register_profile("corelane", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("corelane")

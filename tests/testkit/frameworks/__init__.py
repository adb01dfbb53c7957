"""Programs that use the speech services of agent frameworks. They run in an environment that has the framework."""

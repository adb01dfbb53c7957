"""The doors through which `nova simulate-call` plays a call: the native one, and those of telephone systems."""

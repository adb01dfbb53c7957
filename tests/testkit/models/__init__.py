"""Metrics and derived models for tests of recognizers and translators."""

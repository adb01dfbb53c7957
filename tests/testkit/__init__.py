"""Real servers, clients and recordings that tests use instead of mocks."""
